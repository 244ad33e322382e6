# Strength of the calibration by anchors at test time, and its anchors: eight validation draws of the mild
# style, one seed. Each method is trained once; its variants are further tests of the same checkpoint.
#   python tools/run_protocol.py configs/benchmarks/calibration_validation.py
#   python tools/analysis/calibration_estimates.py configs/benchmarks/calibration_validation.py
# The second command compares other estimates and sources on the same checkpoints.
# Measured: docs/experiments/calibration_validation.md.
_base_ = './miniature.py'

title = 'Calibration by anchors, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103, 104, 105, 106, 107])]
methods = {
    'coupled prompts': None,
    'self-consistency': dict(config='../ga2/miniature_self_consistency.py'),
}
variants = {
    f'{source} {strength:g}': dict(env=dict(GA2MM_CALIBRATION=strength, GA2MM_CALIBRATION_ANCHORS=source))
    for source in ('irrelevant', 'shuffled_patches')
    for strength in (0.125, 0.25, 0.5)
}
datasets = dict(strong=None)
baseline = ['deep prompts', 'self-consistency']
draws = [100, 101, 102, 103, 104, 105, 106, 107]
seeds = [0]
