"""FeatureConsistency: value, and the prompts with a gradient from each term."""

import pytest
import torch
import torch.nn.functional as F

from tests.helpers.models import gradients, largest, make_clips, make_samples
from tests.helpers.objectives import FEATURE_CONSISTENCY


def test_feature_consistency_is_the_distance_to_the_frozen_clip(make_recognizer):
    strategy = dict(type='FeatureConsistency', weight=3.0)
    model = make_recognizer(anchors=dict(FEATURE_CONSISTENCY, strategies=[strategy]))
    clips = make_clips(4)
    losses = model(clips, make_samples(0, None, 1, None), mode='loss')
    clip, head = model.backbone, model.cls_head
    frozen = clip.encode_frames(clips[:, 0].transpose(1, 2).flatten(0, 1)).unflatten(0, (4, 2)).mean(dim=1)
    videos = 1 - F.cosine_similarity(model(clips), frozen)[[1, 3]]
    names = ['else', 'nothing']
    texts = clip.frozen_text_features([f'a video of a person {name}.' for name in names])
    negatives = 1 - F.cosine_similarity(head.text_encoder.encode(names), texts)
    assert videos.min() > 1e-3
    assert negatives.min() > 1e-3
    expected = 3 * (videos.mean() + negatives.mean())
    torch.testing.assert_close(losses['loss_anchor_FeatureConsistency'], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('left_out', ['text_prompt', 'vision_prompt'])
def test_each_term_of_feature_consistency_reaches_its_prompts(left_out, coupled_head, make_recognizer):
    head = dict(coupled_head, **{left_out: None})
    if left_out == 'text_prompt':
        head['coupling'] = None
    model = make_recognizer(head=head, anchors=FEATURE_CONSISTENCY)
    losses = model(make_clips(3), make_samples(0, 1, None), mode='loss')
    found = gradients(model, losses['loss_anchor_FeatureConsistency'])
    reached = ['vision_prompt'] if left_out == 'text_prompt' else ['soft_prompt', 'mapping.0.weight', 'bias']
    for part in reached:
        assert largest(found, part) > 1e-6, part


def test_both_terms_of_feature_consistency_reach_all_prompts(coupled_head, make_recognizer):
    model = make_recognizer(head=coupled_head, anchors=FEATURE_CONSISTENCY)
    losses = model(make_clips(3), make_samples(0, 1, None), mode='loss')
    found = gradients(model, losses['loss_anchor_FeatureConsistency'])
    for name, gradient in found.items():
        assert gradient.abs().max() > 1e-6, name
