"""The two towers of an OpenCLIP model with prompts per layer.

``prompts`` is a sequence with one entry per layer: None, or a tensor of shape (length, width), shared by
all sequences, or (sequences, length, width). An entry replaces the prompt tokens of the previous layer; None
keeps them. Vision prompts follow the patch tokens; in layer 0 they pass ``ln_pre`` and get no positional
embedding. Text prompts replace the tokens with id :data:`PLACEHOLDER`; in layer 0 they get positional
embeddings. This is the placement of IVLP (ViFi-CLIP) that GA2-CLIP builds on.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from open_clip.transformer import text_global_pool
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Prompts = Sequence[Tensor | None]

PLACEHOLDER = -1
"""The token id that marks the position of a text prompt."""


def encode_frames(
    visual: nn.Module,
    frames: Tensor,
    prompts: Prompts = (),
    grad_checkpointing: bool = False,
    with_layers: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """Encode frames; give their features and patch tokens.

    Args:
        visual: OpenCLIP's ``VisionTransformer``.
        frames: Normalised frames of shape (N, 3, H, W).
        prompts: Prompts per layer.
        grad_checkpointing: Recompute activations in the backward pass, for less memory.
        with_layers: Whether to give patch tokens too, which needs more memory.

    Returns:
        Features of shape (N, embed_dim), not normalised. Output patch tokens of each layer, without class
        token and prompts, a list of (N, patches, width); empty without ``with_layers``.
    """
    x = visual._embeds(frames)
    num_tokens = x.shape[1]
    layers = []
    for index, block in enumerate(visual.transformer.resblocks):
        prompt = prompts[index] if index < len(prompts) else None
        if prompt is not None:
            prompt = _per_sequence(prompt, x)
            if index == 0:
                prompt = visual.ln_pre(prompt)
            x = torch.cat([x[:, :num_tokens], prompt], dim=1)
        x = _run_block(block, x, None, grad_checkpointing)
        if with_layers:
            layers.append(x[:, 1:num_tokens])
    pooled, _ = visual._pool(x[:, :num_tokens])
    return pooled if visual.proj is None else pooled @ visual.proj, layers


def encode_text(
    text: nn.Module,
    tokens: Tensor,
    prompts: Prompts = (),
    grad_checkpointing: bool = False,
) -> Tensor:
    """Encode texts.

    Args:
        text: OpenCLIP's ``CLIP`` or ``TextTransformer``, which use the same names for their parts.
        tokens: Token ids of shape (N, L), L at most the context length, with n placeholders in each text
            for prompts of length n.
        prompts: Prompts per layer.
        grad_checkpointing: Recompute activations in the backward pass, for less memory.

    Returns:
        Features of shape (N, embed_dim), not normalised.
    """
    x = text.token_embedding(tokens.clamp(min=0))
    placeholders = (tokens != PLACEHOLDER).int().argsort(dim=1, stable=True)  # their positions, in order
    positions = text.positional_embedding[: tokens.shape[1]].to(x.dtype)
    mask = text.attn_mask
    if mask is not None:
        mask = mask[: tokens.shape[1], : tokens.shape[1]]
    for index, block in enumerate(text.transformer.resblocks):
        prompt = prompts[index] if index < len(prompts) else None
        if prompt is not None:
            prompt = _per_sequence(prompt, x)
            x = x.scatter(1, placeholders[:, : prompt.shape[1], None].expand_as(prompt), prompt)
        if index == 0:
            x = x + positions
        x = _run_block(block, x, mask, grad_checkpointing)
    x = text.ln_final(x)
    pool_type = getattr(text, 'text_pool_type', None) or text.pool_type
    eos_id = getattr(text, 'text_eos_id', None) or getattr(text, 'eos_id', None)
    pooled = text_global_pool(x, tokens, pool_type, eos_token_id=eos_id)
    projection = text.text_projection
    if projection is None:
        return pooled
    return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection


def _per_sequence(prompt: Tensor, x: Tensor) -> Tensor:
    if prompt.dim() == 2:
        prompt = prompt.expand(x.shape[0], -1, -1)
    return prompt.to(x.dtype)


def _run_block(
    block: Callable[..., Tensor], x: Tensor, mask: Tensor | None, grad_checkpointing: bool
) -> Tensor:
    if grad_checkpointing and torch.is_grad_enabled():
        return checkpoint(partial(block, attn_mask=mask), x, use_reentrant=False)
    return block(x, attn_mask=mask)
