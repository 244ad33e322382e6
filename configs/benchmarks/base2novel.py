# Base-to-novel on the four data sets: 16 clips of each base class, three lists. Also answers generalized
# base-to-novel. docs/data.md says how to make the lists.
_base_ = '../_base_/benchmarks/four_datasets.py'

title = 'Base-to-novel'
env = dict(GA2MM_PROTOCOL='base2novel', GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train.txt')
