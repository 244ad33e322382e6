"""The towers without shortcuts, as a reference for tests and benchmarks.

All tokens pass all layers, as in the code released with CoOp, MaPLe and ViFi-CLIP, in OpenCLIP's blocks.
"""

import torch
from open_clip.transformer import text_global_pool
from torch import Tensor, nn

from ga2mm.models.clip.block import Prompts
from ga2mm.models.clip.text_layout import PLACEHOLDER


def encode_frames_plainly(visual: nn.Module, frames: Tensor, prompts: Prompts = ()) -> Tensor:
    """Encode frames (N, 3, H, W) as :func:`~ga2mm.models.clip.vision_tower.encode_frames` does."""
    tokens = visual._embeds(frames)
    num_tokens = tokens.shape[1]
    for index, block in enumerate(visual.transformer.resblocks):
        prompt = prompts[index] if index < len(prompts) else None
        if prompt is not None:
            prompt = _for_each(prompt, tokens)
            prompt = visual.ln_pre(prompt) if index == 0 else prompt
            tokens = torch.cat([tokens[:, :num_tokens], prompt], dim=1)
        tokens = block(tokens)
    pooled, _ = visual._pool(tokens[:, :num_tokens])
    return pooled if visual.proj is None else pooled @ visual.proj


def encode_text_plainly(text: nn.Module, tokens: Tensor, prompts: Prompts = ()) -> Tensor:
    """Encode token ids (N, L) to features (N, embed_dim).

    Args:
        text: OpenCLIP's ``CLIP`` or ``TextTransformer``.
        tokens: Token ids with placeholders.
        prompts: Prompts of the layers, each None, (length, width) or (N, length, width).
    """
    x = text.token_embedding(tokens.clamp(min=0))
    placeholders = (tokens != PLACEHOLDER).int().argsort(dim=1, stable=True)  # their positions, in order
    mask = text.attn_mask
    if mask is not None:
        mask = mask[: tokens.shape[1], : tokens.shape[1]]
    for index, block in enumerate(text.transformer.resblocks):
        prompt = prompts[index] if index < len(prompts) else None
        if prompt is not None:
            prompt = _for_each(prompt, x)
            x = x.scatter(1, placeholders[:, : prompt.shape[1], None].expand_as(prompt), prompt)
        if index == 0:
            x = x + text.positional_embedding[: tokens.shape[1]].to(x.dtype)
        x = block(x, attn_mask=mask)
    x = text.ln_final(x)
    pool_type = getattr(text, 'text_pool_type', None) or text.pool_type
    end = getattr(text, 'text_eos_id', None) or getattr(text, 'eos_id', None)
    pooled = text_global_pool(x, tokens, pool_type, eos_token_id=end)
    projection = text.text_projection
    if projection is None:
        return pooled
    return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection


def _for_each(prompt: Tensor, sequences: Tensor) -> Tensor:
    if prompt.dim() == 2:
        prompt = prompt.expand(len(sequences), -1, -1)
    return prompt.to(sequences.dtype)
