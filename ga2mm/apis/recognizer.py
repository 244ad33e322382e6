"""Build recognizers for prediction."""

from collections.abc import Mapping

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from ga2mm.apis.config import config_errors
from ga2mm.apis.run import learns, without_objectives
from ga2mm.checks.config_check import check_config
from ga2mm.engine import show_anchors
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import MODELS


def build_recognizer(
    cfg: Config,
    state_dict: Mapping[str, Tensor] | None = None,
    device: str = 'cpu',
    anchors: Mapping[str, Tensor] | None = None,
) -> CLIPRecognizer:
    """Build a recognizer for prediction, load what was learnt, and show it the anchors of its calibration.

    Args:
        cfg: A config with a model; it becomes the recognizer's ``cfg``.
        state_dict: State of the recognizer; None for a model without learnable parameters.
        device: The device of the model.
        anchors: Tensors of the calibration in a model file; None to read the anchors of the config.

    Returns:
        The recognizer in evaluation mode.

    Raises:
        OSError: A list of the anchors does not exist.
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
    model = model.to(device).eval()
    if model.calibration is None:
        if anchors:
            raise ValueError(f'there are tensors of a calibration, {min(anchors)}, but the model has none')
    elif anchors is None:
        with config_errors(cfg):
            show_anchors(model)
    else:
        embed_dim = model.backbone.embed_dim
        model.calibration.restore(anchors, model.cls_head.class_names, embed_dim, device)
    return model
