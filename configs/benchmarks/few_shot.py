# Few-shot on all classes of the four data sets: 2, 4, 8 and 16 clips of each, three seeds on the published lists.
_base_ = '../_base_/benchmarks/four_datasets.py'

title = 'Few-shot'
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='few_shot/train1_few_shot_{shots}.txt')
shots = [2, 4, 8, 16]
