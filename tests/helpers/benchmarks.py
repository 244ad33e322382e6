"""A small benchmark on the miniature world."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.run_cell import RESULT, write_result
from ga2mm.evaluation import harmonic_mean
from ga2mm.registry import DATASETS
from ga2mm.utils import write_text
from tests.helpers import running

SHORT = {
    'model.backbone.pretrained': 'random',
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
}


def write_config(path: Path, **changes) -> Path:
    """A benchmark of three short methods on draw 0 of the miniature world."""

    def method(name: str, **options) -> dict:
        return dict(config=str(running.CONFIGS / f'miniature_{name}.py'), options={**SHORT, **options})

    config = dict(
        methods={
            'zero-shot CLIP': dict(
                config=str(running.CONFIGS / 'miniature_zero_shot.py'),
                options={'model.backbone.pretrained': 'random'},
                learns=False,
            ),
            'deep prompts': method('deep_prompts'),
            'GA2-CLIP': method('ga2'),
        },
        datasets={'mild': {}},
        # The tool learns hard prompts in one epoch of this config.
        hard_prompt=dict(config=str(path.with_name('source.py'))),
        baseline='deep prompts',
        draws=[0],
        seeds=[0, 1],
    )
    config.update(changes)
    lines = [f'{key} = {value!r}' for key, value in config.items() if value is not None]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    source = Config(dict(_base_=str(running.CONFIGS / 'miniature_source.py')))
    path.with_name('source.py').write_text(
        f'_base_ = {source._base_!r}\n'
        "model = dict(backbone=dict(pretrained='random'))\n"
        'train_cfg = dict(max_epochs=1, val_interval=1)\n'
        'default_hooks = dict(checkpoint=dict(interval=1))\n'
    )
    return path


def write_results(benchmark: Benchmark, work_dir: Path, right: dict[str, dict[str, float]]) -> list[dict]:
    """Write the files of finished runs without running them, and give their rows.

    The answers are drawn: ``right`` has the share of right answers of each method on each test set.
    """
    rows = []
    for cell in benchmark.cells:
        folder = work_dir / cell.folder
        sets = {}
        for number, (name, config) in enumerate(cell.read_config().test_dataloader.items()):
            dataset = DATASETS.build(dict(config.dataset, pipeline=[]))
            labels = [dataset.get_data_info(index)['label'] for index in range(len(dataset))]
            rng = np.random.default_rng([number, cell.draw or 0, cell.seed or 0, len(cell.method)])
            other = rng.integers(len(dataset.classes), size=len(labels))
            is_right = rng.random(len(labels)) < right[cell.method][name]
            predicted = np.where(is_right, labels, other).tolist()
            pairs = Counter(zip(labels, predicted, strict=True))
            sets[name] = {
                'acc/top1': float(np.mean(np.equal(labels, predicted))),
                'videos': len(labels),
                'class_names': list(dataset.classes),
                'confusion': [[*pair, count] for pair, count in sorted(pairs.items())],
                'predicted': predicted,
            }
        top1 = {name: 100 * found['acc/top1'] for name, found in sets.items()}
        top1 |= {'hm': harmonic_mean(*top1.values())} if len(top1) == 2 else {}
        report = dict(sets=sets, top1_percent=top1, irrelevant={}, checkpoint='no.pth')
        write_text(folder / 'test_metrics.json', json.dumps(report))
        steps = [dict(lr=0.01, loss=3 / step, loss_cls=3 / step, step=step) for step in range(1, 21)]
        log = '\n'.join(map(json.dumps, steps))
        write_text(folder / 'now' / 'vis_data' / 'scalars.json', log)
        write_result(cell, folder, dict(versions={}, commit='abc'), 1, 1.0)
        rows.append(json.loads((folder / RESULT).read_text()))
    return rows
