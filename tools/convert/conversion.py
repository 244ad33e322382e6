"""Functions of all converters: reading the layout of ViFi-CLIP and GA2-CLIP, and writing CLIP and prompts."""

import tempfile
from collections.abc import Iterable
from math import isqrt
from pathlib import Path
from typing import Any

import open_clip
import torch
from mmengine.config import Config
from torch import Tensor

from ga2mm.models import CLIPRecognizer
from ga2mm.models.clip.weights import Weights, read_weights
from ga2mm.registry import MODELS
from ga2mm.tensor_files import write_safetensors
from ga2mm.utils import replace_when_written

HEAD_WIDTH = 64
"""Width of an attention head in every OpenAI CLIP."""

TOWERS = {'image_encoder.': 'visual.', 'text_encoder.': ''}
"""Prefixes of the towers in ViFi-CLIP, and in CLIP."""

START_TOKEN_BUFFERS = ('prompt_learner.token_prefix', 'prompt_learner.complete_text_embeddings')
OTHER_CLASS_BUFFERS = ('prompt_learner.token_suffix', 'prompt_learner.tokenized_prompts', 'tokenized_prompts')
"""Buffers of the training classes, which ga2mm computes from the class names. The former begin with the
embedding of the start token."""


def split_towers(state_dict: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Split a state dict into CLIP's weights, renamed as in CLIP, and all other tensors."""
    clip, others = {}, {}
    for key, value in state_dict.items():
        prefix = next((prefix for prefix in TOWERS if key.startswith(prefix)), None)
        if key == 'logit_scale':
            clip[key] = value
        elif prefix is not None and 'VPT' not in key:
            clip[TOWERS[prefix] + key.removeprefix(prefix)] = value
        else:
            others[key] = value
    return clip, others


def drop_class_buffers(others: dict[str, Tensor]) -> Tensor | None:
    """Remove the buffers of the training classes; return one that begins with the start token, if any."""
    for name in OTHER_CLASS_BUFFERS:
        others.pop(name, None)
    found = [others.pop(name) for name in START_TOKEN_BUFFERS if name in others]
    return found[0] if found else None


def take_prompts(others: dict[str, Tensor], first: str, tower: str, source: Path) -> Tensor | None:
    """Remove and return a tower's prompts.

    Args:
        others: Other tensors from :func:`split_towers`.
        first: Name of the input layer's prompt.
        tower: ``'image_encoder'`` or ``'text_encoder'``.
        source: The file, for errors.

    Returns:
        Prompts of shape (depth, length, width); None if the tower has none.

    Raises:
        ValueError: The prompts are not (length, width) tensors of one shape.
    """
    if first not in others:
        return None
    layers = [others.pop(first)]
    while (key := f'{tower}.transformer.resblocks.{len(layers)}.VPT_shallow') in others:
        layers.append(others.pop(key))
    shapes = sorted({tuple(layer.shape) for layer in layers})
    if len(shapes) > 1 or layers[0].dim() != 2:
        raise ValueError(
            f'{source}: the prompts of {tower} have the shapes {", ".join(map(str, shapes))}, but ga2mm has '
            'one length and one width in all layers of a tower'
        )
    return torch.stack(layers)


def refuse_unknown(names: Iterable[str], source: Path) -> None:
    """Raise a ValueError if tensors remain that the converter does not know."""
    names = sorted(names)
    if names:
        raise ValueError(
            f'{source} has {len(names)} unknown tensors, such as {", ".join(names[:3])}: use the converter '
            'for the code that wrote it (docs/convert.md)'
        )


def add_token_table(
    clip: dict[str, Tensor], start_token: Tensor | None, origin: Path, source: Path
) -> Weights:
    """Add the token table of the original CLIP to CLIP's weights; it is neither tuned nor saved.

    Args:
        clip: Weights without the token table.
        start_token: A tensor of ``source`` that begins with the start token's embedding, for comparison.
        origin: The file of the original CLIP.
        source: The checkpoint, for errors.

    Raises:
        ValueError: ``origin`` has no token table, or a different one.
    """
    weights = read_weights(origin)
    table = weights.state_dict.get('token_embedding.weight')
    start = open_clip.SimpleTokenizer().sot_token_id
    if table is None or table.dim() != 2 or len(table) <= start:
        raise ValueError(
            f"{origin} has no token table of CLIP: give OpenAI's CLIP that {source} started from"
        )
    if start_token is not None:
        found = start_token.flatten()[: table.shape[1]].float()
        # The release stores these embeddings in half precision.
        own = table[start].float()
        if found.shape != own.shape or not torch.allclose(found, own, rtol=1e-2, atol=1e-4):
            raise ValueError(
                f"{origin} is not the CLIP that {source} started from: its start token's embedding differs"
            )
    clip = {**clip, 'token_embedding.weight': table}
    return Weights(clip, quick_gelu=True, known_tokens=weights.known_tokens)


def architecture(state_dict: dict[str, Tensor], source: Path) -> str | dict[str, Any]:
    """Infer the architecture of OpenAI's ViT CLIPs, or of similar ones, from the shapes of the weights.

    Returns:
        OpenCLIP's name of the architecture; without a name, a dict in the form of OpenCLIP's model configs.

    Raises:
        ValueError: The weights do not belong to such a CLIP.
    """

    def layers(prefix: str) -> int:
        return sum(key.startswith(prefix) and key.endswith('.ln_1.weight') for key in state_dict)

    try:
        width, _, _, patch_size = state_dict['visual.conv1.weight'].shape
        positions, _ = state_dict['visual.positional_embedding'].shape
        text_width, embed_dim = state_dict['text_projection'].shape
        context_length, _ = state_dict['positional_embedding'].shape
        vocab_size, _ = state_dict['token_embedding.weight'].shape
    except (KeyError, ValueError) as error:
        raise ValueError(f'{source} holds no CLIP with a vision transformer ({error})') from error
    for tower, value in (('vision', width), ('text', text_width)):
        if value < HEAD_WIDTH or value % HEAD_WIDTH:
            raise ValueError(
                f'{source}: the {tower} tower is {value} wide, which cannot be split into heads of '
                f"{HEAD_WIDTH} as in OpenAI's CLIPs"
            )
    config = dict(
        embed_dim=embed_dim,
        quick_gelu=True,
        vision_cfg=dict(
            image_size=patch_size * isqrt(positions - 1),
            layers=layers('visual.transformer.'),
            width=width,
            patch_size=patch_size,
        ),
        text_cfg=dict(
            context_length=context_length,
            vocab_size=vocab_size,
            width=text_width,
            heads=text_width // HEAD_WIDTH,
            layers=layers('transformer.'),
        ),
    )
    named = [name for name in open_clip.list_models() if open_clip.get_model_config(name) == config]
    return named[0] if named else config


def write_clip_and_prompts(
    source: Path,
    weights: Weights,
    clip_out: Path,
    cls_head: dict[str, Any],
    learnt: dict[str, Tensor],
    out: Path | None,
) -> Config:
    """Write a CLIP and a checkpoint of the prompts, after ga2mm has loaded both successfully.

    Args:
        source: The source file, for errors and the checkpoint's ``meta``.
        weights: The CLIP, trained with QuickGELU.
        clip_out: The safetensors file for the CLIP.
        cls_head: Config of the learnt head.
        learnt: State of the head.
        out: The checkpoint; None if nothing was learnt.

    Returns:
        A config whose ``model`` loads the written files.

    Raises:
        ValueError: Weights or prompts are incomplete, unknown or have wrong shapes.
    """
    if clip_out.suffix != '.safetensors':
        raise ValueError(f'{clip_out} must be a .safetensors file')
    backbone = dict(type='OpenCLIP', arch=architecture(weights.state_dict, source), weights=str(clip_out))
    model = dict(type='CLIPRecognizer', backbone=backbone, cls_head=cls_head)
    with (
        replace_when_written(clip_out) as temporary,
        tempfile.TemporaryDirectory(dir=clip_out.parent, prefix='.') as folder,
    ):
        path = Path(folder) / clip_out.name  # the suffix determines how weights are read
        _save_weights(path, weights)
        try:
            written = dict(model, backbone=dict(backbone, weights=str(path)))
            recognizer: CLIPRecognizer = MODELS.build(written)
            state = {f'cls_head.{key}': value for key, value in learnt.items()}
            state['backbone._extra_state'] = recognizer.backbone.get_extra_state()
            recognizer.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f'{source}: {str(error).replace(str(path), "the file")}') from error
        if out is not None:
            with replace_when_written(out) as checkpoint:
                content = {'meta': {'converted_from': source.name}, 'state_dict': recognizer.state_dict()}
                torch.save(content, checkpoint)
        path.replace(temporary)
    return Config(dict(model=model))


def _save_weights(path: Path, weights: Weights) -> None:
    tensors = dict(weights.state_dict)
    metadata = {'quick_gelu': 'true'}
    if weights.known_tokens is not None:
        table, ids = tensors.pop('token_embedding.weight'), weights.known_tokens.long()
        tensors.update({'token_embedding.ids': ids.int(), 'token_embedding.rows': table[ids]})
        metadata['vocab_size'] = str(len(table))
    write_safetensors(path, tensors, metadata)
