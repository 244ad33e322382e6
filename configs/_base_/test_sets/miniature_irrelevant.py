# Miniature world: the test sets of the protocol and draw, and irrelevant videos that are not anchors, to
# measure the detection of irrelevant videos. For tools/test.py --test-sets.
_base_ = '../miniature.py'
globals().update(_base_.pop('protocols')['{{$GA2MM_PROTOCOL:base2novel}}'])

test_dataloader['irrelevant'] = dict(
    _base_.test_loader,
    dataset=dict(
        type='AnchorVideoDataset',
        ann_file=_base_.data_root + 'irrelevant_test/videos.txt',
        data_prefix=dict(video=_base_.data_root + 'irrelevant_test/videos'),
        pipeline=pipeline,
        test_mode=True))
