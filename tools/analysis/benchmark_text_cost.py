"""Measure the time of the text tower in evaluation, by number of classes and kind of text prompt."""

import argparse
import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from torch import Tensor
from torch.utils.benchmark import timer
from tqdm import tqdm

from ga2mm.apis import read_config
from ga2mm.models import AttributeRetrieval, CLIPRecognizer
from ga2mm.registry import MODELS
from ga2mm.utils import one_line_errors

DEFAULT_CONFIG = Path(__file__).parents[2] / 'configs' / 'ga2' / 'miniature_zero_shot.py'
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


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config',
        nargs='?',
        default=DEFAULT_CONFIG,
        help='config with AttributeRetrieval, or with no text prompt (default: the miniature CLIP)',
    )
    parser.add_argument('--classes', type=int, nargs='+', default=[12, 50, 100, 400], metavar='N')
    parser.add_argument('--batch', type=int, default=8, help='clips per batch (default: 8)')
    parser.add_argument('--frames', type=int, default=4, help='frames per clip (default: 4)')
    parser.add_argument('--repeats', type=int, default=5, help='number of timed batches (default: 5)')
    args = parser.parse_args()
    for name in ('classes', 'batch', 'frames', 'repeats'):
        value = getattr(args, name)
        if min(value if isinstance(value, list) else [value]) < 1:
            parser.error(f'--{name} must be 1 or more')
    return args


def main() -> None:
    """Measure and print a Markdown table."""
    args = parse_args()
    warnings.filterwarnings('ignore', 'CLIP .* was never trained on')  # the names are made up
    torch.manual_seed(0)
    init_default_scope('ga2mm')
    models = build_models(read_config(args.config))
    rows = []
    for classes in tqdm(args.classes, unit='size'):
        found = measure(models, classes, args.batch, args.frames, args.repeats)
        cells = [f'{value:.1f} ({value / found[0]:.1f}×)' for value in found]
        rows.append(f'| {classes} | {" | ".join(cells)} |')
    print(f'ms a clip in evaluation, batches of {args.batch} clips of {args.frames} frames\n')
    print(f'| classes | {" | ".join(COLUMNS)} |')
    print('| --- ' * (len(COLUMNS) + 1) + '|')
    print('\n'.join(rows))


if __name__ == '__main__':
    with one_line_errors():
        main()
