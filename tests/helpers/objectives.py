"""Anchor strategies and other objectives, and their losses."""

import math
from pathlib import Path

import torch

from ga2mm.build import build_part
from ga2mm.models import CLIPRecognizer
from ga2mm.objectives import BatchFeatures, Objective
from ga2mm.registry import ANCHOR_STRATEGIES, MODELS
from tests.helpers.models import make_clips, make_samples

BOTH, VISION = {'vision', 'text'}, {'vision'}
OVER_CLASSES = dict(type='DistributionConsistency', temperature=2.0)
# Every strategy, with the towers whose prompts get a gradient from it.
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
    (dict(type='ResidualFeatureDistillation', weight=3.0), BOTH),
]
CONFIGS = [config for config, _ in STRATEGIES]
ON_LABELLED_CLIPS = ('SelfConsistency', 'ResidualFeatureDistillation')
WITH_ANCHORS = [config for config in CONFIGS if config['type'] not in ON_LABELLED_CLIPS]
WITH_LOSS = [config for config in CONFIGS if config['type'] != 'ReleasedAnchor']  # in any order of negatives
NEGATIVES = ['else', 'nothing', 'noise']  # one for each class, which ReleasedAnchor needs to act


def given(*configs: dict, negatives: list[str] = NEGATIVES, log_grad_norm: bool = False) -> dict:
    """Give the recognizer's arguments for objectives with and without anchors."""
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


FEATURE_CONSISTENCY = dict(negatives=['else', 'nothing'], strategies=[dict(type='FeatureConsistency')])


def unit(*angles: float) -> torch.Tensor:
    """Unit vectors (angles, 2); the cosine of two is the cosine of their difference in degrees."""
    radians = torch.tensor(angles, dtype=torch.float64).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], dim=-1)


def make_features(scale: float = 10.0) -> BatchFeatures:
    """One anchor, two labelled clips, two classes and two negatives as angles in a plane."""
    return BatchFeatures(
        clips=unit(10, 80),
        classes=unit(0, 90),
        video_classes=unit(0, 90),
        labels=torch.tensor([0, 1]),
        logits=scale * unit(10, 80) @ unit(0, 90).t(),
        logit_scale=torch.tensor(scale, dtype=torch.float64),
        videos=unit(30),
        negatives=unit(60, 180),
        prompted_negatives=unit(50, 170),
        frozen_clips=unit(20, 60),
        frozen_classes=unit(5, 95),
        frozen_videos=unit(45),
    )


def cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def softmax(*logits: float) -> list[float]:
    total = sum(math.exp(logit) for logit in logits)
    return [math.exp(logit) / total for logit in logits]


def divergence(target: list[float], found: list[float]) -> float:
    return sum(p * math.log(p / q) for p, q in zip(target, found, strict=True))


def loss_of(features: BatchFeatures, **config) -> torch.Tensor:
    return objective_of(config).double()(features)


def losses_of(model: CLIPRecognizer, *labels: int | None) -> dict[str, torch.Tensor]:
    return model(make_clips(len(labels)), make_samples(*labels), mode='loss')


def objective_of(config: dict) -> Objective:
    registry = MODELS if config['type'] in ON_LABELLED_CLIPS else ANCHOR_STRATEGIES
    return build_part(registry, config, embed_dim=2)
