"""JointSoftmax: its value."""

import math

import pytest

from tests.helpers.objectives import cos, loss_of, make_features, unit


@pytest.mark.parametrize(('prompted', 'negatives'), [(False, (30, 150)), (True, (20, 140))])
def test_joint_softmax_wants_any_negative(prompted, negatives):
    exponentials = [math.exp(cos(angle)) for angle in (30, 60, *negatives)]
    expected = -math.log(sum(exponentials[2:]) / sum(exponentials))
    found = loss_of(make_features(scale=1.0), type='JointSoftmax', prompted_negatives=prompted)
    assert float(found) == pytest.approx(expected)


def test_joint_softmax_is_finite_at_clips_own_scale():
    features = make_features(scale=100.0)
    features.videos, features.negatives = unit(0), unit(180)
    assert float(loss_of(features, type='JointSoftmax')) == pytest.approx(200)
    features.negatives = unit(0)
    features.video_classes = unit(180)
    assert float(loss_of(features, type='JointSoftmax')) == pytest.approx(0, abs=1e-12)
