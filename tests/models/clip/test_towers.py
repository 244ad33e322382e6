"""Prompts in the towers, and the tokens behind each block."""

import pytest
import torch

from tests.helpers.hard_prompts import LENGTH, WIDTH
from tests.helpers.models import frames, make_clips

NAMES = ('walk', 'climb stairs', 'drink')


@pytest.mark.parametrize('tower', ['vision', 'text'])
def test_each_layers_prompt_changes_the_feature(tower, clip):
    def encode(prompts):
        if tower == 'vision':
            return clip.encode_frames(frames(), prompts)
        return clip.encode_tokens(clip.tokenize(NAMES, LENGTH), prompts)

    prompts = torch.randn(3, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))
    expected = encode(list(prompts))
    for layer in range(3):
        changed = prompts.clone()
        changed[layer] += 1
        changed[layer, :, ::2] -= 3
        assert not torch.allclose(encode(list(changed)), expected, atol=1e-3), layer


def test_none_leaves_the_prompt_of_the_layer_before(clip):
    prompt = torch.randn(LENGTH, WIDTH)
    given, none = clip.encode_frames(frames(), [prompt]), clip.encode_frames(frames(), [prompt, None, None])
    assert torch.equal(given, none)
    assert not torch.allclose(given, clip.encode_frames(frames(), [prompt, prompt]), atol=1e-3)


def test_prompts_may_differ_between_sequences(clip):
    prompts = torch.randn(3, LENGTH, WIDTH)
    together = clip.encode_tokens(clip.tokenize(NAMES, LENGTH), [prompts])
    for index, name in enumerate(NAMES):
        alone = clip.encode_tokens(clip.tokenize([name], LENGTH), [prompts[index]])
        torch.testing.assert_close(together[index], alone[0], rtol=1e-4, atol=1e-5)


def test_patch_tokens_are_those_behind_each_block(clip):
    frames = make_clips(2)[:, 0, :, 0]
    prompts = [torch.randn(3, 64), None, torch.randn(2, 64)]
    seen = []
    hooks = [
        block.register_forward_hook(lambda module, args, output: seen.append(output))
        for block in clip.model.visual.transformer.resblocks
    ]
    features, layers = clip.encode_frames_and_layers(frames, prompts)
    for hook in hooks:
        hook.remove()
    assert torch.equal(features, clip.encode_frames(frames, prompts))
    assert [tuple(layer.shape) for layer in layers] == [(2, 16, 64)] * 3
    for layer, output in zip(layers, seen, strict=True):
        assert torch.equal(layer, output[:, 1:17])
