"""The towers without shortcuts, as a reference for tests and benchmarks.

All tokens pass all layers, as in the code released with CoOp, MaPLe and ViFi-CLIP, in OpenCLIP's blocks.
"""

import torch
from open_clip.transformer import text_global_pool
from torch import Tensor, nn

from ga2mm.models.clip.block import Prompts
from ga2mm.models.clip.open_clip_model import OpenCLIP
from ga2mm.models.clip.text_layout import PLACEHOLDER
from ga2mm.registry import MODELS


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


@MODELS.register_module()
class PlainCLIP(OpenCLIP):
    """An :class:`OpenCLIP` with the towers of this module and texts of the full context length."""

    def encode_frames(self, frames: Tensor, prompts: Prompts = ()) -> Tensor:
        """Encode normalised frames (N, 3, H, W) to features (N, embed_dim), not normalised."""
        return encode_frames_plainly(self.model.visual, frames, prompts)

    def encode_tokens(self, tokens: Tensor, prompts: Prompts = (), max_texts: int = 512) -> Tensor:
        """Encode token ids (N, L) with prompts, as in :class:`OpenCLIP`, but in one chunk."""
        padding = tokens.new_zeros(len(tokens), self.context_length - tokens.shape[1])
        tokens = torch.cat([tokens, padding], dim=1).to(self.device)
        clips = next((len(one) for one in prompts if one is not None and one.dim() == 4), None)
        if clips is None:
            return encode_text_plainly(self.text_tower, tokens, prompts)
        each = [None if one is None else one.expand(-1, len(tokens), -1, -1).flatten(0, 1) for one in prompts]
        features = encode_text_plainly(self.text_tower, tokens.repeat(clips, 1), each)
        return features.unflatten(0, (clips, -1))
