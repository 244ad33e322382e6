"""SelfRegularizationLoss: value and gradients."""

import math

import pytest
import torch

from ga2mm.objectives import SelfRegularizationLoss
from tests.helpers.features import SCALE, features, given, log_share


def regularization(form, classes, frozen_classes, clips) -> torch.Tensor:
    features = given(classes=classes, frozen_classes=frozen_classes, clips=clips, logit_scale=SCALE)
    return SelfRegularizationLoss(form)(features)


def test_self_regularization_is_its_formula():
    videos, frozen = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    texts = torch.tensor([[[0.8, 0.6], [0.6, 0.8]], [[1.0, 0.0], [0.0, 1.0]]])

    def value(form):
        return float(regularization(form, texts, frozen, videos))

    assert value('l1') == pytest.approx((0.2 + 0.6 + 0.6 + 0.2) / 8, abs=1e-5)
    assert value('cosine') == pytest.approx((0.2 + 0.2) / 4, abs=1e-5)
    divergence = 0.0
    for frozen_logits, logits in (([5.0, 3.0], [4.0, 3.0]), ([0.0, 4.0], [0.0, 5.0])):
        for c in range(2):
            log_p = log_share(frozen_logits, c)
            divergence += math.exp(log_p) * (log_p - log_share(logits, c))
    assert value('kl') == pytest.approx(divergence / 2, abs=1e-5)


@pytest.mark.parametrize('form', ['l1', 'cosine', 'kl'])
def test_self_regularization_holds_the_texts_alone(form):
    videos, frozen = features(3, 6, seed=1).requires_grad_(), features(4, 6, seed=2).requires_grad_()
    for shape in ((4, 6), (3, 4, 6)):
        texts = features(*shape, seed=3).requires_grad_()
        value = regularization(form, texts, frozen, videos)
        value.backward()
        assert float(value) > 0
        assert (texts.grad.abs().amax(dim=-1) > 0).all()
        order = torch.tensor([2, 0, 3, 1])
        swapped = regularization(form, texts[..., order, :], frozen[order], videos)
        torch.testing.assert_close(swapped, value)
        same = regularization(form, frozen.expand(shape), frozen, videos)
        assert float(same) == pytest.approx(0, abs=1e-6)
    assert videos.grad is None
    assert frozen.grad is None


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form='l2': give 'l1', 'cosine' or 'kl'"):
        SelfRegularizationLoss('l2')
