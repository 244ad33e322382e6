# GA2-CLIP on the miniature world with a custom anchor source, anchor strategy and prompt learner.
# Run it with: PYTHONPATH=examples python tools/train.py examples/miniature_extended.py
_base_ = '../configs/ga2/miniature_ga2.py'
custom_imports = dict(imports=['drift_weighted', 'noise_videos', 'shared_prompt'])

train_dataloader = dict(
    dataset=dict(
        anchors=dict(
            _delete_=True,
            type='NoiseVideos',
            num_videos=64,
            clip_shape=(4, 32, 32),
            pipeline=_base_.pipeline[-2:],  # FormatShape and PackActionInputs
        )
    )
)
model = dict(
    anchors=dict(strategies=[dict(type='DriftWeighted', weight=3.0)]),
    cls_head=dict(vision_prompt=dict(_delete_=True, type='SharedPrompt', length=4, depth=3)),
)
