"""ResidualFeatureDistillation: its value."""

import math

import pytest
import torch

from tests.helpers.objectives import cos, loss_of, make_features, objective_of


def test_residual_feature_distillation_starts_as_plain_distillation():
    found = loss_of(make_features(), type='ResidualFeatureDistillation', alpha=7.0)
    clips, classes = [cos(10), cos(20)], [cos(5), cos(5)]  # of the angles between tuned and frozen
    expected = sum(2 - 2 * cosine for cosine in clips) / 2 + sum(2 - 2 * cosine for cosine in classes) / 2
    assert float(found) == pytest.approx(expected)


def test_residual_feature_distillation_is_the_distance_behind_the_residual():
    strategy = objective_of(dict(type='ResidualFeatureDistillation', alpha=0.5)).double()
    with torch.no_grad():
        for residual in (strategy.video_residual, strategy.text_residual):
            residual[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        strategy.video_residual[2].weight.copy_(torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
        strategy.text_residual[2].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.0]]))

    def gelu(x: float) -> float:
        return x * (1 + math.erf(x / math.sqrt(2))) / 2

    clips = [  # x and y of the vectors that are compared; the y of a clip gets 0.5 · 2 · gelu(x)
        (cos(angle) - cos(frozen)) ** 2 + (cos(90 - angle) + gelu(cos(angle)) - cos(90 - frozen)) ** 2
        for angle, frozen in ((10, 20), (80, 60))
    ]
    classes = [
        (cos(angle) + 1.5 * gelu(cos(angle)) - cos(frozen)) ** 2 + (cos(90 - angle) - cos(90 - frozen)) ** 2
        for angle, frozen in ((0, 5), (90, 95))
    ]
    assert float(strategy(make_features())) == pytest.approx(sum(clips) / 2 + sum(classes) / 2)
