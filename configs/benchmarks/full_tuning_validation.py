# Is the tiny CLIP like a real one? Full fine-tuning (ViFi-CLIP) at four learning rates beside prompts: eight
# validation draws of the mild style.
#   python tools/run_protocol.py configs/benchmarks/full_tuning_validation.py
# Measured: docs/experiments/full_tuning.md.
_base_ = './miniature.py'

title = 'Full fine-tuning on the miniature world, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104, 105, 106, 107])]
methods = {
    'coupled prompts': None,
    **{
        f'ViFi-CLIP, rate {rate:g}': dict(
            config='../zoo/miniature.py',
            env=dict(GA2MM_METHOD='vificlip'),
            options={'optim_wrapper.optimizer.lr': rate},
            series='ViFi-CLIP, by rate',
            value=rate)
        for rate in [3e-6, 1e-5, 3e-5, 1e-4]
    },
}
datasets = dict(strong=None)
baseline = ['zero-shot CLIP', 'deep prompts']
draws = [100, 101, 102, 103, 104, 105, 106, 107]
