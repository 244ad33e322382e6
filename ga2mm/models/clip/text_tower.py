"""The text tower of an OpenCLIP model, with prompts in its layers."""

from functools import partial

import torch
from torch import Tensor, nn

from ga2mm.models.clip.block import Prompts, run_block, run_block_again
from ga2mm.models.clip.text_layout import TextLayout


def encode_text(text: nn.Module, layout: TextLayout, prompts: Prompts = (), recomputed: int = 0) -> Tensor:
    """Encode texts.

    A prompt replaces that of the previous layer at the placeholders; None keeps it. In layer 0 it gets
    positional embeddings. A prompt that the next layer replaces gives keys and values only. The last layer
    computes the pooled tokens only.

    Args:
        text: OpenCLIP's ``CLIP`` or ``TextTransformer``, which use the same names for their parts.
        layout: The tokens of N texts.
        prompts: Prompts of the layers, each None, (length, width), (N, length, width) or (B, 1 or N, length,
            width) with B clips.
        recomputed: Number of layers, from the input, whose activations are computed again in the backward
            pass, for less memory.

    Returns:
        Features of shape (B or 1, N, embed_dim), not normalised.
    """
    blocks = text.transformer.resblocks
    prompts = [*prompts, *[None] * (len(blocks) - len(prompts))]
    tokens = text.token_embedding(layout.ids)
    positions = text.positional_embedding.to(tokens.dtype)[layout.positions]
    num_clips = max((len(one) for one in prompts if one is not None and one.dim() == 4), default=1)
    tokens, have = (tokens + positions).expand(num_clips, -1, -1), layout.all
    for index, block in enumerate(blocks):
        last = index == len(blocks) - 1
        prompt, context, kept = prompts[index], None, None
        if prompt is not None:
            prompt = layout.prompts_at_slots(prompt.to(tokens.dtype))
            prompt = prompt + positions[layout.slots] if index == 0 else prompt
            if have is layout.all:
                tokens, have = tokens.index_select(1, layout.words.tokens), layout.words
            if last or prompts[index + 1] is not None:  # nothing reads this layer's prompt afterwards
                context = prompt
            else:
                tokens, have = layout.join(tokens, prompt), layout.all
        needed = layout.pooled if last else have
        if not last and prompts[index + 1] is not None:
            needed = layout.words
        if needed is not have:
            kept = layout.places_of(needed, have)
        attend = partial(layout.attend, needed, context is None)
        run = run_block_again if index < recomputed and torch.is_grad_enabled() else run_block
        tokens, have = run(block, tokens, context, kept, attend), needed
    features = text.ln_final(tokens)
    projection = text.text_projection
    if projection is None:
        return features
    return projection(features) if isinstance(projection, nn.Linear) else features @ projection
