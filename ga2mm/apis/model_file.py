"""One file with all that prediction needs except the weights of CLIP."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata as packages
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from ga2mm.apis.config import read_config
from ga2mm.apis.hub import fetch, is_on_hub
from ga2mm.apis.plain_config import check_model, check_pipeline, check_plain, from_plain, to_plain
from ga2mm.apis.prediction_pipeline import prediction_steps
from ga2mm.apis.recognizer import build_recognizer
from ga2mm.apis.run import test_datasets, without_objectives
from ga2mm.checks.config_lists import innermost_datasets
from ga2mm.datasets.label_map import check_class_names, class_names_of
from ga2mm.engine import read_checkpoint, state_dict_of
from ga2mm.models import CLIPRecognizer
from ga2mm.models.clip.loading import has_own_weights, weights_file, weights_of
from ga2mm.models.heads.anchor_calibration import PREFIX
from ga2mm.registry import DATASETS
from ga2mm.tensor_files import CHECKSUM, read_safetensors, write_safetensors
from ga2mm.utils import replace_when_written
from ga2mm.version import __version__

SUFFIX = '.ga2'

CONTENT = 'ga2mm_model'
"""Metadata key of the JSON text."""

VERSION = 1
"""Version of the format."""

LONGEST = 2**23
"""Maximum number of characters of the JSON text."""

PARTS = {'version', 'classes', 'clip', 'pipeline', 'model', 'none_below', 'made'}

VERSIONS_OF = ('torch', 'mmengine', 'mmaction2', 'open_clip_torch', 'av')
"""Packages whose versions a file states."""

REMEDY = 'write it again with `ga2mm export`'

FILES = ('.pt', '.pth', '.bin', '.safetensors')
"""Suffixes of CLIP weights."""


@dataclass
class ModelFile:
    """Content of a model file.

    Attributes:
        classes: Names of the classes that the model was trained on.
        model: Config of the recognizer, without parts for training.
        pipeline: Configs of the transforms that prepare a video.
        clip: For information: ``identity``, ``image_size`` (height, width), ``mean`` and ``std`` of the
            channels (0 to 255).
        made: For information: ``date``, ``versions``, ``config`` and ``checkpoint`` of the training, and its
            ``metrics``.
        none_below: Threshold of :func:`~ga2mm.calibrate_threshold` for these classes; None if unknown.
        tensors: State of the recognizer.
        anchors: What the calibration by anchors knows of them; empty without one.
    """

    classes: tuple[str, ...]
    model: dict[str, Any]
    pipeline: list[dict[str, Any]]
    clip: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    none_below: float | None = None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    anchors: dict[str, Tensor] = field(default_factory=dict)


def export_model(
    config: str | Path | Config,
    checkpoint: str | Path | None,
    path: str | Path,
    classes: Sequence[str] | None = None,
    none_below: float | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Path:
    """Write a model file from a config and a checkpoint of its training.

    Args:
        config: The config, or its file.
        checkpoint: The checkpoint; None for a model without learnable parameters.
        path: The file to write, ending in ``.ga2``. It is written whole or not at all.
        classes: Class names; None for those of the training set, or of the test sets if there is none.
        none_below: Threshold of :func:`~ga2mm.calibrate_threshold` for these classes.
        metrics: Results of a test, for information.

    Returns:
        The path of the file.

    Raises:
        OSError: A file does not exist or cannot be written.
        ValueError: The path has another suffix, the config or the checkpoint is wrong, the config has a part
            that cannot be in a model file, or the classes are unknown.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f'{path}: give the model file a name that ends in {SUFFIX}')
    cfg = config if isinstance(config, Config) else read_config(config)
    state_dict = None if checkpoint is None else state_dict_of(read_checkpoint(checkpoint), checkpoint)
    recognizer = build_recognizer(cfg, state_dict)
    names = classes_of(cfg) if classes is None else check_class_names(classes, _places('classes', classes))
    recognizer.set_classes(names)
    calibration = recognizer.calibration
    anchors = {} if calibration is None else calibration.tensors(names, recognizer.compare)
    mean, std = recognizer.backbone.pixel_mean_std
    content = dict(
        version=VERSION,
        classes=list(names),
        clip=dict(
            identity=recognizer.backbone.identity,
            image_size=list(recognizer.backbone.image_size),
            mean=mean,
            std=std,
        ),
        pipeline=to_plain(prediction_steps(cfg), 'pipeline'),
        model=_plain_model(cfg),
        none_below=none_below,
        made=dict(
            date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            versions={'ga2mm': __version__, **{name: packages.version(name) for name in VERSIONS_OF}},
            checkpoint=None if checkpoint is None else Path(checkpoint).name,
            config=json.loads(json.dumps(cfg.to_dict(), default=str)),
            metrics={key: float(value) for key, value in (metrics or {}).items()},
        ),
    )
    _check(content)
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    with replace_when_written(path) as temporary:
        write_safetensors(temporary, recognizer.state_dict() | anchors, {CONTENT: text})
    return path


def is_model_file(path: str | Path) -> bool:
    """Tell whether a name is that of a model file, here or on Hugging Face's hub."""
    return Path(path).suffix == SUFFIX or is_on_hub(path)


def read_model_file(path: str | Path) -> ModelFile:
    """Read a model file without building the model. No code in it runs.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not a model file, is damaged, or names classes other than those of ga2mm.
    """
    tensors, metadata = read_safetensors(path, 'model file', REMEDY)
    text = metadata.get(CONTENT)
    if text is None or CHECKSUM not in metadata:
        raise ValueError(f'{path} is not a model file (no {CONTENT} with a checksum in it): {REMEDY}')
    try:
        if len(text) > LONGEST:
            raise ValueError(f'its description has {len(text)} characters')
        content = json.loads(text, parse_constant=_no_number)
        _check(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} cannot be loaded, {error}: {REMEDY}') from error
    return ModelFile(
        classes=tuple(content['classes']),
        model=from_plain(content['model']),
        pipeline=from_plain(content['pipeline']),
        clip=content['clip'],
        made=content['made'],
        none_below=content['none_below'],
        tensors={name: tensor for name, tensor in tensors.items() if not name.startswith(PREFIX)},
        anchors={name: tensor for name, tensor in tensors.items() if name.startswith(PREFIX)},
    )


def load_model_file(path: str | Path, device: str = 'cpu', clip: str | None = None) -> CLIPRecognizer:
    """Load a recognizer from a model file. It predicts as the one that the file was made from.

    The CLIP of the file is one of OpenCLIP's tags, or a file of weights, which is looked for under its path
    and next to the model file.

    Args:
        path: The file, or ``hf-hub:ORG/REPO`` (see :mod:`ga2mm.apis.hub`).
        device: The device of the model.
        clip: Other place of the CLIP's weights: a file, a folder as OpenCLIP's ``save_pretrained`` writes it,
            ``'NAME:TAG'``, ``'NAME:FILE'`` or ``'hf-hub:ORG/REPO'``. It must be the CLIP that the model was
            trained on.

    Returns:
        The recognizer with the classes of the file, in evaluation mode. Its ``cfg`` has ``model``,
        ``test_pipeline`` and ``none_below``.

    Raises:
        OSError: The file or the weights of its CLIP do not exist.
        ValueError: The file is not a model file or is damaged, or the CLIP is another one.
    """
    if is_on_hub(path):
        path = fetch(str(path))
    found = read_model_file(path)
    backbone = found.model['backbone']
    _choose_clip(backbone, Path(path), clip)
    found.model['cls_head']['class_names'] = list(found.classes)
    cfg = Config(
        dict(
            default_scope='ga2mm',
            model=found.model,
            test_pipeline=found.pipeline,
            none_below=found.none_below,
        )
    )
    return build_recognizer(cfg, found.tensors, device, found.anchors)


def _choose_clip(backbone: dict[str, Any], path: Path, clip: str | None) -> None:
    """Set the source of the CLIP's weights in the config of the backbone.

    Raises:
        FileNotFoundError: The file of weights does not exist.
    """
    weights = backbone['weights'] = weights_of(backbone)
    backbone.pop('pretrained', None)
    if clip is not None:
        name, colon, source = clip.partition(':')
        if has_own_weights(clip):
            backbone.update(arch=clip, weights=None, quick_gelu=None)
        elif Path(clip).is_dir():
            backbone.update(arch=f'local-dir:{clip}', weights=None, quick_gelu=None)
        elif Path(clip).is_file():
            backbone.update(weights=clip)
        elif colon:
            backbone.update(arch=name, weights=source, quick_gelu=None)
        else:
            raise FileNotFoundError(f'CLIP weights {clip} do not exist: give a file, a folder or NAME:TAG')
        return
    arch = backbone.get('arch')
    what = weights if isinstance(weights, str) and weights.endswith(FILES) else None
    if isinstance(arch, str) and arch.startswith('local-dir:'):
        what = arch.removeprefix('local-dir:')
    if what is None or weights_file(what).exists():
        return
    neighbour = path.parent / Path(what).name
    if not neighbour.exists():
        raise FileNotFoundError(
            f'{path} needs the CLIP weights {what}, which do not exist there or next to it: give their place '
            'as clip (--clip FILE)'
        )
    if what == weights:
        backbone['weights'] = str(neighbour)
    else:
        backbone['arch'] = f'local-dir:{neighbour}'


def _plain_model(cfg: Config) -> dict[str, Any]:
    """Give the model's config as plain values, without what training needs and without paths of files."""
    model = to_plain(without_objectives(cfg.model), 'model')
    for key in ('anchors', 'losses', 'train_cfg'):
        model.pop(key, None)
    model['cls_head'].pop('class_names', None)
    if model['cls_head'].get('coupling'):
        model['cls_head']['coupling']['hard_prompt'] = ''  # the prompt itself is in the state
    calibration = (model.get('test_cfg') or {}).get('anchor_calibration')
    if calibration:
        model['test_cfg']['anchor_calibration'] = dict(strength=calibration['strength'])
    return model


def classes_of(cfg: Config) -> tuple[str, ...]:
    """Give the class names that a config trains on, or tests on if it does not train.

    Raises:
        ValueError: Neither the model nor a dataset names classes.
    """
    own = cfg.model['cls_head'].get('class_names')
    if own is not None:
        return class_names_of(own, 'model.cls_head.class_names')
    loader = cfg.get('train_dataloader') or {}
    sets = [loader['dataset']] if 'dataset' in loader else list(test_datasets(cfg).values())
    names: dict[str, None] = {}
    for dataset in sets:
        for inner in innermost_datasets(dataset):
            cls = DATASETS.get(inner['type']) if isinstance(inner['type'], str) else inner['type']
            arguments = {key: value for key, value in inner.items() if key != 'type'}
            built = cls(**arguments | dict(pipeline=[], lazy_init=True))
            names.update(dict.fromkeys(built.metainfo.get('classes', ())))
    if not names:
        raise ValueError('the datasets of the config do not name their classes: give them as classes')
    return tuple(names)


def _check(content: Any) -> None:
    """Check the description of a model.

    Raises:
        ValueError: A part is missing or unknown, or names classes other than those of ga2mm.
    """
    if not isinstance(content, dict) or not isinstance(content.get('version'), int):
        raise ValueError('its description has no version')
    if content['version'] != VERSION:
        raise ValueError(
            f'its format has version {content["version"]}, this ga2mm ({__version__}) reads {VERSION}'
        )
    if set(content) != PARTS:
        raise ValueError(f'its description has the parts {", ".join(sorted(map(str, content)))[:200]}')
    classes, none_below = content['classes'], content['none_below']
    if not isinstance(classes, list) or not classes:
        raise ValueError('it names no classes')
    for part in PARTS - {'version', 'made'}:
        check_plain(content[part], part)
    check_class_names(classes, _places('classes', classes))
    for part in ('clip', 'model', 'made'):
        if not isinstance(content[part], dict):
            raise ValueError(f'its part {part} is not a dict')
    if not (none_below is None or isinstance(none_below, int | float)):
        raise ValueError(f'none_below={none_below!r} is not a number')
    check_model(content['model'])
    check_pipeline(content['pipeline'])
    coupling = content['model']['cls_head'].get('coupling')
    if 'class_names' in content['model']['cls_head'] or (coupling and coupling.get('hard_prompt')):
        raise ValueError('its head names a file')


def _places(key: str, names: Sequence[str]) -> list[str]:
    return [f'{key}[{i}]' for i in range(len(names))]


def _no_number(name: str) -> float:
    raise ValueError(f'its description has the number {name}')
