"""The identity of a CLIP, ``'NAME FINGERPRINT'``, which checkpoints and hard prompts contain."""

import hashlib

from open_clip.transformer import QuickGELU
from torch import nn

SAMPLES_PER_TENSOR = 1024


def clip_identity(name: str, model: nn.Module) -> str:
    """Give the name and the fingerprint of a CLIP.

    The fingerprint is 16 hex digits of a hash of the settings that the weights do not contain (activation,
    heads, pooling, causality) and of up to 2048 evenly spaced entries of every tensor. The entries are
    converted to float32, so weights stored in half precision keep their fingerprint.
    """
    text = getattr(model, 'text', model)
    structure = (
        any(isinstance(module, QuickGELU) for module in model.modules()),
        [module.num_heads for module in model.modules() if hasattr(module, 'num_heads')],
        getattr(model.visual, 'pool_type', None),
        getattr(text, 'text_pool_type', None) or getattr(text, 'pool_type', None),
        text.attn_mask is not None,
    )
    digest = hashlib.sha256(repr(structure).encode())
    for key, value in sorted(model.state_dict().items()):
        flat = value.detach().float().flatten()
        step = max(1, flat.numel() // SAMPLES_PER_TENSOR)
        digest.update(f'{key} {tuple(value.shape)}'.encode())
        digest.update(flat[::step][: 2 * SAMPLES_PER_TENSOR].cpu().numpy().tobytes())
    return f'{name} {digest.hexdigest()[:16]}'


def same_clip(identity: str, other: str) -> bool:
    """Check whether two identities have the same fingerprint; their names may differ."""
    return identity.split()[-1:] == other.split()[-1:]
