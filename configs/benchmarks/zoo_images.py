# Some prompt learners on images, for which they were published: the middle frame of each video. The hard
# prompt is still learnt on videos.
#   python tools/run_protocol.py configs/benchmarks/zoo_images.py
# Measured: docs/experiments/plug_in_images.md.
_base_ = './zoo.py'

title = 'Prompt learners with and without GA2-CLIP on the miniature world, images'
datasets = {'mild': None, 'images': dict(env=dict(GA2MM_STYLE='mild', GA2MM_PROTOCOL='images_base2novel'))}
methods = {
    'zero-shot ensemble': None,
    **{
        f'{name}{plus}': None
        for name in ('CoOp', 'CoCoOp', 'VPT-Shallow', 'VPT-Deep', 'MaPLe', 'PromptSRC', 'ViFi-CLIP', 'FROSTER')
        for plus in ('', ' + GA2')
    },
}
baseline = 'AttriPrompt'
