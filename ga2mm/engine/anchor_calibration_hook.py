"""Anchors for the calibration of a model's logits."""

import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import all_gather_object, get_rank, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from torch.utils.data import DataLoader, Dataset

from ga2mm.anchors import WeightedAnchors
from ga2mm.models import CLIPRecognizer
from ga2mm.registry import DATASETS, HOOKS
from ga2mm.utils import first_few


@HOOKS.register_module()
class AnchorCalibrationHook(Hook):
    """Shows the anchors of ``model.test_cfg.anchor_calibration`` to the model before validation and test.

    A model without :class:`~ga2mm.models.heads.anchor_calibration.AnchorCalibration` is not changed.
    """

    priority = 'VERY_HIGH'

    def before_val_epoch(self, runner: Runner) -> None:
        """Show the anchors to the model as it is after this epoch."""
        _show(runner, getattr(runner.val_loop, 'fp16', False))

    def before_test(self, runner: Runner) -> None:
        """Show the anchors to the model."""
        _show(runner, getattr(runner.test_loop, 'fp16', False))


def _show(runner: Runner, fp16: bool) -> None:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if getattr(model, 'calibration', None) is not None:
        with autocast(enabled=fp16):
            show_anchors(model)


@torch.no_grad()
def show_anchors(model: CLIPRecognizer) -> None:
    """Encode the anchors of a model's calibration and give them to it; sets evaluation mode.

    The processes of a distributed run share the batches of a single process, so that the biases are equal.

    Raises:
        OSError: A list of the anchors does not exist.
        ValueError: The dataset is missing, is wrong or has no anchors.
    """
    calibration, key = model.calibration, 'model.test_cfg.anchor_calibration'
    if calibration.dataset is None:
        raise ValueError(f"{key}.dataset is missing: give dict(type='AnchorVideoDataset', ...)")
    dataset = DATASETS.build(dict(calibration.dataset))
    dataset.full_init()
    if not len(dataset):
        raise ValueError(f'{key}.dataset has no videos: give irrelevant videos')
    chosen = spread_evenly(dataset, calibration.videos)
    batches = [chosen[i : i + calibration.batch_size] for i in range(0, len(chosen), calibration.batch_size)]
    own = list(range(len(batches)))[get_rank() :: get_world_size()]
    loader = DataLoader(
        dataset,
        batch_sampler=[[index for index, _ in batches[number]] for number in own],
        num_workers=calibration.num_workers,
        collate_fn=pseudo_collate,
        generator=torch.Generator(),  # the run's own random numbers stay as they are
    )
    model.eval()
    encoded, unreadable = {}, []
    for number, batch in zip(own, loader, strict=True):
        clips = model.encode_clips(model.data_preprocessor(batch, False)['inputs'])
        views = len(clips.features) // len(batches[number])
        weights = torch.tensor([weight / views for _, weight in batches[number] for _ in range(views)])
        encoded[number] = clips.to('cpu'), weights
        for sample in batch['data_samples']:
            unreadable += sample.get('unreadable', ())
            if not sample.get('readable', True):
                raise ValueError(
                    f'{key}.dataset: {sample.filename} cannot be read: leave test_mode out, so that another '
                    'video replaces it'
                )
    together: dict = {}
    for there, missing in all_gather_object((encoded, unreadable)):
        together |= there
        unreadable += missing
    _warn(unreadable, len(chosen))
    device = model.backbone.device
    parts = [together[number] for number in range(len(batches))]
    calibration.see([(clips.to(device), weights.to(device)) for clips, weights in parts])


def spread_evenly(dataset: Dataset, most: int) -> list[tuple[int, float]]:
    """Choose anchors that are spread evenly over a dataset; weighted sources get their shares.

    Args:
        dataset: The anchors.
        most: Maximum number of them; each source gives at least one.

    Returns:
        Pairs of index and weight in a mean; the weights have the sum 1.
    """
    sources = [(len(dataset), 1)]
    if isinstance(dataset, WeightedAnchors):
        sources = dataset.sizes_and_weights
    total = sum(weight for _, weight in sources)
    chosen, first = [], 0
    for videos, weight in sources:
        number = min(videos, max(1, most * weight // total))
        chosen += [(first + i * videos // number, weight / total / number) for i in range(number)]
        first += videos
    return chosen


def _warn(unreadable: list[str], anchors: int) -> None:
    names = sorted(set(unreadable))
    if names and is_main_process():
        MMLogger.get_current_instance().warning(
            f'{len(names)} anchors of the calibration cannot be read, others replaced them among the '
            f'{anchors}: {first_few(names, "; ")}'
        )
