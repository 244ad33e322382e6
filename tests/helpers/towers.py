"""Small towers of each kind that OpenCLIP has, and the comparison of their features and gradients."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from packaging.version import Version
from torch import Tensor

from tests.helpers.features import seeded

ARCHS = {
    'CLIP of OpenAI': dict(quick_gelu=True),
    'mean over patches': dict(vision=dict(pool_type='avg'), text=dict(pool_type='last')),
    'attentional pool': dict(
        vision=dict(attentional_pool=True, attn_pooler_heads=2), text=dict(pool_type='first')
    ),
    'no causal mask': dict(text=dict(no_causal_mask=True, pool_type='last', proj_bias=True)),
    'end token by its id': dict(
        vision=dict(final_ln_after_pool=True, no_ln_pre=True), text=dict(pool_type='eos', eos_id=49407)
    ),
    'layer scale': dict(vision=dict(ls_init_value=0.5), text=dict(ls_init_value=0.5)),
    'custom blocks': dict(
        vision=dict(qk_norm=True, scale_heads=True, scale_attn_inner=True),
        text=dict(block_type='custom', scale_attn=True, scale_fc=True),
    ),
}
"""What the towers have that others have not."""

needs_new_dynamo = pytest.mark.skipif(
    Version(torch.__version__) < Version('2.14'),
    reason='torch.compile of 2.13 breaks the graph of the towers',
)


def tiny_arch(name: str) -> dict[str, Any]:
    """Give a config of OpenCLIP with 3 layers of width 64 in each tower."""
    extra = ARCHS[name]
    vision = dict(image_size=32, patch_size=16, width=64, layers=3, head_width=32)
    text = dict(context_length=20, vocab_size=49408, width=64, heads=2, layers=3)
    return dict(
        embed_dim=32,
        quick_gelu=extra.get('quick_gelu', False),
        custom_text=True,
        vision_cfg=dict(vision, **extra.get('vision', {})),
        text_cfg=dict(text, **extra.get('text', {})),
    )


def patterns(layers: int) -> Iterator[tuple[bool, ...]]:
    """Give each choice of layers with prompts, but none at all."""
    return (pattern for pattern in itertools.product((True, False), repeat=layers) if any(pattern))


def encode_with_gradients(
    encode: Callable[[Sequence[Tensor | None]], Tensor], prompts: Sequence[Tensor | None]
) -> list[Tensor]:
    """Give features, and the gradients of a weighted sum of them with respect to the prompts."""
    features = encode(prompts)
    loss = (features * seeded(*features.shape, seed=9)).sum()
    return [
        features,
        *torch.autograd.grad(loss, [one for one in prompts if one is not None], allow_unused=True),
    ]


def assert_equal(ours: Sequence[Tensor | None], theirs: Sequence[Tensor | None]) -> None:
    """Compare features and gradients up to float32's rounding; no gradient counts as zero."""
    for one, other in zip(ours, theirs, strict=True):
        one, other = (torch.zeros(()) if value is None else value for value in (one, other))
        scale = 1 + float(other.detach().abs().max())
        torch.testing.assert_close(one.expand_as(other), other.expand_as(one), rtol=0, atol=1e-5 * scale)
