# Cross-dataset: tuned on 16 clips of each class of one dataset, tested on the test splits of other datasets
# with their class names. The mean over the splits of a dataset is reported.
#   python tools/run_protocol.py configs/benchmarks/cross_dataset.py --only dataset=K400
# Published results: docs/results.md. Not measured with this code.
_base_ = './base2novel.py'

title = 'Cross-dataset'
note = (
    'Beware of K600: the chain of hard prompts, and the anchors of Kinetics-400, have seen 100 of the classes that its '
    'zero-shot draws are taken from. Compare there only methods without a hard prompt.')
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='few_shot/train1_few_shot_16.txt')
_sets = '../_base_/test_sets/'
datasets = dict(
    UCF101=dict(test_sets=[f'{_sets}hmdb51.py', f'{_sets}ssv2.py', f'{_sets}k600.py']),
    HMDB51=dict(test_sets=[f'{_sets}ucf101.py', f'{_sets}ssv2.py', f'{_sets}k600.py']),
    SSv2=dict(test_sets=[f'{_sets}ucf101.py', f'{_sets}hmdb51.py', f'{_sets}k600.py']),
    K400=dict(test_sets=[f'{_sets}ucf101.py', f'{_sets}hmdb51.py', f'{_sets}k600.py']))
