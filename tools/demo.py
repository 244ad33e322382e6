"""The whole method on the miniature world: learn a hard prompt, tune, test on base and novel classes.

Prints a table of zero-shot CLIP, plain deep prompts and GA2-CLIP, and saves it with a plot under --work-dir.
With several seeds (--seeds 0 1 2) it is the benchmark behind the README's numbers: mean and standard
deviation.
"""

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

import torch
from export_hard_prompt import export_hard_prompt
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm

from ga2mm.miniature.dataset import generate_all
from ga2mm.utils import one_line_errors, replace_when_written

ROOT = Path(__file__).resolve().parents[1]
METHODS = {'zero-shot CLIP': 'zero_shot', 'deep prompts': 'deep_prompts', 'GA2-CLIP': 'ga2'}
CONFIG_PREFIX = {'a': 'miniature', 'b': 'miniature_b'}
COLUMNS = ('base', 'novel', 'HM')
DISCLAIMER = (
    'Measured on the miniature world: generated videos and a tiny CLIP trained on such images. It shows how '
    'the method acts; it says nothing about real CLIP or real video.'
)


class ProgressBar(Hook):
    """One bar over the training and test steps of a run."""

    def __init__(self, description: str) -> None:
        self.bar = tqdm(desc=description, unit='step')

    def before_train(self, runner: Runner) -> None:
        """Count the training steps."""
        self.bar.reset(runner.max_iters)

    def before_test_epoch(self, runner: Runner) -> None:
        """Add the steps of this test set."""
        self.bar.total = (self.bar.total or 0) + len(runner.test_dataloader)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """One training step is done."""
        self.bar.update()

    def after_test_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """One test step is done."""
        self.bar.update()


def run(name: str, seed: int, work_dir: Path, label: str, hard_prompt: Path | None) -> dict[str, float]:
    """Train (where there is something to train) and test one config; the metrics as fractions."""
    cfg = Config.fromfile(ROOT / 'configs' / 'ga2' / f'{name}.py')
    # Line breaks for the copies of the config in logs and checkpoints would take longer than the training.
    cfg = Config(cfg.to_dict(), format_python_code=False)
    cfg.work_dir = str(work_dir / f'{name}_seed{seed}')
    cfg.experiment_name = f'{name}_seed{seed}'
    cfg.log_level = 'WARNING'
    cfg.randomness = dict(seed=seed)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    trains = cfg.model.cls_head.get('text_prompt') is not None
    if not trains:
        cfg.train_cfg = cfg.train_dataloader = cfg.optim_wrapper = cfg.param_scheduler = None
    elif cfg.model.cls_head.text_prompt.type == 'CoupledPrompt':
        cfg.model.cls_head.text_prompt.hard_prompt = str(hard_prompt)
    runner = Runner.from_cfg(cfg)
    progress = ProgressBar(label)
    runner.register_hook(progress)
    if trains:
        runner.train()
    metrics = runner.test()
    progress.bar.close()
    return metrics


def learn_hard_prompt(seed: int, work_dir: Path) -> Path:
    """Tune on the source dataset and write its text prompt."""
    name = 'miniature_source'
    run(name, seed, work_dir, f'seed {seed}: hard prompt', None)
    folder = work_dir / f'{name}_seed{seed}'
    checkpoint = Path((folder / 'last_checkpoint').read_text().strip())
    out = folder / 'hard_prompt.safetensors'
    export_hard_prompt(checkpoint, out)
    return out


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Accuracies in per cent as a Markdown table, with standard deviations where there are several seeds."""
    lines = ['| method | base | novel | HM |', '| --- | --- | --- | --- |']
    for method, runs in results.items():
        cells = []
        for column in COLUMNS:
            values = [found[column] for found in runs]
            spread = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
            cells.append(f'{statistics.mean(values):.1f}{spread}')
        lines.append(f'| {method} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def plot(results: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Bars of base, novel and HM for each method."""
    figure = Figure(figsize=(7, 4), layout='constrained')
    axes = figure.subplots()
    width = 0.8 / len(results)
    for index, (method, runs) in enumerate(results.items()):
        means = [statistics.mean(found[column] for found in runs) for column in COLUMNS]
        spreads = [
            statistics.stdev([found[column] for found in runs]) if len(runs) > 1 else 0 for column in COLUMNS
        ]
        places = [place + (index - (len(results) - 1) / 2) * width for place in range(len(COLUMNS))]
        bars = axes.bar(places, means, 0.94 * width, yerr=spreads if any(spreads) else None, label=method)
        axes.bar_label(bars, fmt='%.1f', fontsize=8, padding=2)
    names = ['base classes (tuned)', 'novel classes (never tuned)', 'harmonic mean']
    axes.set_xticks(range(len(COLUMNS)), names)
    axes.set_ylabel('top-1 accuracy (%)')
    axes.set_ylim(0, 108)
    axes.set_title('Miniature world, 12 base and 12 novel classes, 16 clips a base class', fontsize=10)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.08), ncols=3, fontsize=9, frameon=False)
    axes.spines[['top', 'right']].set_visible(False)
    with replace_when_written(path) as temporary:
        figure.savefig(temporary, dpi=150, format='png')


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds to run')
    parser.add_argument('--dataset', choices=CONFIG_PREFIX, default='a', help='downstream dataset')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='where results go')
    args = parser.parse_args()
    work_dir = args.work_dir.resolve()
    torch.set_num_threads(1)  # the tiny CLIP gains nothing from more, and a busy machine loses much
    os.chdir(ROOT)  # the configs name the data relative to the repository
    generate_all('data/miniature', draws=[list(CONFIG_PREFIX).index(args.dataset)])
    results: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    for seed in args.seeds:
        hard_prompt = learn_hard_prompt(seed, work_dir)
        for method, name in METHODS.items():
            if name == 'zero_shot' and results[method]:
                continue  # it learns nothing, so no seed changes it
            config = f'{CONFIG_PREFIX[args.dataset]}_{name}'
            metrics = run(config, seed, work_dir, f'seed {seed}: {method}', hard_prompt)
            found = [metrics['base/acc/top1'], metrics['novel/acc/top1'], metrics['hm']]
            results[method].append({key: 100 * value for key, value in zip(COLUMNS, found, strict=True)})
    what = f'Top-1 accuracy in per cent; dataset {args.dataset}; seeds: {len(args.seeds)}.'
    text = f'{table(results)}\n\n{what} {DISCLAIMER}\n'
    with replace_when_written(work_dir / 'results.md') as temporary:
        temporary.write_text(text)
    plot(results, work_dir / 'results.png')
    print(f'\n{text}\nTable: {work_dir / "results.md"}\nPlot:  {work_dir / "results.png"}')


if __name__ == '__main__':
    with one_line_errors():
        main()
