# Miniature world: GA2-CLIP with the source dataset's videos as anchors, less its classes that are the target's.
_base_ = '../ga2/miniature_ga2.py'

train_dataloader = dict(
    dataset=dict(
        anchors=dict(
            _delete_=True,
            type='AnchorClassDataset',
            ann_file=_base_.data_root + 'source/train.txt',
            label_map=_base_.data_root + 'source/labels.csv',
            target_label_maps=[_base_.base_labels, _base_.novel_labels],
            data_prefix=dict(video=_base_.data_root + 'source/videos'),
            pipeline=_base_.pipeline)))
