"""The vision tower of an OpenCLIP model, with prompts in its layers."""

import torch
from torch import Tensor, nn

from ga2mm.models.clip.block import Prompts, dot_product, run_block, run_block_again


def encode_frames(
    visual: nn.Module,
    frames: Tensor,
    prompts: Prompts = (),
    recomputed: int = 0,
    with_layers: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """Encode frames; give their features and patch tokens.

    A prompt replaces that of the previous layer; None keeps it. It follows the patch tokens; in layer 0 it
    passes ``ln_pre`` and gets no positional embedding. This is the placement of IVLP (ViFi-CLIP), which
    GA2-CLIP builds on. A prompt that the next layer replaces gives keys and values only, once for all frames.
    Where the feature is the class token, the last layer computes no other token.

    Args:
        visual: OpenCLIP's ``VisionTransformer``.
        frames: Normalised frames of shape (N, 3, H, W).
        prompts: Prompts of the layers, each None, (length, width) or (N, length, width).
        recomputed: Number of layers, from the input, whose activations are computed again in the backward
            pass, for less memory.
        with_layers: Whether to give patch tokens too, which needs more memory.

    Returns:
        Features of shape (N, embed_dim), not normalised. Output patch tokens of each layer, without class
        token and prompts, a list of (N, patches, width); empty without ``with_layers``.
    """
    tokens = visual._embeds(frames)
    num_tokens = tokens.shape[1]
    blocks = visual.transformer.resblocks
    prompts = [*prompts, *[None] * (len(blocks) - len(prompts))]
    pools_class_token = visual.attn_pool is None and visual.pool_type == 'tok'
    layers = []
    for index, block in enumerate(blocks):
        last = index == len(blocks) - 1
        prompt, context, kept = prompts[index], None, None
        if prompt is not None:
            prompt = prompt.to(tokens.dtype)
            prompt = prompt if prompt.dim() == 3 else prompt[None]
            prompt = visual.ln_pre(prompt) if index == 0 else prompt
            tokens = tokens[:, :num_tokens]
        if last or prompts[index + 1] is not None:  # nothing reads this layer's prompt afterwards
            context, kept = prompt, slice(num_tokens) if tokens.shape[1] > num_tokens else None
        elif prompt is not None:
            tokens = torch.cat([tokens, prompt.expand(tokens.shape[0], -1, -1)], dim=1)
        if last and pools_class_token and not with_layers:
            kept = slice(1)
        run = run_block_again if index < recomputed and torch.is_grad_enabled() else run_block
        tokens = run(block, tokens, context, kept, dot_product)
        if with_layers:
            layers.append(tokens[:, 1:num_tokens])
    pooled, _ = visual._pool(tokens)
    return pooled if visual.proj is None else pooled @ visual.proj, layers
