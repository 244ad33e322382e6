# Zero-shot CLIP on every dataset: base and novel classes, and all classes of the official test splits.
#   python tools/run_protocol.py configs/benchmarks/zero_shot.py
# Published results: docs/results.md. Not measured with this code.
title = 'Zero-shot'
datasets = {
    'UCF101': dict(env=dict(GA2MM_DATASET='ucf101')),
    'HMDB51': dict(env=dict(GA2MM_DATASET='hmdb51')),
    'SSv2': dict(env=dict(GA2MM_DATASET='ssv2')),
    'K400': dict(env=dict(GA2MM_DATASET='k400')),
    'UCF101 in three splits': dict(test_sets=['../_base_/test_sets/ucf101.py']),
    'HMDB51 in three splits': dict(test_sets=['../_base_/test_sets/hmdb51.py']),
    'SSv2 with all classes': dict(test_sets=['../_base_/test_sets/ssv2.py']),
    'K400 with all classes': dict(test_sets=['../_base_/test_sets/k400.py']),
    'K600 in three splits': dict(test_sets=['../_base_/test_sets/k600.py']),
}
env = dict(GA2MM_PROTOCOL='base2novel')
methods = {'zero-shot CLIP': dict(config='../baselines/zero_shot.py', learns=False)}
seeds = [0]
