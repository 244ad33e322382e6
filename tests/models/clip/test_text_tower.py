"""The text tower agrees with one that computes all tokens in all layers."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ga2mm.models import OpenCLIP
from ga2mm.models.clip.plain_towers import encode_text_plainly
from ga2mm.models.clip.text_layout import TextLayout, pooled_positions
from ga2mm.models.clip.text_tower import encode_text
from tests.helpers.features import seeded
from tests.helpers.hard_prompts import LENGTH, WIDTH
from tests.helpers.towers import (
    ARCHS,
    assert_equal,
    encode_with_gradients,
    needs_new_dynamo,
    patterns,
    tiny_arch,
)

NAMES = ('walk.', 'climb up the stairs.', 'drink.', 'walk a dog.')
CLIPS = 2
SHAPES = {
    'shared': (LENGTH, WIDTH),
    'per name': (len(NAMES), LENGTH, WIDTH),
    'per clip': (CLIPS, 1, LENGTH, WIDTH),
    'per clip and name': (CLIPS, len(NAMES), LENGTH, WIDTH),
}


def encode_plainly(clip, tokens, prompts):
    """Encode as the text tower does, one clip after another."""
    if all(prompt is None or prompt.dim() < 4 for prompt in prompts):
        return encode_text_plainly(clip.text_tower, tokens, prompts)
    chosen = [
        [one if one is None else one[b].expand(len(NAMES), -1, -1) for one in prompts] for b in range(CLIPS)
    ]
    return torch.stack([encode_text_plainly(clip.text_tower, tokens, one) for one in chosen])


@pytest.mark.parametrize('arch', ARCHS)
@pytest.mark.parametrize('position', ['end', 'middle', 'front'])
@pytest.mark.parametrize('shape', list(SHAPES))
def test_features_and_gradients_are_those_of_all_tokens(arch, position, shape):
    clip = OpenCLIP(tiny_arch(arch), 'random')
    tokens = clip.tokenize(NAMES, LENGTH, position)
    for pattern in patterns(clip.text_layers):
        if not pattern[0]:
            continue
        prompts = [
            seeded(*SHAPES[shape], seed=i).requires_grad_() if has else None for i, has in enumerate(pattern)
        ]
        ours = encode_with_gradients(lambda given: clip.encode_tokens(tokens, given), prompts)
        theirs = encode_with_gradients(lambda given: encode_plainly(clip, tokens, given), prompts)
        assert_equal(ours, theirs)


@pytest.mark.parametrize('arch', ARCHS)
def test_texts_without_prompts_and_with_shared_words(arch):
    clip = OpenCLIP(tiny_arch(arch), 'random')
    for texts in (NAMES, [f'a video of a person {name}' for name in NAMES], NAMES[:1]):
        tokens = clip.tokenize(texts)
        expected = encode_text_plainly(clip.text_tower, tokens)
        torch.testing.assert_close(clip.encode_tokens(tokens), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('max_texts', [1, 2, 3, 100])
@pytest.mark.parametrize('shape', list(SHAPES))
def test_chunks_give_the_same_features_and_gradients(max_texts, shape, clip):
    tokens = clip.tokenize(NAMES, LENGTH)
    prompts = [seeded(*SHAPES[shape], seed=i).requires_grad_() for i in range(3)]
    whole = encode_with_gradients(lambda given: clip.encode_tokens(tokens, given), prompts)
    chunks = encode_with_gradients(lambda given: clip.encode_tokens(tokens, given, max_texts), prompts)
    assert_equal(chunks, whole)


def test_each_layers_prompt_changes_the_feature(clip):
    tokens = clip.tokenize(NAMES, LENGTH)
    prompts = torch.randn(3, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))
    expected = clip.encode_tokens(tokens, list(prompts))
    for layer in range(3):
        changed = prompts.clone()
        changed[layer] += 1
        changed[layer, :, ::2] -= 3
        assert not torch.allclose(clip.encode_tokens(tokens, list(changed)), expected, atol=1e-3), layer


def test_a_prompt_of_another_length_than_its_placeholders_is_one_line(clip):
    with pytest.raises(ValueError, match='a text prompt has 3 tokens, but the texts have 4 placeholders'):
        clip.encode_tokens(clip.tokenize(NAMES, 4), [torch.randn(3, WIDTH)])


def test_shared_tokens_are_computed_once_and_the_last_layer_computes_the_end_tokens_alone(clip):
    seen = []
    hooks = [
        block.ln_2.register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape[:2])))
        for block in clip.text_tower.transformer.resblocks
    ]
    tokens = clip.tokenize(NAMES, LENGTH)
    own = int((tokens > 0).sum()) - len(NAMES)  # all but the start tokens
    clip.encode_tokens(tokens, [torch.randn(LENGTH, WIDTH)] * 3)
    clip.encode_tokens(tokens, [torch.randn(LENGTH, WIDTH)])
    for hook in hooks:
        hook.remove()
    assert seen == [(1, 1 + own)] * 2 + [(1, 4)] + [(1, 1 + LENGTH + own)] * 2 + [(1, 4)]


@pytest.mark.parametrize(('dtype', 'rounding'), [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_half_precision_agrees_within_its_rounding(clip, dtype, rounding):
    tokens = clip.tokenize(NAMES, LENGTH)
    prompts = [torch.randn(LENGTH, WIDTH) for _ in range(2)]
    with torch.autocast('cpu', dtype=dtype):
        ours = clip.encode_tokens(tokens, prompts)
    expected = encode_text_plainly(clip.text_tower, tokens, prompts)
    assert ours.dtype == dtype
    assert (ours - expected).abs().max() < rounding * expected.abs().max()


@needs_new_dynamo
def test_the_tower_compiles_without_graph_breaks(clip):
    tokens = clip.tokenize(NAMES, LENGTH)
    layout = TextLayout(tokens, pooled_positions(clip.text_tower, tokens), True, True, clip.device)
    prompts = [torch.randn(LENGTH, WIDTH, requires_grad=True) for _ in range(2)]
    compiled = torch.compile(encode_text, backend='eager', fullgraph=True)  # a graph break is an error
    torch.testing.assert_close(
        compiled(clip.text_tower, layout, prompts)[0], clip.encode_tokens(tokens, prompts)
    )


@pytest.mark.parametrize('depth', [1, 3])
def test_attention_is_fused(clip, depth):
    """Without the kernel that multiplies out, PyTorch raises an error where no other one fits."""
    tokens = clip.tokenize(NAMES, LENGTH)
    prompts = [torch.randn(LENGTH, WIDTH, requires_grad=True) for _ in range(depth)]
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
        clip.encode_tokens(tokens, prompts).sum().backward()
    assert all(prompt.grad is not None for prompt in prompts)
