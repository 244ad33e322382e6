"""Margin: its value."""

import math

import pytest

from tests.helpers.objectives import cos, loss_of, make_features, unit


@pytest.mark.parametrize(('prompted', 'negative'), [(False, 30), (True, 20)])
def test_margin_compares_the_closest_class_and_the_closest_negative(prompted, negative):
    arguments = dict(type='Margin', prompted_negatives=prompted, margin=0.25)
    difference = cos(30) - cos(negative) + 0.25
    softplus = loss_of(make_features(), **arguments)
    assert float(softplus) == pytest.approx(math.log(1 + math.exp(difference)))
    hinge = loss_of(make_features(), **arguments, form='hinge')
    assert float(hinge) == pytest.approx(difference)
    features = make_features()
    features.video_classes = unit(200)
    assert float(loss_of(features, **arguments, form='hinge')) == 0
    assert float(loss_of(features, **arguments)) > 0
