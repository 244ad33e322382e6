"""Compare estimates of the class biases that anchor calibration subtracts, on the runs of a benchmark.

Each trained run is loaded, its test videos and anchors are encoded once, and every estimate is applied to the
same logits. Only validation benchmarks are accepted, since estimates and strengths are chosen here.

    python tools/run_protocol.py configs/benchmarks/calibration_validation.py
    python tools/analysis/calibration_estimates.py configs/benchmarks/calibration_validation.py
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor

    from ga2mm.benchmark.cell import Cell
    from ga2mm.models import CLIPRecognizer

STRENGTHS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0)

GENERATED = ('shuffled_patches', 'blended_patches', 'mixed', 'blurred', 'blank', 'noise')
SOURCES = ('irrelevant', 'other_dataset', *GENERATED)
"""Values of ``GA2MM_ANCHORS``."""

BEST = 'shuffled_patches'
"""The source whose strengths are shown in full, besides irrelevant videos."""

SHUFFLED_IRRELEVANT = 'shuffled irrelevant'
"""Irrelevant videos with shuffled patches."""

OWN = 'labelled clips'
"""The training clips themselves, for comparison: they show base classes."""

BATCH = 64


@dataclass
class Encoded:
    """What the estimates use of one run.

    Args:
        videos: Unit features (videos, D) and labels among base and novel classes, by test set.
        anchors: Unit features (anchors, D) by source.
        classes: Unit features (classes, D), first the base classes.
        base: Number of base classes.
        shuffled: Unit features (videos, D) of the test videos with shuffled patches, by test set.
        scale: The logit scale.
    """

    videos: dict[str, tuple['Tensor', 'Tensor']]
    shuffled: dict[str, 'Tensor']
    anchors: dict[str, 'Tensor']
    classes: 'Tensor'
    base: int
    scale: float


@dataclass
class Logits:
    """Logits and features that an estimate may use.

    Args:
        videos: Logits (videos, classes) of test videos, multiplied by the logit scale.
        anchors: Logits (anchors, classes).
        similarities: Cosines (videos, anchors).
        shuffled: Logits (videos, classes) of the test videos with shuffled patches.
    """

    videos: 'Tensor'
    anchors: 'Tensor'
    similarities: 'Tensor'
    shuffled: 'Tensor'


def mean(given: Logits) -> 'Tensor':
    """Give the mean logit of each class over the anchors."""
    return given.anchors.mean(dim=0)


def median(given: Logits) -> 'Tensor':
    """Give the median over the anchors."""
    return given.anchors.median(dim=0).values


def trimmed(given: Logits) -> 'Tensor':
    """Give the mean without the lowest and highest fifth of the anchors."""
    cut = len(given.anchors) // 5
    return given.anchors.sort(dim=0).values[cut : len(given.anchors) - cut].mean(dim=0)


def softmax(given: Logits) -> 'Tensor':
    """Give the logarithm of the mean probability, as contextual calibration of language models does."""
    return given.anchors.softmax(dim=-1).mean(dim=0).log()


def even(given: Logits) -> 'Tensor':
    """Give the bias whose subtraction makes the mean probability of each class equal over the anchors."""
    import torch

    bias = torch.zeros(given.anchors.shape[1])
    for _ in range(200):
        bias += (given.anchors - bias).softmax(dim=-1).mean(dim=0).clamp_min(1e-12).log()
        bias -= bias.mean()
    return bias


def near(temperature: float) -> Callable[[Logits], 'Tensor']:
    """Weight the anchors of each video by the softmax of their cosines divided by a temperature."""

    def estimate(given: Logits) -> 'Tensor':
        return (given.similarities / temperature).softmax(dim=-1) @ given.anchors

    return estimate


ESTIMATES: dict[str, Callable[[Logits], 'Tensor']] = {
    'median': median,
    'trimmed mean': trimmed,
    'log of the mean softmax': softmax,
    'even mean prediction': even,
    'by similarity, temperature 0.1': near(0.1),
    'by similarity, temperature 0.03': near(0.03),
}


def learnt_strength(given: Logits) -> float:
    """Give the strength from 0 to 1 whose mean prediction over the anchors is closest to even.

    It minimises KL(mean prediction, uniform), that is, maximises the entropy of the mean prediction.
    """
    import torch

    bias, grid = mean(given), torch.linspace(0, 1, 41)
    predictions = [(given.anchors - strength * bias).softmax(dim=-1).mean(dim=0) for strength in grid]
    entropies = torch.stack([torch.special.entr(one).sum() for one in predictions])
    return float(grid[entropies.argmax()])


def scores(encoded: Encoded, source: str, correct: Callable[[Logits], 'Tensor']) -> dict[str, float]:
    """Compute the accuracies in per cent of corrected logits, in base-to-novel and generalized.

    Args:
        encoded: Features of a run.
        source: Source of the anchors.
        correct: Gives the corrected logits.
    """
    from ga2mm.evaluation import harmonic_mean

    found, anchors = {}, encoded.anchors[source]
    ranges = dict(base=slice(None, encoded.base), novel=slice(encoded.base, None))
    for name, (videos, labels) in encoded.videos.items():
        for prefix, place in (('', ranges[name]), ('generalized/', slice(None))):
            classes = encoded.classes[place]
            given = Logits(
                videos=encoded.scale * videos @ classes.t(),
                anchors=encoded.scale * anchors @ classes.t(),
                similarities=videos @ anchors.t(),
                shuffled=encoded.scale * encoded.shuffled[name] @ classes.t(),
            )
            hits = correct(given).argmax(dim=-1) + (place.start or 0) == labels
            found[prefix + name] = 100 * float(hits.float().mean())
    for prefix in ('', 'generalized/'):
        found[f'{prefix}hm'] = harmonic_mean(found[f'{prefix}base'], found[f'{prefix}novel'])
    return found


def decode(config: dict[str, Any]) -> tuple['Tensor', list[int]]:
    """Read a data set: clips (videos, clips, 3, T, H, W) in uint8, and labels."""
    import torch

    from ga2mm.registry import DATASETS
    from ga2mm.structures import get_gt_label

    dataset = DATASETS.build(config)
    items = [dataset[place] for place in range(len(dataset))]
    labels = [int(get_gt_label(item['data_samples'])) for item in items]
    return torch.stack([item['inputs'] for item in items]), labels


def encode(model: 'CLIPRecognizer', clips: 'Tensor') -> tuple['Tensor', dict[str, Any]]:
    """Give unit features of videos, and the other output of ``extract_feat``."""
    import torch

    parts = []
    with torch.no_grad():
        for part in clips.split(BATCH):
            batch = model.data_preprocessor(dict(inputs=list(part), data_samples=[]))
            features, given = model.extract_feat(batch['inputs'])
            parts.append(features)
    return torch.cat(parts), given


def read_videos(cell: 'Cell') -> tuple[dict[str, Any], tuple[str, ...], int]:
    """Read the test videos and the anchors of a draw.

    Returns:
        Clips and labels by ``base``, ``novel`` and source of anchors; the class names; the number of base
        classes.
    """
    from dataclasses import replace

    import torch

    from ga2mm.anchors.generated_anchors import shuffle_patches
    from ga2mm.datasets.label_map import read_label_map

    cfg = cell.read_config()
    found = {name: decode(cfg.test_dataloader[name].dataset) for name in ('base', 'novel')}
    names = [read_label_map(cfg.test_dataloader[name].dataset.label_map) for name in ('base', 'novel')]
    found[OWN] = decode(cfg.train_dataset)
    for source in SOURCES:
        other = replace(cell, env={**cell.env, 'GA2MM_ANCHORS': source}).read_config()
        found[source] = decode(other.anchor_dataset)
    for name, source in (('base', 'base'), ('novel', 'novel'), (SHUFFLED_IRRELEVANT, 'irrelevant')):
        torch.manual_seed(cell.draw)
        shuffled = torch.stack([shuffle_patches(clip) for clip in found[source][0]])
        found[name if name == SHUFFLED_IRRELEVANT else f'shuffled {name}'] = shuffled, found[source][1]
    return found, (*names[0], *names[1]), len(names[0])


def encode_run(
    cell: 'Cell', work_dir: Path, videos: dict[str, Any], names: tuple[str, ...], base: int
) -> Encoded:
    """Encode the videos of a draw with the model of a finished run."""
    import torch

    from ga2mm.apis import load
    from ga2mm.engine import latest_checkpoint

    cfg: Config = cell.read_config()
    cfg.model.test_cfg = None
    model = load(cfg, latest_checkpoint(work_dir / cell.folder) if cell.learns else None)
    model.set_classes(names)
    features = {name: encode(model, clips) for name, (clips, _) in videos.items()}
    given = features['base'][1]
    tests = {
        name: (features[name][0], torch.tensor(videos[name][1]) + (base if name == 'novel' else 0))
        for name in ('base', 'novel')
    }
    anchors = {name: features[name][0] for name in (*SOURCES, SHUFFLED_IRRELEVANT, OWN)}
    anchors['irrelevant and shuffled'] = torch.cat([anchors['irrelevant'], anchors[BEST]])
    shuffled = {name: features[f'shuffled {name}'][0] for name in tests}
    return Encoded(tests, shuffled, anchors, given['class_features'], base, float(given['logit_scale']))


def variants() -> Iterator[tuple[str, str, Callable[[Logits], 'Tensor']]]:
    """Yield name, source of anchors and correction of each variant, the uncorrected logits first."""

    def subtract(estimate: Callable, strength: float) -> Callable[[Logits], 'Tensor']:
        return lambda given: given.videos - strength * estimate(given)

    for source in ('irrelevant', BEST):
        for strength in STRENGTHS:
            yield f'mean of {source}, {strength:g}', source, subtract(mean, strength)
        for name, estimate in ESTIMATES.items():
            for strength in (0.25, 0.5):
                yield f'{name} of {source}, {strength:g}', source, subtract(estimate, strength)
        for factor in (0.5, 1.0):
            yield (
                f'mean of {source}, {factor:g} of the learnt strength',
                source,
                lambda given, factor=factor: given.videos - factor * learnt_strength(given) * mean(given),
            )
    for source in ('other_dataset', *GENERATED[1:], SHUFFLED_IRRELEVANT, 'irrelevant and shuffled', OWN):
        for strength in (0.25, 0.5):
            yield f'mean of {source}, {strength:g}', source, subtract(mean, strength)
    for strength in (0.25, 0.5):
        yield (
            f'the video itself with shuffled patches, {strength:g}',
            BEST,
            lambda given, strength=strength: given.videos - strength * given.shuffled,
        )


def show(rows: dict[tuple[str, str], dict[int, dict[str, float]]]) -> None:
    """Print a table for each method: means over draws, and the gain of HM with its 95 % interval."""
    from ga2mm.benchmark.statistics import paired_difference, summarise

    columns = {'base': 'base', 'novel': 'novel', 'hm': 'HM', 'generalized/hm': 'generalized HM'}
    for method in dict.fromkeys(method for method, _ in rows):
        tables = {
            name: [dict(draw=draw, seed=0, shots=None, scores=one) for draw, one in by_draw.items()]
            for (other, name), by_draw in rows.items()
            if other == method
        }
        plain = tables['mean of irrelevant, 0']
        print(f'\n**{method}**, {len(plain)} draws\n')
        print(
            f'| variant | {" | ".join(columns.values())} | HM to strength 0 | generalized HM to strength 0 |'
        )
        print('| --- ' * 7 + '|')
        for name, table in tables.items():
            means = [f'{summarise(table, key).mean:.1f}' for key in columns]
            gains = [str(paired_difference(table, plain, key)) for key in ('hm', 'generalized/hm')]
            print(f'| {" | ".join([name, *means, *gains])} |')


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path, help='config of a validation benchmark whose runs are finished')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/benchmarks/CONFIG')
    parser.add_argument('--only', nargs='+', default=[], metavar='KEY=VALUE', help='only these runs')
    args = parser.parse_args()

    from mmengine.registry import init_default_scope

    from ga2mm.benchmark.plan import read_benchmarks
    from ga2mm.benchmark.selection import select

    init_default_scope('ga2mm')
    work_dir = (args.work_dir or Path('work_dirs/benchmarks') / args.config.stem).resolve()
    [benchmark] = read_benchmarks(args.config, work_dir)
    if benchmark.part != 'validation':
        raise ValueError(f"{args.config}: part={benchmark.part!r}: estimates are chosen on part='validation'")
    chosen = select(benchmark.cells, args.only)
    cells = [cell for cell in chosen if not float(cell.env.get('GA2MM_CALIBRATION', 0))]
    rows: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    videos, draw = None, None
    for cell in sorted(cells, key=lambda cell: cell.draw):
        if videos is None or cell.draw != draw:
            videos, names, base = read_videos(cell)
            draw = cell.draw
        encoded = encode_run(cell, work_dir, videos, names, base)
        for name, source, correct in variants():
            rows.setdefault((cell.method, name), {})[draw] = scores(encoded, source, correct)
    show(rows)


if __name__ == '__main__':
    with one_line_errors():
        main()
