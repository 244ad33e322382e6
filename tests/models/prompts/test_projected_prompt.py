"""MaPLe's vision prompts."""

import pytest
import torch

from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from tests.helpers.models import NAMES, gradients, make_clips

PROJECTED = dict(vision_prompt=dict(type='ProjectedPrompt'))


@pytest.mark.parametrize('coupled', [False, True])
def test_vision_prompts_are_maps_of_the_text_prompts(coupled, clip, make_recognizer, tmp_path):
    text, coupling = dict(type='DeepPrompt', length=2, depth=3), None
    if coupled:
        path = tmp_path / 'hard_prompt.safetensors'
        write_hard_prompt(path, torch.randn(2, 64), clip.identity, 'a run')
        coupling = dict(type='HardPromptCoupling', hard_prompt=str(path))
    model = make_recognizer(head=dict(PROJECTED, text_prompt=text, coupling=coupling)).eval()
    head = model.cls_head
    prompts = head.vision_prompt()
    assert [tuple(prompt.shape) for prompt in prompts] == [(2, 64)] * 3
    for prompt, source, projection in zip(
        prompts, head.text_encoder.prompts(), head.vision_prompt.projections, strict=True
    ):
        torch.testing.assert_close(prompt, source @ projection.weight.t() + projection.bias)
    found = gradients(model, model(make_clips()).square()[:, :5].sum())
    for name, gradient in found.items():
        assert gradient.abs().max() > 0, name
    assert any('mapping' in name for name in found) == coupled


@pytest.mark.parametrize(
    'text_prompt',
    [
        None,
        dict(type='DeepPrompt', length=2, depth=0),
        dict(type='ConditionalPrompt', length=2),
        dict(type='ContextPrompt', length=2, class_names=NAMES),
    ],
    ids=str,
)
def test_vision_prompts_need_text_prompts_to_map(text_prompt, make_recognizer):
    with pytest.raises(ValueError, match='that all clips and classes share, but there are none'):
        make_recognizer(head=dict(PROJECTED, text_prompt=text_prompt))


def test_text_prompts_of_more_layers_than_the_vision_tower_has_are_refused(arch, make_recognizer):
    arch['vision_cfg']['layers'] = 2
    backbone = dict(type='OpenCLIP', arch=arch, pretrained='random')
    head = dict(PROJECTED, text_prompt=dict(type='DeepPrompt', length=2, depth=3))
    with pytest.raises(ValueError, match='of 3 layers to a vision tower of 2'):
        make_recognizer(head=head, backbone=backbone)
