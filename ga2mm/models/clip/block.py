"""A block of a tower, computed only for the tokens that later layers read."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from open_clip.transformer import Attention, QuickGELU
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Prompts = Sequence[Tensor | None]
"""The prompts of a tower, one entry for each layer; a shorter sequence stands for None in deeper layers."""

QUICK = 1.702
"""Factor of QuickGELU."""

Attend = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Attention of one tower: ``attend(attn, queries, keys_values)`` gives the attended values of the queries."""


def run_block(
    block: nn.Module,
    tokens: Tensor,
    context: Tensor | None,
    kept: slice | Tensor | None,
    attend: Attend,
) -> Tensor:
    """Run a block for the tokens that later layers read.

    All tokens give keys and values. Only the kept ones have a query, an output projection and an MLP, so
    tokens that the next layer replaces, or that the pooling leaves out, cost a sixth.

    Args:
        block: A residual attention block of OpenCLIP.
        tokens: Tokens (B, L, width).
        context: Tokens (B or 1, C, width) that nothing reads after this block; None for no such tokens.
        kept: The tokens of ``tokens`` that later layers read; None for all.
        attend: Attention from queries (B, kept, width) to keys and values (B, L + C, 2 · width).

    Returns:
        The kept tokens (B, kept, width) after the block.
    """
    attn, normed = block.attn, block.ln_1(tokens)
    if kept is None:
        queries, keys_values = _project(attn, normed, 0, 3).tensor_split([tokens.shape[-1]], dim=-1)
    else:
        tokens = tokens[:, kept]
        queries, keys_values = _project(attn, normed[:, kept], 0, 1), _project(attn, normed, 1, 3)
    if context is not None:
        others = _project(attn, block.ln_1(context), 1, 3)
        keys_values = torch.cat([keys_values, others.expand(keys_values.shape[0], -1, -1)], dim=1)
    attended = _project_out(block, attend(attn, queries, keys_values))
    tokens = tokens + block.ls_1(attended)
    return tokens + block.ls_2(_mlp(block.mlp, block.ln_2(tokens)))


def run_block_again(*arguments: Any) -> Tensor:
    """Run a block, and run it a second time in the backward pass instead of keeping its activations."""
    return checkpoint(run_block, *arguments, use_reentrant=False)


def dot_product(attn: nn.Module, queries: Tensor, keys_values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Compute the attention of sequences.

    Args:
        attn: The attention module of a block.
        queries: Queries (..., L, width).
        keys_values: Keys and values (..., K, 2 · width).
        mask: A boolean mask that broadcasts to (..., heads, L, K), True where a query sees a key; None if
            queries see all keys.

    Returns:
        Values (..., L, width) of the queries.
    """
    queries, keys, values = (
        part.unflatten(-1, (attn.num_heads, -1)).transpose(-3, -2)
        for part in (queries, *keys_values.chunk(2, dim=-1))
    )
    if isinstance(attn, Attention):
        queries, keys = attn.ln_q(queries), attn.ln_k(keys)
    attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    if getattr(attn, 'head_scale', None) is not None:
        attended = attended * attn.head_scale
    return attended.transpose(-3, -2).flatten(-2)


def _project(attn: nn.Module, tokens: Tensor, first: int, last: int) -> Tensor:
    """Give queries (part 0), keys (1) and values (2) of tokens, from part ``first`` up to ``last``."""
    width = tokens.shape[-1]
    bias = attn.in_proj_bias
    rows = slice(first * width, last * width)
    return F.linear(tokens, attn.in_proj_weight[rows], None if bias is None else bias[rows])


def _project_out(block: nn.Module, attended: Tensor) -> Tensor:
    attn = block.attn
    if isinstance(attn, Attention):
        return block.ln_attn(attn.out_drop(attn.out_proj(attn.ln_inner(attended))))
    return attn.out_proj(attended)


def _mlp(mlp: nn.Sequential, tokens: Tensor) -> Tensor:
    has_norm = not isinstance(getattr(mlp, 'ln', None), nn.Identity | None)
    if has_norm or not isinstance(mlp.gelu, QuickGELU):
        return mlp(tokens)
    # QuickGELU(x) = x · sigmoid(a x) = SiLU(a x) / a. The matrix products take the factors, so the
    # activation is one operation that keeps one tensor for the backward pass.
    return _scaled(mlp.c_proj, F.silu(_scaled(mlp.c_fc, tokens, QUICK, QUICK)), 1 / QUICK, 1)


def _scaled(linear: nn.Linear, tokens: Tensor, factor: float, bias_factor: float) -> Tensor:
    """Apply a linear layer whose weight and bias are multiplied by factors."""
    flat = torch.addmm(linear.bias, tokens.flatten(0, -2), linear.weight.t(), beta=bias_factor, alpha=factor)
    return flat.unflatten(0, tokens.shape[:-1])


def recomputed_layers(
    grad_checkpointing: bool | int | str, vision_layers: int, text_layers: int
) -> dict[str, int]:
    """Give the number of layers of each tower whose activations the backward pass computes again."""
    layers = dict(vision=vision_layers, text=text_layers)
    known = {'none': {}, False: {}, 'text': dict(text=text_layers), 'all': layers, True: layers}
    if isinstance(grad_checkpointing, str | bool) and grad_checkpointing in known:
        return dict(vision=0, text=0) | known[grad_checkpointing]
    if not isinstance(grad_checkpointing, int) or grad_checkpointing < 0:
        raise ValueError(
            f"backbone.grad_checkpointing={grad_checkpointing!r}: give 'none', 'text', 'all' or a number of "
            'layers'
        )
    return {tower: min(grad_checkpointing, count) for tower, count in layers.items()}
