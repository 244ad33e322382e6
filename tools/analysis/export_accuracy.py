"""Measure what exporting and int8 quantization cost: accuracy of a model and of its ONNX programs.

The model, its ONNX program and the program quantized to int8 predict each test set of the config.

    python tools/data/make_miniature.py
    python tools/analysis/export_accuracy.py configs/ga2/miniature_zero_shot.py
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ga2mm.utils import one_line_errors

BATCH = 16


def batches(dataset: Any) -> Iterator[tuple[Any, list[int]]]:
    """Give the videos of a data set in batches: clips (videos, clips, T, 3, H, W) in uint8, and labels."""
    import torch

    from ga2mm.structures import get_gt_label

    for start in range(0, len(dataset), BATCH):
        items = [dataset[place] for place in range(start, min(start + BATCH, len(dataset)))]
        clips = torch.stack([item['inputs'] for item in items])
        clips = clips[:, None] if clips.dim() == 5 else clips.transpose(2, 3)
        yield clips, [int(get_gt_label(item['data_samples'])) for item in items]


def measure(model: Any, dataset: Any, folder: Path) -> list[tuple[str, float, float, float, float]]:
    """Predict a test set with the model and its programs.

    Returns:
        Rows of name, size in MB, accuracy, share of videos with the model's label, and the largest difference
        of a probability from the model's.
    """
    import numpy as np

    from ga2mm.apis.export_program import export_program, open_onnx, probabilities

    paths = {'ONNX float32': folder / 'float32.onnx', 'ONNX int8': folder / 'int8.onnx'}
    sessions = {}
    for name, path in paths.items():
        export_program(model, path, int8=name == 'ONNX int8')
        sessions[name] = open_onnx(path)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ('model', *paths)}
    labels: list[int] = []
    for clips, truth in batches(dataset):
        labels += truth
        frames = clips.flatten(0, 1)
        given = {'model': probabilities(model, frames)}
        for name, session in sessions.items():
            given[name] = session.run(['probabilities'], {'frames': frames.numpy()})[0]
        for name, one in given.items():
            found[name].append(one.reshape(*clips.shape[:2], -1).mean(axis=1))
    scores = {name: np.concatenate(parts) for name, parts in found.items()}
    own = scores['model']
    return [
        (
            name,
            paths[name].stat().st_size / 1e6 if name in paths else float('nan'),
            float((one.argmax(axis=1) == labels).mean()),
            float((one.argmax(axis=1) == own.argmax(axis=1)).mean()),
            float(np.abs(one - own).max()),
        )
        for name, one in scores.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('config', type=Path, help='config with test sets')
    parser.add_argument('checkpoint', type=Path, nargs='?', help='checkpoint of its training')
    args = parser.parse_args()

    from ga2mm.apis import load, read_config
    from ga2mm.apis.export_program import check_onnx_packages
    from ga2mm.apis.run import test_datasets
    from ga2mm.registry import DATASETS

    check_onnx_packages()
    cfg = read_config(args.config)
    model = load(cfg, args.checkpoint)
    print('| test set | videos | program | MB | accuracy, % | same label, % | largest difference |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    for test_set, config in test_datasets(cfg).items():
        dataset = DATASETS.build(config)
        model.set_classes(dataset.metainfo['classes'])
        with TemporaryDirectory() as folder:
            rows = measure(model, dataset, Path(folder))
        for name, size, accuracy, same, difference in rows:
            megabytes = '' if size != size else f'{size:.1f}'
            print(
                f'| {test_set} | {len(dataset)} | {name} | {megabytes} | {100 * accuracy:.1f} | '
                f'{100 * same:.1f} | {difference:.1e} |'
            )


if __name__ == '__main__':
    with one_line_errors():
        main()
