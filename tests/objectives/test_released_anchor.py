"""The released anchor term: when it has an effect, and on which parameters."""

import warnings

import pytest
import torch
import torch.nn.functional as F

from tests.helpers.models import gradients, largest, make_clips, make_samples
from tests.helpers.objectives import NEGATIVES, given


def test_released_anchor_with_one_negative_does_nothing_and_says_so(make_recognizer):
    anchors = dict(negatives=['else'], strategies=[dict(type='ReleasedAnchor', weight=2.0)])
    with pytest.warns(UserWarning, match='ReleasedAnchor has no gradient'):
        model = make_recognizer(anchors=anchors)
    clips = make_clips(4)
    with_anchor = model(clips, make_samples(0, 1, 2, None), mode='loss')
    plain = make_recognizer()
    without = plain(clips[:3], make_samples(0, 1, 2), mode='loss')
    assert with_anchor.keys() - without.keys() == {'loss_anchor_ReleasedAnchor'}
    assert float(with_anchor['loss_anchor_ReleasedAnchor'].detach()) == 0
    assert not any(one.any() for one in gradients(model, with_anchor['loss_anchor_ReleasedAnchor']).values())
    torch.testing.assert_close(with_anchor['loss_cls'], without['loss_cls'])
    with_anchor = model(clips, make_samples(0, 1, 2, None), mode='loss')
    ours, theirs = gradients(model, with_anchor['loss_cls']), gradients(plain, without['loss_cls'])
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-3, atol=1e-5 * largest(theirs, name))


def test_released_anchor_with_one_negative_per_class_acts_on_the_vision_prompts(make_recognizer):
    anchors = dict(negatives=['else', 'nothing', 'noise'], strategies=[dict(type='ReleasedAnchor')])
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='.*has no gradient')
        model = make_recognizer(anchors=anchors)
    clips = make_clips(4)
    losses = model(clips, make_samples(0, 1, 2, None), mode='loss')
    assert abs(float(losses['loss_anchor_ReleasedAnchor'].detach())) > 1e-4
    ours = gradients(model, losses['loss_anchor_ReleasedAnchor'])
    theirs = gradients(model, model(clips, make_samples(0, 1, 2, None), mode='loss')['loss_cls'])
    name = 'cls_head.vision_prompt.soft_prompt'
    assert largest(ours, name) > 0.01 * largest(theirs, name)


def test_released_anchor_with_another_number_of_negatives_is_refused(make_recognizer):
    anchors = dict(negatives=['else', 'nothing'], strategies=[dict(type='ReleasedAnchor')])
    with pytest.raises(ValueError, match='2 negatives for 3 classes'):
        make_recognizer(anchors=anchors)(make_clips(2), make_samples(0, None), mode='loss')


def test_the_released_anchor_is_what_its_shift_changes(make_recognizer):
    model = make_recognizer(**given(dict(type='ReleasedAnchor', weight=2.0), log_grad_norm=True))
    clips, samples = make_clips(4), make_samples(0, 1, 2, None)
    losses = model(clips, samples, mode='loss')
    head, clip = model.cls_head, model.backbone
    feats = model(clips)
    negatives = head.text_encoder.encode_in_templates(NEGATIVES)
    shift = clip.logit_scale * feats[3] @ negatives.t()
    logits = head(feats[:3], head.text_encoder.encode_cached(head.class_names), clip.logit_scale)
    labels = torch.tensor([0, 1, 2])
    term = F.cross_entropy(logits + shift, labels) - F.cross_entropy(logits, labels)
    torch.testing.assert_close(losses['loss_anchor_ReleasedAnchor'], 2 * term)
    expected = gradients(model, 2 * term)
    expected = torch.cat([gradient.flatten() for gradient in expected.values()]).norm()
    assert float(expected) > 1e-4
    torch.testing.assert_close(losses['grad_norm_ReleasedAnchor'], expected, rtol=1e-4, atol=1e-6)
