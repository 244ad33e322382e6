"""Deep prompts: layers and initial words."""

import pytest
import torch

from ga2mm.models import DeepPrompt
from tests.helpers.models import frames

NAMES = ('walk', 'climb stairs', 'drink')


# Deep prompts


@pytest.mark.parametrize('depth', [0, 1, 3])
def test_deep_prompt_gives_one_tensor_per_prompted_layer(depth):
    prompts = DeepPrompt(4, depth, width=8, layers=3)()
    assert [tuple(prompt.shape) for prompt in prompts] == [(4, 8)] * depth


@pytest.mark.parametrize(('length', 'depth'), [(4, 4), (4, -1), (0, 2)])
def test_deep_prompt_that_does_not_fit_is_refused(length, depth):
    with pytest.raises(ValueError, match=f'depth {depth} and length {length} .* 3 layers'):
        DeepPrompt(length, depth, width=8, layers=3)


def test_random_start_has_the_released_spread():
    torch.manual_seed(0)
    values = DeepPrompt(16, 9, width=768, layers=12).soft_prompt.detach()
    assert float(values.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(values.mean())) < 1e-3


def test_each_tower_has_a_depth_of_its_own(make_recognizer):
    model = make_recognizer(
        head=dict(
            vision_prompt=dict(type='DeepPrompt', length=3, depth=1),
            text_prompt=dict(type='DeepPrompt', length=2, depth=3),
        )
    )
    assert model.cls_head.vision_prompt.soft_prompt.shape == (1, 3, 64)
    assert model.cls_head.text_prompt.soft_prompt.shape == (3, 2, 64)
    features = model.backbone.encode_frames(frames(), model.cls_head.vision_prompt())
    loss = features.sum() + model.cls_head.text_encoder.encode(NAMES).square()[0, :3].sum()
    loss.backward()
    for prompt in (model.cls_head.vision_prompt, model.cls_head.text_prompt):
        assert (prompt.soft_prompt.grad.abs().amax(dim=-1) > 0).all()


def test_a_tower_of_another_depth_is_refused_when_built(make_recognizer):
    with pytest.raises(ValueError, match='a tower of 3 layers'):
        make_recognizer(head=dict(vision_prompt=dict(type='DeepPrompt', length=3, depth=4)))


def test_a_text_tower_of_depth_0_is_the_frozen_one(make_recognizer):
    template = 'a video of a person {}.'
    prompt = dict(type='DeepPrompt', length=2, depth=0, init_words='a video of a person')
    model = make_recognizer(head=dict(text_prompt=prompt, template=template))
    torch.testing.assert_close(
        model.cls_head.text_encoder.encode(NAMES),
        model.backbone.frozen_text_features([template.format(name) for name in NAMES]),
    )


def test_a_vision_tower_of_depth_0_is_the_frozen_one(make_recognizer):
    model = make_recognizer(head=dict(vision_prompt=dict(type='DeepPrompt', length=2, depth=0)))
    clip = model.backbone
    prompted = clip.encode_frames(frames(), model.cls_head.vision_prompt())
    assert torch.equal(prompted, clip.encode_frames(frames()))


# Initial words


@pytest.mark.parametrize('kept', [0, 2])
def test_init_words_start_where_the_words_are(kept, make_recognizer):
    words = 'a video of a person'
    prompt = dict(type='DeepPrompt', length=5 - kept, depth=1, init_words=words)
    model = make_recognizer(head=dict(text_prompt=prompt, class_names=NAMES))
    clip, head = model.backbone, model.cls_head
    tokens = clip.tokenize([words])[0, 1 : 6 - kept]
    assert torch.equal(head.text_prompt.soft_prompt[0], clip.text_tower.token_embedding(tokens))
    torch.testing.assert_close(
        head.text_encoder.encode(NAMES),
        clip.frozen_text_features([f'{words} {name}.' for name in NAMES]),
    )


def test_init_words_that_do_not_fit_are_refused(make_recognizer):
    prompt = dict(type='DeepPrompt', length=3, depth=1, init_words='a video')
    with pytest.raises(ValueError, match="'a video' are 2 tokens, too few for a prompt of length 3"):
        make_recognizer(head=dict(text_prompt=prompt))
    with pytest.raises(ValueError, match='more than one token'):
        make_recognizer(head=dict(text_prompt=dict(prompt, init_words='a supercalifragilistic video of')))


def test_a_vision_prompt_has_no_words_to_start_from(make_recognizer):
    prompt = dict(type='DeepPrompt', length=2, depth=1, init_words='a video')
    with pytest.raises(ValueError, match="'a video' are for the text prompt only"):
        make_recognizer(head=dict(vision_prompt=prompt))
