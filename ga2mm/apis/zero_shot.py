"""The config of a CLIP that classifies videos without any training."""

from mmengine.config import Config

from ga2mm.apis.own_config import choose_clip, image_size
from ga2mm.models.text_encoder import DEFAULT_TEMPLATE

MINIATURE_TEMPLATE = 'a video of a {}.'
"""The sentence that the miniature CLIP was trained on."""


def zero_shot_config(clip: str | None, preset: str = 'fast') -> Config:
    """Make the config of a frozen CLIP without prompts.

    The video's frames are sampled evenly and cropped in the centre, as in the test of the packaged configs.

    Args:
        clip: The CLIP, as in :func:`~ga2mm.apis.own_config.choose_clip`.
        preset: Gives the number of frames, and the CLIP if ``clip`` is None.

    Raises:
        FileNotFoundError: The file of weights does not exist.
        ValueError: The architecture or the preset is unknown.
    """
    backbone, frames = choose_clip(clip, preset)
    size = image_size(backbone['arch'])
    if backbone['arch'] == 'miniature':
        template, sizes = MINIATURE_TEMPLATE, [dict(type='Resize', scale=(size, size), keep_ratio=False)]
    else:
        template = DEFAULT_TEMPLATE
        sizes = [
            dict(type='Resize', scale=(-1, round(256 / 224 * size))),
            dict(type='CenterCrop', crop_size=size),
        ]
    return Config(
        dict(
            default_scope='ga2mm',
            model=dict(
                type='CLIPRecognizer',
                backbone=dict(type='OpenCLIP', **backbone),
                cls_head=dict(type='CoupledPromptHead', template=template),
            ),
            test_pipeline=[
                dict(type='OpenVideo'),
                dict(type='UniformSample', clip_len=frames, test_mode=True),
                dict(type='DecodeFrames'),
                *sizes,
                dict(type='FormatShape', input_format='NCTHW'),
                dict(type='PackActionInputs'),
            ],
        )
    )
