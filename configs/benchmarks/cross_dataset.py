# Cross-dataset: tuned on 16 clips of each class of one data set, tested on the test splits of others under their own
# class names; the mean over a data set's splits is reported.
title = 'Cross-dataset'
note = (
    'Beware of K600: the chain of hard prompts, and the anchors of Kinetics-400, have seen 100 of the classes that its '
    'zero-shot draws are taken from. Compare there only methods without a hard prompt.')
# The hard prompt of Kinetics-400 is learnt on Kinetics-600, that of the others in the base run on Kinetics-400.
_k600 = dict(config='../ga2/k600_source.py')
_k400 = dict(
    config='../ga2/k400_base2novel.py',
    env=dict(GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train.txt'),
    hard_prompt=_k600)
datasets = {
    'UCF101': dict(
        env=dict(GA2MM_DATASET='ucf101'),
        hard_prompt=_k400,
        test_sets=['../_base_/test_sets/hmdb51.py', '../_base_/test_sets/ssv2.py', '../_base_/test_sets/k600.py']),
    'HMDB51': dict(
        env=dict(GA2MM_DATASET='hmdb51'),
        hard_prompt=_k400,
        test_sets=['../_base_/test_sets/ucf101.py', '../_base_/test_sets/ssv2.py', '../_base_/test_sets/k600.py']),
    'SSv2': dict(
        env=dict(GA2MM_DATASET='ssv2'),
        hard_prompt=_k400,
        test_sets=['../_base_/test_sets/ucf101.py', '../_base_/test_sets/hmdb51.py', '../_base_/test_sets/k600.py']),
    'K400': dict(
        env=dict(GA2MM_DATASET='k400'),
        hard_prompt=_k600,
        test_sets=['../_base_/test_sets/ucf101.py', '../_base_/test_sets/hmdb51.py', '../_base_/test_sets/k600.py']),
}
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='few_shot/train1_few_shot_16.txt')
methods = {
    'zero-shot CLIP': dict(config='../baselines/zero_shot.py', learns=False),
    'deep prompts': dict(config='../baselines/deep_prompts.py'),
    'coupled prompts': dict(config='../baselines/coupled.py'),
    'GA2-CLIP': dict(config='../ga2/{GA2MM_DATASET}_fewshot.py'),
}
baseline = 'deep prompts'
seeds = [1, 2, 3]
