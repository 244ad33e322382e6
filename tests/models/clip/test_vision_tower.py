"""The vision tower agrees with one that computes all tokens in all layers."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ga2mm.models import OpenCLIP
from ga2mm.models.clip.plain_towers import encode_frames_plainly
from ga2mm.models.clip.vision_tower import encode_frames
from tests.helpers.features import seeded
from tests.helpers.models import frames, make_clips
from tests.helpers.towers import (
    ARCHS,
    assert_equal,
    encode_with_gradients,
    needs_new_dynamo,
    patterns,
    tiny_arch,
)


@pytest.mark.parametrize('arch', ARCHS)
@pytest.mark.parametrize('per_frame', [False, True], ids=['shared', 'per frame'])
def test_features_and_gradients_are_those_of_all_tokens(arch, per_frame):
    clip = OpenCLIP(tiny_arch(arch), 'random')
    images = seeded(2, 3, *clip.image_size)
    for pattern in patterns(clip.vision_layers):
        shape = (2, 3, clip.vision_width) if per_frame else (3, clip.vision_width)
        prompts = [seeded(*shape, seed=i).requires_grad_() if has else None for i, has in enumerate(pattern)]
        ours = encode_with_gradients(lambda given: clip.encode_frames(images, given), prompts)
        theirs = encode_with_gradients(
            lambda given: encode_frames_plainly(clip.model.visual, images, given), prompts
        )
        assert_equal(ours, theirs)


def test_prompts_may_have_another_length_in_each_layer(clip):
    prompts = [torch.randn(length, 64) for length in (3, 1, 2)]
    expected = encode_frames_plainly(clip.model.visual, frames(), prompts)
    torch.testing.assert_close(clip.encode_frames(frames(), prompts), expected, rtol=1e-5, atol=1e-5)


def test_each_layers_prompt_changes_the_feature(clip):
    prompts = torch.randn(3, 4, 64, generator=torch.Generator().manual_seed(0))
    expected = clip.encode_frames(frames(), list(prompts))
    for layer in range(3):
        changed = prompts.clone()
        changed[layer] += 1
        changed[layer, :, ::2] -= 3
        assert not torch.allclose(clip.encode_frames(frames(), list(changed)), expected, atol=1e-3), layer


def test_none_keeps_the_prompt_of_the_previous_layer(clip):
    prompt = torch.randn(4, 64)
    given, none = clip.encode_frames(frames(), [prompt]), clip.encode_frames(frames(), [prompt, None, None])
    assert torch.equal(given, none)
    assert not torch.allclose(given, clip.encode_frames(frames(), [prompt, prompt]), atol=1e-3)


def test_patch_tokens_are_the_output_of_each_block(clip):
    images = make_clips(2)[:, 0, :, 0]
    prompts = [torch.randn(3, 64), None, torch.randn(2, 64)]
    outputs = []
    hooks = [
        block.register_forward_hook(lambda module, args, output: outputs.append(output))
        for block in clip.model.visual.transformer.resblocks
    ]
    expected = encode_frames_plainly(clip.model.visual, images, prompts)
    for hook in hooks:
        hook.remove()
    features, layers = clip.encode_frames_and_layers(images, prompts)
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    assert [tuple(layer.shape) for layer in layers] == [(2, 16, 64)] * 3
    for layer, output in zip(layers, outputs, strict=True):
        torch.testing.assert_close(layer, output[:, 1:17], rtol=1e-5, atol=1e-5)


def test_a_prompt_that_is_replaced_has_no_mlp_and_the_last_layer_computes_the_class_token_alone(clip):
    seen = []
    hooks = [
        block.ln_2.register_forward_hook(lambda module, args, output: seen.append(output.shape[1]))
        for block in clip.model.visual.transformer.resblocks
    ]
    clip.encode_frames(frames(), [torch.randn(4, 64)] * 3)
    clip.encode_frames(frames(), [torch.randn(4, 64)])
    for hook in hooks:
        hook.remove()
    assert seen == [17, 17, 1, 21, 21, 1]


@pytest.mark.parametrize(('dtype', 'rounding'), [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_half_precision_agrees_within_its_rounding(clip, dtype, rounding):
    prompts = [torch.randn(4, 64) for _ in range(2)]
    with torch.autocast('cpu', dtype=dtype):
        ours = clip.encode_frames(frames(), prompts)
    expected = encode_frames_plainly(clip.model.visual, frames(), prompts)
    assert ours.dtype == dtype
    assert (ours - expected).abs().max() < rounding * expected.abs().max()


@needs_new_dynamo
def test_the_tower_compiles_without_graph_breaks(clip):
    prompts = [torch.randn(4, 64, requires_grad=True) for _ in range(2)]
    compiled = torch.compile(encode_frames, backend='eager', fullgraph=True)  # a graph break is an error
    features, _ = compiled(clip.model.visual, frames(), prompts)
    torch.testing.assert_close(features, clip.encode_frames(frames(), prompts))


@pytest.mark.parametrize('depth', [1, 3])
def test_attention_is_fused(clip, depth):
    """Without the kernel that multiplies out, PyTorch raises an error where no other one fits."""
    prompts = [torch.randn(4, 64, requires_grad=True) for _ in range(depth)]
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
        clip.encode_frames(frames(), prompts).sum().backward()
    assert all(prompt.grad is not None for prompt in prompts)
