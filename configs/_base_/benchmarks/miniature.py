# What the benchmarks of the miniature world compare. Paths are relative to configs/benchmarks.
note = (
    'Generated videos and a tiny CLIP: this shows how the methods act, and says nothing about real CLIP or real '
    'video.')
datasets = dict(mild=dict(env=dict(GA2MM_STYLE='mild')))
methods = {
    'zero-shot CLIP': dict(config='../ga2/miniature_zero_shot.py', learns=False),
    'deep prompts': dict(config='../ga2/miniature_deep_prompts.py'),
    'coupled prompts': dict(config='../ga2/miniature_coupled.py'),
    'GA2-CLIP': dict(config='../ga2/miniature_ga2.py'),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(GA2MM_STYLE='{GA2MM_STYLE}'))
baseline = 'deep prompts'
draws = [0, 1, 2, 3, 4]
seeds = [0]
