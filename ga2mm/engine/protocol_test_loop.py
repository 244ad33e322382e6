"""One test run that answers the whole protocol."""

import copy
import json
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop

from ga2mm.engine.class_names import set_classes_from
from ga2mm.evaluation.harmonic_mean import harmonic_mean
from ga2mm.registry import LOOPS
from ga2mm.utils import replace_when_written


@LOOPS.register_module()
class ProtocolTestLoop(TestLoop):
    """Tests several sets one after another, each with its own class names.

    ``test_dataloader`` maps names to configs: ``dict(base=..., novel=...)``. With sets named ``base`` and
    ``novel`` the harmonic mean of their top-1 accuracies (HM) is reported too. The summary is logged as a
    table and written to ``test_metrics.json`` in the run's folder.

    Args:
        runner: The runner.
        dataloader: Configs of the dataloaders by name.
        evaluator: Config of the evaluator, built anew for each set.
        fp16: As in MMEngine.

    Raises:
        ValueError: Base and novel sets share a class.
    """

    def __init__(
        self, runner: Runner, dataloader: dict[str, Any], evaluator: Any, fp16: bool = False
    ) -> None:
        if not dataloader or not all(isinstance(config, dict) for config in dataloader.values()):
            raise ValueError(
                'ProtocolTestLoop needs test_dataloader=dict(NAME=dict(...), ...), such as base and novel'
            )
        self._dataloaders = {
            name: runner.build_dataloader(config, seed=runner.seed) for name, config in dataloader.items()
        }
        _check_disjoint({name: loader.dataset for name, loader in self._dataloaders.items()})
        self._evaluator_config = evaluator
        first = next(iter(self._dataloaders))
        super().__init__(runner, self._dataloaders[first], self._evaluator(runner, first), fp16)

    def run(self) -> dict[str, float]:
        """Test every set; metrics by ``NAME/METRIC``, and ``hm``, as fractions."""
        self.runner.call_hook('before_test')
        summary: dict[str, dict[str, Any]] = {}
        metrics: dict[str, float] = {}
        for name, dataloader in self._dataloaders.items():
            self.dataloader, self.evaluator = dataloader, self._evaluator(self.runner, name)
            self.evaluator.dataset_meta = dataloader.dataset.metainfo
            self.runner.call_hook('before_test_epoch')
            set_classes_from(self.runner.model, dataloader.dataset)
            self.runner.model.eval()
            for index, batch in enumerate(dataloader):
                self.run_iter(index, batch)
            found = self.evaluator.evaluate(len(dataloader.dataset))
            self.runner.call_hook(
                'after_test_epoch', metrics={f'{name}/{key}': v for key, v in found.items()}
            )
            metrics.update({f'{name}/{key}': float(value) for key, value in found.items()})
            summary[name] = {
                'classes': len(dataloader.dataset.metainfo['classes']),
                'videos': len(dataloader.dataset),
                **{key: float(value) for key, value in found.items()},
            }
        if {'base', 'novel'} <= summary.keys():
            metrics['hm'] = harmonic_mean(summary['base']['acc/top1'], summary['novel']['acc/top1'])
        self.runner.logger.info('\n' + _table(summary, metrics.get('hm')))
        self._write(summary, metrics)
        self.runner.call_hook('after_test')
        return metrics

    def _evaluator(self, runner: Runner, name: str) -> Evaluator:
        config = copy.deepcopy(self._evaluator_config)
        for metric in config if isinstance(config, list) else [config]:
            if 'out_file_path' in metric:  # DumpResults: one file for each set
                path = Path(metric['out_file_path'])
                metric['out_file_path'] = str(path.with_name(f'{path.stem}_{name}{path.suffix}'))
        return runner.build_evaluator(config)

    def _write(self, summary: dict[str, dict[str, Any]], metrics: dict[str, float]) -> None:
        if not is_main_process():
            return
        percent = {name: round(100 * found['acc/top1'], 4) for name, found in summary.items()}
        if 'hm' in metrics:
            percent['hm'] = round(100 * metrics['hm'], 4)
        path = Path(self.runner.work_dir) / 'test_metrics.json'
        report = {'top1_percent': percent, 'sets': summary, 'checkpoint': self.runner._load_from}
        with replace_when_written(path) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + '\n')
        self.runner.logger.info(f'written to {path}')


def _check_disjoint(datasets: dict[str, Any]) -> None:
    for name, dataset in datasets.items():
        if 'classes' not in (getattr(dataset, 'metainfo', None) or {}):
            raise ValueError(
                f'test_dataloader.{name}.dataset does not name its classes: use ActionVideoDataset with a '
                'label_map'
            )
    if {'base', 'novel'} <= datasets.keys():
        shared = set(datasets['base'].metainfo['classes']) & set(datasets['novel'].metainfo['classes'])
        if shared:
            raise ValueError(
                f'base and novel test sets share {len(shared)} classes, such as {min(shared)!r}: give each '
                'its own label_map'
            )


def _table(summary: dict[str, dict[str, Any]], hm: float | None) -> str:
    """Accuracies in per cent as a Markdown table."""
    rows = ['| set | classes | videos | top-1 | top-5 | mean class |', '| --- ' * 6 + '|']
    for name, found in summary.items():
        values = [
            f'{100 * found[key]:.2f}' if key in found else '–'
            for key in ('acc/top1', 'acc/top5', 'acc/mean1')
        ]
        rows.append(f'| {name} | {found["classes"]} | {found["videos"]} | {" | ".join(values)} |')
    if hm is not None:
        rows.append(f'| HM | | | {100 * hm:.2f} | | |')
    return '\n'.join(rows)
