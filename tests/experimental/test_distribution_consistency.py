"""DistributionConsistency: its value."""

import pytest
import torch

from tests.helpers.objectives import cos, divergence, loss_of, make_features, softmax, unit


@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_distribution_consistency_is_the_divergence_from_the_frozen_clip(temperature):
    features, scale = make_features(), 10 / temperature
    over_classes = divergence(
        softmax(scale * cos(40), scale * cos(50)), softmax(scale * cos(30), scale * cos(60))
    )
    over_negatives = divergence(
        softmax(scale * cos(15), scale * cos(135)), softmax(scale * cos(20), scale * cos(140))
    )
    arguments = dict(type='DistributionConsistency', temperature=temperature)
    assert float(loss_of(features, **arguments)) == pytest.approx(over_classes)
    assert float(loss_of(features, **arguments, over='negatives')) == pytest.approx(over_negatives)


def test_distribution_consistency_is_a_mean_over_anchors_and_0_for_the_frozen_clip():
    features = make_features()
    one = loss_of(features, type='DistributionConsistency')
    features.videos, features.frozen_videos = unit(30, 30), unit(45, 45)
    torch.testing.assert_close(loss_of(features, type='DistributionConsistency'), one)
    features.frozen_videos, features.frozen_classes = features.videos, features.video_classes
    assert float(loss_of(features, type='DistributionConsistency')) == pytest.approx(0, abs=1e-12)
