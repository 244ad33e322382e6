# A config of this folder for MMAction2's own tools, which want one test set and names with the scope ga2mm.
# GA2MM_CONFIG selects it, also ../zoo/NAME. The test set is its first one, for base-to-novel the base classes;
# model.cls_head.class_names sets other classes. It runs with our tools too:
#   GA2MM_CONFIG=ucf101_base2novel python tools/test.py configs/ga2/for_mmaction2.py CHECKPOINT
# demo_inferencer.py and MMAction2Inferencer, long_video_demo.py and browse_dataset.py --phase test need it;
# demo.py, get_flops.py, print_config.py and browse_dataset.py take the other configs as well.
_base_ = './{{$GA2MM_CONFIG:miniature_ga2}}.py'

ours = ('OpenVideo', 'OpenImage', 'DecodeFrames')
test_pipeline = []
for step in _base_.test_pipeline:
    if step.type == 'UniformSample':  # long_video_demo.py looks for SampleFrames in the name
        step = dict(dict(num_clips=1), **dict(step, type='ga2mm.CentredSampleFrames'))
    elif step.type in ours:
        step = dict(step, type=f'ga2mm.{step.type}')
    test_pipeline.append(step)
test_set = next(iter(_base_.test_dataloader.values()))
test_dataloader = dict(test_set, _delete_=True, dataset=dict(test_set.dataset, pipeline=test_pipeline))
test_cfg = dict(type='TestLoop', _delete_=True)
model = dict(type='ga2mm.CLIPRecognizer')
del ours, step, test_set
