"""Which CLIP something was learnt on: ``'NAME FINGERPRINT'``."""

import hashlib

from open_clip.transformer import QuickGELU
from torch import nn

SAMPLES_PER_TENSOR = 1024


def clip_identity(name: str, model: nn.Module) -> str:
    """Name and fingerprint of a CLIP.

    The fingerprint is 16 hex digits of a hash of what weights alone do not say (activation, heads, pooling,
    causality) and of up to 2048 evenly spaced entries of every tensor, in float32, so that weights stored in
    half precision keep theirs.
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
    """Whether two identities are of the same weights, by whatever name they were reached."""
    return identity.split()[-1:] == other.split()[-1:]
