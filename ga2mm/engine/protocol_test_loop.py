"""A test loop for a whole evaluation protocol."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.dist import broadcast_object_list, collect_results, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast

from ga2mm.engine.class_names import set_classes_from
from ga2mm.engine.protocol_test_sets import IRRELEVANT, TestSet, check_classes, test_configs
from ga2mm.engine.protocol_test_summary import (
    accuracy_table,
    all_metrics,
    as_json,
    irrelevant_table,
    write_report,
)
from ga2mm.engine.unreadable_test_videos import UnreadableTestVideos
from ga2mm.evaluation.open_set import auroc, fpr_at_tpr
from ga2mm.registry import LOOPS
from ga2mm.structures import get_gt_label, set_gt_label


@LOOPS.register_module()
class ProtocolTestLoop(TestLoop):
    """Tests several sets one after another, each with its own class names.

    ``test_dataloader`` maps names to configs:

    * ``dict(base=..., novel=...)``: base-to-novel. The harmonic mean of the two top-1 accuracies is
      ``hm``. The same pass over the videos also evaluates *generalized* base-to-novel, where each video is
      classified among base and novel classes together: ``generalized/base``, ``generalized/novel`` and
      ``generalized/hm``.
    * ``dict(all=...)``: few-shot, all classes.
    * ``dict(ucf101=[..., ..., ...], hmdb51=[...])``: cross-dataset. A list holds the test splits of one
      dataset; ``ucf101/acc/top1`` is their mean accuracy and ``ucf101/acc/top1_std`` the standard deviation.
    * ``dict(base=..., novel=..., irrelevant=...)``: a set of irrelevant videos
      (:class:`~ga2mm.anchors.AnchorVideoDataset`), in addition to any of the above, measures how well the
      model separates videos of known classes from irrelevant ones. For each other set, and with its classes,
      ``irrelevant/base/auroc`` is the area under the ROC curve and ``irrelevant/base/fpr95`` the share of
      irrelevant videos that are accepted at the threshold that accepts 95 % of the known ones. The score is
      ``max_logit`` of :class:`~ga2mm.models.CoupledPromptHead`. Design choice: unreadable videos have no
      score and are left out, with a warning.

    The summary is logged as a table and written to ``report`` in the run's folder. The report also contains
    each set's confusion matrix as entries ``[label, predicted, count]``, the label predicted for each video
    in the order of the list (-1 for an unreadable one), the number of unreadable videos, and results that are
    not numbers, such as MMAction2's ``ConfusionMatrix``.

    Args:
        runner: The runner.
        dataloader: Configs of the dataloaders by name.
        evaluator: Config of the evaluator; each set gets its own evaluator.
        fp16: As in MMEngine.
        report: File name of the report.

    Raises:
        ValueError: Base and novel sets share a class, a set does not name its classes, irrelevant videos are
            tested alone or with a recognizer other than :class:`~ga2mm.models.CLIPRecognizer`, or, during the
            test, more than half of the videos of a set are unreadable.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: dict[str, Any],
        evaluator: Any,
        fp16: bool = False,
        report: str = 'test_metrics.json',
    ) -> None:
        if Path(report).name != report:
            raise ValueError(
                f'test_cfg.report={report!r}: give a file name without a folder, the work dir is its folder'
            )
        self._report = report
        self._sets = [
            TestSet(name, runner.build_dataloader(config, seed=runner.seed))
            for name, config in test_configs(dataloader)
        ]
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._takes_offers = hasattr(model, 'predict_offers')
        by_name = {each.name: each for each in self._sets}
        self._irrelevant = by_name.pop(IRRELEVANT, None)
        self._sets = list(by_name.values())
        if self._irrelevant is not None and not (self._sets and self._takes_offers):
            raise ValueError(
                f'test_dataloader.{IRRELEVANT} needs another test set with classes, such as base, and a '
                f'CLIPRecognizer, but there are {len(self._sets)} other sets and a {type(model).__name__}'
            )
        check_classes(self._sets)
        self._evaluator_config = evaluator
        super().__init__(runner, self._sets[0].dataloader, copy.deepcopy(evaluator), fp16)
        self._all_classes: tuple[str, ...] = ()
        if {'base', 'novel'} <= by_name.keys() and self._takes_offers:
            self._all_classes = by_name['base'].classes + by_name['novel'].classes

    def run(self) -> dict[str, float]:
        """Test every set and give the metrics as fractions.

        Their names are ``SET/METRIC``, ``hm``, ``generalized/...`` and ``irrelevant/...``.
        """
        self.runner.call_hook('before_test')
        summary: dict[str, dict[str, Any]] = {}
        known: dict[str, np.ndarray] = {}
        for each in self._sets:
            self.dataloader, self.evaluator = each.dataloader, self._evaluator(each.name)
            self.evaluator.dataset_meta = each.dataloader.dataset.metainfo
            generalized = self._generalized_evaluator(each)
            self.runner.call_hook('before_test_epoch')
            set_classes_from(self.runner.model, each.dataloader.dataset)
            self.runner.model.eval()
            unreadable = UnreadableTestVideos(f'test_dataloader.{each.name}', len(each.dataloader.dataset))
            scores: list[tuple[float, ...] | None] = []
            for index, batch in enumerate(each.dataloader):
                unreadable.take_in(batch)
                if not self._takes_offers:
                    self.run_iter(index, batch)
                    continue
                samples = self._run_known_iter(index, batch, each, generalized)
                if self._irrelevant is not None:
                    scores += _max_logits([samples])
            left_out = '' if self._irrelevant is None else ', and are left out of AUROC and FPR'
            count = unreadable.finish(self.evaluator.metrics, f'count as wrong{left_out}')
            found = self._evaluate(summary, each.name, each.classes, self.evaluator, count)
            if generalized is not None:
                name = f'generalized/{each.name}'
                self._evaluate(summary, name, self._all_classes, generalized, count)
            if self._irrelevant is not None:
                known[each.name] = self._collect(each, scores)[:, 0]
            self.runner.call_hook(
                'after_test_epoch', metrics={f'{each.name}/{key}': value for key, value in found.items()}
            )
        metrics = all_metrics(summary)
        self.runner.logger.info('\n' + accuracy_table(summary, metrics))
        separation = {}
        if self._irrelevant is not None:
            separation = self._test_irrelevant(self._irrelevant, known)
            found = {
                f'{IRRELEVANT}/{name}/{key}': of_set[key]
                for name, of_set in separation.items()
                for key in ('auroc', 'fpr95')
            }
            metrics |= found
            self.runner.call_hook('after_test_epoch', metrics=found)
        if is_main_process():
            path = Path(self.runner.work_dir) / self._report
            write_report(path, summary, separation, metrics, self.runner._load_from)
            self.runner.logger.info(f'written to {path}')
        self.runner.call_hook('after_test')
        return metrics

    def _run_known_iter(
        self, index: int, batch: dict[str, Any], tested: TestSet, generalized: Evaluator | None
    ) -> list[ActionDataSample]:
        """Evaluate a batch among the set's own classes, and among base and novel classes together.

        Returns:
            The samples with the predictions among the set's own classes.
        """
        offers = [tested.classes] if generalized is None else [self._all_classes, tested.classes]
        *together, own = self._predict_offers(index, batch, offers)
        self.evaluator.process(data_samples=own, data_batch=batch)
        if generalized is not None:
            first_label = self._all_classes.index(tested.classes[0])
            for sample in together[0]:
                set_gt_label(sample, int(get_gt_label(sample)) + first_label)
            generalized.process(data_samples=together[0], data_batch=batch)
        self.runner.call_hook('after_test_iter', batch_idx=index, data_batch=batch, outputs=own)
        return own

    @torch.no_grad()
    def _predict_offers(
        self, index: int, batch: dict[str, Any], offers: list[tuple[str, ...]]
    ) -> list[list[ActionDataSample]]:
        """Predict a batch with each list of classes; give the samples of each list."""
        self.runner.call_hook('before_test_iter', batch_idx=index, data_batch=batch)
        model = self.runner.model.module if is_model_wrapper(self.runner.model) else self.runner.model
        with autocast(enabled=self.fp16):
            return model.predict_offers(**model.data_preprocessor(batch, False), offers=offers)

    def _test_irrelevant(
        self, irrelevant: TestSet, known: dict[str, np.ndarray]
    ) -> dict[str, dict[str, float]]:
        """Measure how well each known set is separated from irrelevant videos, in one pass over the latter.

        Args:
            irrelevant: The irrelevant videos.
            known: Scores of the videos of each known set.

        Returns:
            For each known set, ``auroc``, ``fpr95`` and the numbers of videos with a score.
        """
        self.dataloader = irrelevant.dataloader
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        offers = list(dict.fromkeys(each.classes for each in self._sets))
        unreadable = UnreadableTestVideos(f'test_dataloader.{IRRELEVANT}', len(irrelevant.dataloader.dataset))
        scores: list[tuple[float, ...] | None] = []
        for index, batch in enumerate(irrelevant.dataloader):
            unreadable.take_in(batch)
            found = self._predict_offers(index, batch, offers)
            scores += _max_logits(found)
            self.runner.call_hook('after_test_iter', batch_idx=index, data_batch=batch, outputs=found[-1])
        unreadable.finish([], 'are left out of AUROC and FPR')
        by_classes = dict(zip(offers, self._collect(irrelevant, scores).T, strict=True))
        separation = {}
        for each in self._sets:
            pair = known[each.name], by_classes[each.classes]
            separation[each.name] = {
                'auroc': auroc(*pair),
                'fpr95': fpr_at_tpr(*pair),
                'known_videos': len(pair[0]),
                'irrelevant_videos': len(pair[1]),
            }
        self.runner.logger.info('\n' + irrelevant_table(separation))
        return separation

    def _collect(self, tested: TestSet, scores: list[tuple[float, ...] | None]) -> np.ndarray:
        """Collect the scores (videos, offers) of all processes on every process, without missing scores."""
        collected = [collect_results(scores, len(tested.dataloader.dataset))]
        broadcast_object_list(collected)
        return np.array([found for found in collected[0] if found is not None])

    def _generalized_evaluator(self, tested: TestSet) -> Evaluator | None:
        if not self._all_classes or tested.name not in ('base', 'novel'):
            return None
        evaluator = self._evaluator(f'generalized_{tested.name}')
        evaluator.dataset_meta = dict(tested.dataloader.dataset.metainfo, classes=self._all_classes)
        return evaluator

    def _evaluate(
        self,
        summary: dict[str, dict[str, Any]],
        name: str,
        classes: tuple[str, ...],
        evaluator: Evaluator,
        unreadable: int,
    ) -> dict[str, float]:
        """Evaluate a set, add all results to the summary, and give those that are numbers."""
        videos = len(self.dataloader.dataset)
        results = {key: as_json(value) for key, value in evaluator.evaluate(videos).items()}
        found = {key: float(value) for key, value in results.items() if isinstance(value, int | float)}
        counted = [metric for metric in evaluator.metrics if hasattr(metric, 'confusion')]
        summary[name] = {
            'classes': len(classes),
            'videos': videos,
            'unreadable': unreadable,
            **results,
            **found,
            'class_names': list(classes),
            'confusion': counted[0].confusion if counted else None,
            'predicted': counted[0].predicted if counted else None,
        }
        return found

    def _evaluator(self, name: str) -> Evaluator:
        config = copy.deepcopy(self._evaluator_config)
        for metric in config if isinstance(config, list) else [config]:
            if 'out_file_path' in metric:  # DumpResults: one file for each set
                path = Path(metric['out_file_path'])
                file_name = f'{path.stem}_{name.replace("/", "_")}{path.suffix}'
                metric['out_file_path'] = str(path.with_name(file_name))
        return self.runner.build_evaluator(config)


def _max_logits(predictions: list[list[ActionDataSample]]) -> list[tuple[float, ...] | None]:
    """Give the scores of each video, one for each list of classes; None for an unreadable video.

    Args:
        predictions: The samples of a batch for each list of classes.
    """
    return [
        tuple(float(sample.max_logit) for sample in samples) if samples[0].get('readable', True) else None
        for samples in zip(*predictions, strict=True)
    ]
