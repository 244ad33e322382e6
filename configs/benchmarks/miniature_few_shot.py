# Miniature world, few-shot on all 24 classes of a draw: 2, 4, 8 and 16 clips of each.
#   python tools/run_protocol.py configs/benchmarks/miniature_few_shot.py
# Measured: docs/experiments/few_shot.md.
_base_ = './miniature.py'

title = 'Miniature benchmark, few-shot'
worlds = [dict(style='mild', draws=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='all_train_{shots}.txt')
datasets = dict(strong=None)
methods = {'self-consistency': dict(config='../ga2/miniature_self_consistency.py')}
variants = {'calibrated': dict(env=dict(GA2MM_CALIBRATION=0.25))}
shots = [2, 4, 8, 16]
