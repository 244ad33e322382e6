"""Anchor strategies and other objectives, and their losses."""

from pathlib import Path

import torch

from ga2mm.models import CLIPRecognizer
from tests.helpers.models import make_clips, make_samples

BOTH, VISION = {'vision', 'text'}, {'vision'}
OVER_CLASSES = dict(type='DistributionConsistency', temperature=2.0)
# Every strategy with the towers whose prompts it reaches, as its docstring says.
STRATEGIES = [
    (dict(type='FeatureConsistency', weight=3.0), BOTH),
    (dict(type='ReleasedAnchor'), BOTH),
    (OVER_CLASSES, BOTH),
    (dict(type='DistributionConsistency', over='negatives'), BOTH),
    (dict(type='JointSoftmax', weight=0.5), BOTH),
    (dict(type='JointSoftmax', prompted_negatives=True), BOTH),
    (dict(type='Margin', form='hinge', margin=2.0), BOTH),
    (dict(type='Margin', prompted_negatives=True), BOTH),
    (dict(type='SelfConsistency'), BOTH),
    (dict(type='SelfConsistency', text_weight=0, logits_weight=0), VISION),
    (dict(type='SelfConsistency', video_weight=0, logits_weight=0), {'text'}),
    (dict(type='SelfConsistency', text_weight=0, video_weight=0), BOTH),
    (dict(type='ResidualFeatureDistillation', weight=3.0, hidden=5), BOTH),
]
CONFIGS = [config for config, _ in STRATEGIES]
ON_LABELLED_CLIPS = ('SelfConsistency', 'ResidualFeatureDistillation')
WITH_ANCHORS = [config for config in CONFIGS if config['type'] not in ON_LABELLED_CLIPS]
WITH_LOSS = [config for config in CONFIGS if config['type'] != 'ReleasedAnchor']  # in any order of negatives
NEGATIVES = ['else', 'nothing', 'noise']  # one for each class, which ReleasedAnchor needs to act


def given(*configs: dict, negatives: list[str] = NEGATIVES, log_grad_norm: bool = False) -> dict:
    """The recognizer's arguments for objectives with and without anchors."""
    strategies = [config for config in configs if config['type'] not in ON_LABELLED_CLIPS]
    anchors = dict(negatives=negatives, strategies=strategies, log_grad_norm=log_grad_norm)
    losses = [config for config in configs if config['type'] in ON_LABELLED_CLIPS]
    return dict(anchors=anchors if strategies else None, losses=losses)


def loss_and_gradients(model: torch.nn.Module, rows: list[int]) -> dict[str, torch.Tensor]:
    """Losses of these rows of one batch, as logged, and the gradient of their sum."""
    labels = (0, 1, 2, 0, *[None] * 4)
    losses = model(make_clips(8)[rows], make_samples(*(labels[row] for row in rows)), mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    total.backward()
    found = {name: value.detach() for name, value in losses.items() if 'loss' in name}
    return found | {
        name.removeprefix('module.'): parameter.grad for name, parameter in model.named_parameters()
    }


def save_of_rank(rank: int, model: CLIPRecognizer, folder: Path) -> None:
    found = loss_and_gradients(
        torch.nn.parallel.DistributedDataParallel(model), [[0, 1, 4, 5], [2, 3, 6, 7]][rank]
    )
    torch.save(found, folder / f'{rank}.pth')
