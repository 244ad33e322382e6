# Few-shot on all classes of the four video datasets: 2, 4, 8 and 16 clips per class of the published lists,
# three seeds.
#   python tools/run_protocol.py configs/benchmarks/few_shot.py --only dataset=HMDB51
# Published results: docs/results.md. Not measured with this code.
_base_ = './base2novel.py'

title = 'Few-shot'
env = dict(GA2MM_PROTOCOL='fewshot', GA2MM_TRAIN_LIST='few_shot/train1_few_shot_{shots}.txt')
shots = [2, 4, 8, 16]
