"""SelfConsistency: its value."""

import pytest

from tests.helpers.objectives import cos, divergence, loss_of, make_features, softmax


def test_self_consistency_is_the_sum_of_its_terms():
    features = make_features()
    texts = [cos(0) - cos(5), cos(90) - cos(85), cos(90) - cos(95), cos(0) - cos(5)]
    videos = [cos(10) - cos(20), cos(80) - cos(70), cos(80) - cos(60), cos(10) - cos(30)]
    clips = [
        divergence(softmax(10 * cos(15), 10 * cos(75)), softmax(10 * cos(10), 10 * cos(80))),
        divergence(softmax(10 * cos(55), 10 * cos(35)), softmax(10 * cos(80), 10 * cos(10))),
    ]
    terms = dict(
        text_weight=sum(map(abs, texts)) / 4,
        video_weight=sum(map(abs, videos)) / 4,
        logits_weight=sum(clips) / 4,
    )
    for name, value in terms.items():
        weights = {**dict.fromkeys(terms, 0), name: 2}
        assert float(loss_of(features, type='SelfConsistency', **weights)) == pytest.approx(2 * value)
    expected = 25 * terms['text_weight'] + 10 * terms['video_weight'] + terms['logits_weight']
    assert float(loss_of(features, type='SelfConsistency')) == pytest.approx(expected)
