"""Build recognizers for prediction, and the pipeline that prepares videos for them."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import Tensor

from ga2mm.apis.config import config_errors
from ga2mm.apis.run import learns, test_datasets, without_objectives
from ga2mm.checks.config_check import check_config
from ga2mm.checks.config_lists import innermost_datasets
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import MODELS


def build_recognizer(
    cfg: Config, state_dict: Mapping[str, Tensor] | None = None, device: str = 'cpu'
) -> CLIPRecognizer:
    """Build a recognizer for prediction and load what was learnt.

    Args:
        cfg: A config with a model; it becomes the recognizer's ``cfg``.
        state_dict: State of the recognizer; None for a model without learnable parameters.
        device: The device of the model.

    Returns:
        The recognizer in evaluation mode.

    Raises:
        ValueError: The config is wrong; or the state does not fit the model, or is missing although the model
            has learnable parameters.
    """
    check_config(cfg)
    init_default_scope(cfg.get('default_scope', 'ga2mm'))
    with config_errors(cfg):
        model = MODELS.build(without_objectives(cfg.model))
    if state_dict is not None:
        model.load_state_dict(dict(state_dict))
    elif learns(model):
        raise ValueError('this config learns prompts or weights: give a checkpoint')
    model.cfg = cfg
    return model.to(device).eval()


def prediction_steps(cfg: Config) -> list[dict[str, Any]]:
    """Give the configs of the transforms that prepare a video, those of the first test set.

    There is no frame cache in them, which would waste memory on long files.

    Raises:
        ValueError: The config has no test set.
    """
    steps = cfg.get('test_pipeline')
    if steps is None:
        loader = cfg.get('test_dataloader') or {}
        sets = [loader.dataset] if 'dataset' in loader else list(test_datasets(cfg).values())
        if not sets:
            raise ValueError('the config has no test_dataloader, whose pipeline prepares the videos')
        steps = innermost_datasets(sets[0])[0]['pipeline']
    return [{key: copy.deepcopy(step[key]) for key in step if key != 'keep_frames'} for step in steps]


def prediction_pipeline(cfg: Config) -> Compose:
    """Build the transforms of :func:`prediction_steps`."""
    return Compose(prediction_steps(cfg))
