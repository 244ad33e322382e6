# Base-to-novel on the four video datasets: 16 clips of each base class, three lists. Also gives generalized
# base-to-novel. docs/data.md describes how to make the lists.
#   python tools/run_protocol.py configs/benchmarks/base2novel.py --only dataset=UCF101,HMDB51
# The hard prompt for Kinetics-400 is learnt on Kinetics-600, the one for the other datasets in the base run
# on Kinetics-400. Published results: docs/results.md. Not measured with this code.
_k600 = dict(config='../ga2/k600_source.py')
_k400 = dict(
    config='../ga2/k400_base2novel.py',
    env=dict(GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train.txt'),
    hard_prompt=_k600)

title = 'Base-to-novel'
env = dict(GA2MM_PROTOCOL='base2novel', GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train.txt')
datasets = dict(
    UCF101=dict(env=dict(GA2MM_DATASET='ucf101'), hard_prompt=_k400),
    HMDB51=dict(env=dict(GA2MM_DATASET='hmdb51'), hard_prompt=_k400),
    SSv2=dict(env=dict(GA2MM_DATASET='ssv2'), hard_prompt=_k400),
    K400=dict(env=dict(GA2MM_DATASET='k400'), hard_prompt=_k600))
methods = {
    'zero-shot CLIP': dict(config='../baselines/zero_shot.py', learns=False),
    'deep prompts': dict(config='../baselines/deep_prompts.py'),
    'coupled prompts': dict(config='../baselines/coupled.py'),
    'GA2-CLIP': dict(config='../ga2/{GA2MM_DATASET}_{GA2MM_PROTOCOL}.py'),
}
baseline = 'deep prompts'
seeds = [1, 2, 3]
