# Base-to-novel on real videos: the 928 clips of JHMDB with the official lists, 16 clips of each base class,
# three lists. docs/real_footage.md tells where JHMDB is and how it is laid out.
#   make jhmdb JHMDB=FOLDER      # lists, check, then: python tools/run_protocol.py configs/benchmarks/jhmdb.py
# Measured: docs/real_footage.md.
_base_ = './miniature.py'

title = 'Real videos of JHMDB through the tiny CLIP'
note = (
    'The tiny CLIP was pretrained on generated shapes and knows no real video: these accuracies say nothing about any '
    'method. Decoding, splits, checks and times are real.')
worlds = [dict(style='mild', draws=[])]  # for the hard prompt
env = dict(GA2MM_PROTOCOL='jhmdb', GA2MM_TRAIN_LIST='base2novel/fs_base_s{seed}_train.txt')
datasets = {
    'mild': None,
    'strong': None,
    '21 classes, generated anchors': dict(env=dict(GA2MM_DATASET='jhmdb', GA2MM_ANCHORS='mixed')),
    '16 classes, anchors of the other 5': dict(env=dict(GA2MM_DATASET='jhmdb_16', GA2MM_ANCHORS='other_dataset')),
}
hard_prompt = dict(config='../ga2/miniature_source.py', env=dict(_delete_=True, GA2MM_STYLE='mild'))
draws = None
seeds = [1, 2, 3]
