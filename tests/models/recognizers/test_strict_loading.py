"""Checkpoints that do not fit are rejected by every loader."""

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict

from tests.helpers.models import NAMES, make_clips, predict


def torch_strict(model, state_dict):
    model.load_state_dict(state_dict)


def torch_lenient(model, state_dict):
    model.load_state_dict(state_dict, strict=False)


def mmengine_lenient(model, state_dict):
    load_state_dict(model, state_dict, strict=False)


@pytest.mark.parametrize('load', [torch_strict, torch_lenient, mmengine_lenient])
@pytest.mark.parametrize(
    ('key', 'value', 'problem'),
    [
        ('cls_head.text_prompt.soft_prompt', None, 'soft_prompt is missing'),
        ('backbone._extra_state', None, '_extra_state is missing'),
        ('cls_head.fc.weight', torch.zeros(2), 'cls_head.fc.weight is unknown'),
        ('cls_head.vision_prompt.soft_prompt', torch.zeros(2, 4, 64), r'has shape \(2, 4, 64\), not'),
        ('cls_head.vision_prompt.soft_prompt', 3, 'has shape'),
        ('backbone._extra_state', 'another CLIP', 'the checkpoint belongs to CLIP'),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(load, key, value, problem, make_recognizer):
    model = make_recognizer()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    state_dict = dict(make_recognizer(seed=1).state_dict())
    if value is None:
        del state_dict[key]
    elif isinstance(value, str):
        state_dict[key] = torch.tensor(list(b'ViT-B-16 0123456789abcdef'), dtype=torch.uint8)
    else:
        state_dict[key] = value
    with pytest.raises(ValueError, match=problem):
        load(model, state_dict)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]), name


def test_a_checkpoint_of_another_clip_of_the_same_shape_is_refused(arch, make_recognizer):
    backbone = dict(type='OpenCLIP', arch=dict(arch, quick_gelu=True), pretrained='random')
    other = make_recognizer(backbone=backbone)
    with pytest.raises(ValueError, match='the checkpoint belongs to CLIP') as error:
        make_recognizer().load_state_dict(other.state_dict(), strict=False)
    assert other.backbone.identity in str(error.value)


BROKEN = dict(scalar=torch.tensor(5), floats=torch.tensor([0.5]), long=torch.tensor([300]), text='x')


@pytest.mark.parametrize('state', BROKEN.values(), ids=BROKEN)
def test_a_broken_identity_is_refused(state, make_recognizer):
    model = make_recognizer()
    with pytest.raises(ValueError, match='CLIP'):
        model.load_state_dict({**model.state_dict(), 'backbone._extra_state': state})


@pytest.mark.parametrize('load', [torch_strict, mmengine_lenient])
def test_a_checkpoint_fits_any_list_of_classes(load, make_recognizer, tmp_path):
    trained = make_recognizer(seed=1, head=dict(class_names=[f'action {index}' for index in range(50)]))
    torch.save(trained.state_dict(), tmp_path / 'epoch_1.pth')
    model = make_recognizer()
    load(model, torch.load(tmp_path / 'epoch_1.pth', weights_only=True))
    trained.set_classes(NAMES)
    assert torch.equal(predict(model, make_clips()), predict(trained, make_clips()))
