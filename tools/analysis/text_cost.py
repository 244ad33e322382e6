"""Time of the text tower in evaluation, by kind of text prompt."""

import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import Tensor
from torch.utils.benchmark import timer

from ga2mm.models import AttributeRetrieval, CLIPRecognizer
from ga2mm.registry import MODELS

COLUMNS = (
    'DeepPrompt',
    'ConditionalPrompt',
    'AttributeRetrieval, no cache',
    'cache, new clips',
    'cache, known clips',
)


def build_models(cfg: Config) -> list[CLIPRecognizer]:
    """Build the untrained recognizer with each text prompt, in the order of all columns but the last.

    All prompts have the length of the retrieved one, so that all texts have the same length.

    Raises:
        ValueError: The config has a text prompt that is not retrieved.
    """

    def build(**head: dict | int) -> CLIPRecognizer:
        head = {'text_prompt': dict(type='AttributeRetrieval'), **cfg.model.cls_head, **head}
        return MODELS.build(dict(cfg.model, losses=[], anchors=None, cls_head=head)).to(get_device()).eval()

    cached, plain = build(), build(max_cached=0)
    if not isinstance(plain.cls_head.text_prompt, AttributeRetrieval):
        raise ValueError(f"{cfg.filename}: give a config with text_prompt=dict(type='AttributeRetrieval')")
    length = plain.cls_head.text_prompt.length
    shared = build(text_prompt=dict(type='DeepPrompt', length=length, depth=1))
    conditional = build(text_prompt=dict(type='ConditionalPrompt', length=length))
    return [shared, conditional, plain, cached]


@torch.no_grad()
def milliseconds_per_clip(model: CLIPRecognizer, clips: Tensor) -> float:
    """Measure the time from normalised clips to logits."""
    start = timer()
    model(clips, stage='head')
    return 1000 * (timer() - start) / len(clips)


def measure(models: list[CLIPRecognizer], classes: int, batch: int, frames: int, repeats: int) -> list[float]:
    """Measure milliseconds per clip of each column: the minimum over several batches of noise."""
    for model in models:
        model.set_classes([f'action {number}' for number in range(classes)])
    height, width = models[0].backbone.image_size
    times: list[list[float]] = [[] for _ in COLUMNS]
    for repeat in range(repeats + 1):
        clips = torch.randn(batch, 1, 3, frames, height, width).to(get_device())
        models[-1].cls_head.text_encoder.cache.clear()
        # The last model runs twice: the second time its cache has these clips.
        for column, model in zip(times, [*models, models[-1]], strict=True):
            spent = milliseconds_per_clip(model, clips)
            if repeat:  # the first batch is a warm-up, and fills the shared caches
                column.append(spent)
    return [min(column) for column in times]
