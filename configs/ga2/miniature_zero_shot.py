# Miniature world: zero-shot CLIP. There is nothing to train; test it without a checkpoint:
#   python tools/test.py configs/ga2/miniature_zero_shot.py
# GA2MM_PROTOCOL is base2novel, fewshot or images_base2novel; _base_/miniature.py has more variables.
# Measured, base-to-novel in the mild style: HM 80.8 (README.md).
_base_ = '../_base_/miniature.py'
protocol = '{{$GA2MM_PROTOCOL:base2novel}}'
if protocol not in _base_.protocols:
    raise ValueError(f'GA2MM_PROTOCOL={protocol}; choose one of {", ".join(_base_.protocols)}')
globals().update(_base_.pop('protocols')[protocol])
strength = float('{{$GA2MM_CALIBRATION:0}}')
if strength:
    model = dict(test_cfg=dict(anchor_calibration=dict(strength=strength, dataset=calibration_anchors)))
del protocol, strength
