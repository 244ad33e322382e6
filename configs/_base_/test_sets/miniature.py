# Miniature world: all classes of three draws that no benchmark tunes on, in each style. For tools/test.py
# --test-sets. To write the videos: python tools/data/make_miniature.py --draws 5 6 7 (and --style strong)
_base_ = '../miniature.py'
globals().update(_base_.pop('protocols')['fewshot'])

test_dataloader = {
    style: [
        dict(
            _base_.test_loader,
            dataset=dict(
                test_dataset,
                ann_file=f'data/miniature/{style}/draw{draw}/all_test.txt',
                label_map=f'data/miniature/{style}/draw{draw}/all_labels.csv',
                split='all',
                data_prefix=dict(video=f'data/miniature/{style}/draw{draw}/videos')))
        for draw in (5, 6, 7)
    ]
    for style in ('mild', 'strong')
}
