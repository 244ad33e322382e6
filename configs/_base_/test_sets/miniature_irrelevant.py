# Miniature world: the test sets of the protocol and draw, and irrelevant videos that are no anchors: how well the
# known classes are told from them. For tools/test.py --test-sets.
_base_ = '../datasets/miniature_{{$GA2MM_PROTOCOL:base2novel}}.py'

test_dataloader = dict(
    irrelevant=dict(
        **_base_.test_loader,
        dataset=dict(
            type='AnchorVideoDataset',
            ann_file=_base_.data_root + 'irrelevant_test/videos.txt',
            data_prefix=dict(video=_base_.data_root + 'irrelevant_test/videos'),
            pipeline=_base_.pipeline,
            test_mode=True)))
