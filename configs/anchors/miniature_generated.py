# Miniature world: GA2-CLIP with anchors that are made from the labelled clips. GA2MM_ANCHOR_KIND chooses how.
_base_ = '../ga2/miniature_ga2.py'

train_dataloader = dict(
    dataset=dict(
        anchors=dict(
            _delete_=True,
            type='GeneratedAnchors',
            kind='{{$GA2MM_ANCHOR_KIND:mixed}}',
            dataset=_base_.train_dataset)))
