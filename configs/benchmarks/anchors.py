# Anchors on the test draws, compared with plain and coupled prompts, self-consistency on the labelled clips,
# and the free baseline: logits averaged with the frozen CLIP's. Also measures the detection of irrelevant
# videos. The first methods come from miniature.py. Each method is tested as published and with the calibration
# by anchors (docs/calibration.md), from one training.
#   python tools/run_protocol.py configs/benchmarks/anchors.py
# Measured: README.md and docs/anchors.md.
_base_ = './miniature.py'

title = 'Anchors on the miniature world'
chief = 'GA2-CLIP'  # the report tells of this method
datasets = {style: dict(test_sets=['../_base_/test_sets/miniature_irrelevant.py']) for style in ('mild', 'strong')}
baseline = ['deep prompts', 'self-consistency', 'GA2-CLIP', 'GA2-CLIP, calibrated']
variants = {'calibrated': dict(env=dict(GA2MM_CALIBRATION=0.25))}
methods = {
    'self-consistency': dict(config='../ga2/miniature_self_consistency.py'),
    **{
        f'{method}, averaged with frozen': dict(
            config=f'../ga2/miniature_{file}.py', trained_as=method, options={'model.test_cfg.frozen_share': 0.5})
        for method, file in [('deep prompts', 'deep_prompts'), ('coupled prompts', 'coupled'), ('GA2-CLIP', 'ga2')]
    },
}
