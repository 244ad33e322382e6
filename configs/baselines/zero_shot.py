# Zero-shot CLIP ViT-B/16 (arXiv 2103.00020). There is nothing to train; test it without a checkpoint:
#   GA2MM_DATASET=hmdb51 tools/dist_test.sh configs/baselines/zero_shot.py '' 4
# Variables select the data, here and in all configs based on this one: GA2MM_DATASET is ucf101, hmdb51, ssv2
# or k400, GA2MM_PROTOCOL is base2novel or fewshot. GA2MM_CALIBRATION is the strength of the calibration by
# anchors in tests, 0 (none, the default) to 1.
# Published: docs/results.md. Not measured with this code.
_base_ = ['../_base_/vit_b16.py', '../_base_/videos.py']
name = '{{$GA2MM_DATASET:ucf101}}_{{$GA2MM_PROTOCOL:base2novel}}'
if name not in _base_.videos:
    raise ValueError(f'GA2MM_DATASET and GA2MM_PROTOCOL are {name}; choose one of {", ".join(_base_.videos)}')
globals().update(_base_.pop('videos')[name])
strength = float('{{$GA2MM_CALIBRATION:0}}')
if strength:
    model = dict(test_cfg=dict(anchor_calibration=dict(strength=strength, dataset=calibration_anchors, num_workers=8)))
del name, strength
