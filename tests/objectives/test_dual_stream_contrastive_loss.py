"""DualStreamContrastiveLoss: value and gradients."""

import math

import pytest
import torch

from ga2mm.objectives import DualStreamContrastiveLoss
from tests.helpers.features import SCALE, features, given, log_share


def dual_stream(clips, classes, labels, scale=SCALE) -> torch.Tensor:
    features = given(clips=clips, classes=classes, labels=labels, logit_scale=scale)
    return DualStreamContrastiveLoss()(features)


def dual_stream_by_hand(videos, texts, labels) -> float:
    def dot(a, b):
        return 5 * float(sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)))

    clips = range(len(videos))
    first = sum(log_share([dot(videos[i], text) for text in texts[i]], labels[i]) for i in clips)
    second = 0.0
    for i in clips:
        logits = [dot(texts[i][labels[i]], videos[j]) for j in clips]
        own = [j for j in clips if labels[j] == labels[i]]
        second += sum(log_share(logits, j) for j in own) / len(own)
    return -(first + second) / len(videos) / 2


@pytest.mark.parametrize('per_clip', [True, False])
def test_dual_stream_loss_is_its_formula(per_clip):
    videos, labels = features(4, 6, seed=1), torch.tensor([2, 0, 2, 1])
    texts = features(4, 3, 6, seed=2) if per_clip else features(3, 6, seed=2)
    expected = dual_stream_by_hand(videos, texts if per_clip else [texts] * 4, labels.tolist())
    assert float(dual_stream(videos, texts, labels)) == pytest.approx(expected, rel=1e-4)


def test_dual_stream_loss_does_not_depend_on_the_order_of_classes_or_clips():
    videos, texts, labels = features(4, 6, seed=1), features(4, 3, 6, seed=2), torch.tensor([2, 0, 2, 1])
    expected = dual_stream(videos, texts, labels)
    classes, clips = torch.tensor([1, 2, 0]), torch.tensor([3, 1, 0, 2])
    other = dual_stream(videos, texts[:, classes], classes.argsort()[labels])
    torch.testing.assert_close(other, expected)
    torch.testing.assert_close(dual_stream(videos[clips], texts[clips], labels[clips]), expected)


def test_dual_stream_loss_of_perfect_features_is_its_least_value():
    texts, labels = torch.eye(3), torch.tensor([0, 0, 0, 1])
    loss = dual_stream(texts[labels], texts, labels, torch.tensor(100.0))
    assert float(loss) == pytest.approx(3 * math.log(3) / 4 / 2, abs=1e-5)
    alone = dual_stream(texts[:1], texts, labels[:1], torch.tensor(100.0))
    assert float(alone) == pytest.approx(0, abs=1e-5)


def test_dual_stream_loss_reaches_videos_and_texts():
    videos, texts = features(3, 6, seed=1).requires_grad_(), features(3, 4, 6, seed=2).requires_grad_()
    dual_stream(videos, texts, torch.tensor([0, 1, 1])).backward()
    assert (videos.grad.abs().amax(dim=-1) > 0).all()
    assert (texts.grad.abs().amax(dim=-1) > 0).all()
