"""CoCoOp and other conditional prompts."""

import pytest
import torch
import torch.nn.functional as F

from ga2mm.structures import get_scores
from tests.helpers.models import NAMES, gradients, make_clips, make_samples, predict
from tests.helpers.objectives import CONFIGS, NEGATIVES, WITH_ANCHORS
from tests.helpers.objectives import given as arguments_of

CONDITIONAL = dict(text_prompt=dict(type='ConditionalPrompt', length=2))


def make_conditional(make_recognizer, max_texts: int = 512, **arguments):
    """A recognizer whose meta-net separates clips; at this width it may start without active units."""
    model = make_recognizer(head=dict(CONDITIONAL, max_texts=max_texts), **arguments)
    with torch.no_grad():
        model.cls_head.text_prompt.meta_net[0].bias.fill_(1)
        model.cls_head.text_prompt.meta_net[2].weight.mul_(10)
    return model


def test_a_conditional_prompt_gives_each_clip_classes_of_its_own(make_recognizer):
    model = make_conditional(make_recognizer).eval()
    head, clip = model.cls_head, model.backbone
    feats, given = model.extract_feat(make_clips(4))
    assert given['class_features'].shape == (4, 3, 32)
    logits, _ = model.extract_feat(make_clips(4), stage='head')
    tokens = head.text_encoder.tokenize(tuple(NAMES))
    for index, feature in enumerate(feats):
        context = head.text_prompt.soft_prompt[0] + head.text_prompt.meta_net(feature)
        texts = F.normalize(clip.encode_tokens(tokens, [context]), dim=-1)
        torch.testing.assert_close(given['class_features'][index], texts, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            logits[index], clip.logit_scale * feature @ texts.t(), rtol=1e-4, atol=1e-4
        )
    assert (given['class_features'][0] - given['class_features'][1]).abs().max() > 1e-4


def test_scores_with_a_conditional_prompt_do_not_depend_on_the_batch(make_recognizer):
    model = make_conditional(make_recognizer)
    clips = make_clips(4, crops=2)
    together = predict(model, clips)
    for index in range(4):
        torch.testing.assert_close(predict(model, clips[[index]])[0], together[index], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        own, reverse = model.predict_offers(clips, make_samples(0, 0, 0, 0), [NAMES, NAMES[::-1]])
    for one, other, expected in zip(own, reverse, together, strict=True):
        torch.testing.assert_close(get_scores(one), expected)
        torch.testing.assert_close(get_scores(other).flip(0), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('max_texts', [1, 5])
def test_texts_in_chunks_give_the_same_losses_and_gradients(max_texts, make_recognizer):
    batch = make_clips(3), make_samples(0, 1, 2)
    whole, chunked = (make_conditional(make_recognizer, size) for size in (512, max_texts))
    losses, expected = chunked(*batch, mode='loss'), whole(*batch, mode='loss')
    torch.testing.assert_close(losses['loss_cls'], expected['loss_cls'])
    theirs = gradients(whole, expected['loss_cls'])
    for name, gradient in gradients(chunked, losses['loss_cls']).items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-4, atol=1e-6)
        assert gradient.any(), name


def test_no_texts_at_once_are_refused(make_recognizer):
    with pytest.raises(ValueError, match='cls_head.max_texts=0: give 1 or more'):
        make_recognizer(head=dict(CONDITIONAL, max_texts=0))


OBJECTIVES = arguments_of(*CONFIGS)


def test_anchor_strategies_see_what_they_see_without_a_condition(make_recognizer):
    """With a meta-net that shifts nothing, all losses equal those of the plain prompt."""
    model = make_conditional(make_recognizer, **OBJECTIVES)
    plain = dict(type='DeepPrompt', length=2, depth=1)
    plain = make_recognizer(head=dict(text_prompt=plain), **OBJECTIVES)
    batch = make_clips(5), make_samples(0, None, 1, None, 2)
    with torch.no_grad():
        model.cls_head.text_prompt.meta_net[2].weight.zero_()
        model.cls_head.text_prompt.meta_net[2].bias.zero_()
        for prompt in ('text_prompt', 'vision_prompt'):
            ours = getattr(model.cls_head, prompt).soft_prompt
            ours.copy_(getattr(plain.cls_head, prompt).soft_prompt)
        losses, expected = model(*batch, mode='loss'), plain(*batch, mode='loss')
    assert losses.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-4, atol=1e-5)


def test_anchor_strategies_see_each_clips_own_classes(make_recognizer):
    model = make_conditional(make_recognizer, **OBJECTIVES)
    clips, labels = make_clips(5), [0, None, 1, None, 2]
    losses = model(clips, make_samples(*labels), mode='loss')
    order = [3, 4, 0, 2, 1]
    shuffled = model(clips[order], make_samples(*[labels[index] for index in order]), mode='loss')
    for key, value in losses.items():
        torch.testing.assert_close(shuffled[key], value, rtol=1e-4, atol=1e-4)
    feats, given = model.extract_feat(clips)
    for number, config in enumerate([s for s in WITH_ANCHORS if s['type'] == 'JointSoftmax'], start=1):
        if config.get('prompted_negatives'):
            continue
        videos = model.backbone.logit_scale * feats[[1, 3]]
        classes = torch.einsum('vd,vcd->vc', videos, given['class_features'][[1, 3]])
        negatives = videos @ model.cls_head.text_encoder.encode_in_templates(NEGATIVES).t()
        both = torch.cat([classes, negatives], dim=1).log_softmax(dim=1)
        expected = -config['weight'] * both[:, 3:].logsumexp(dim=1).mean()
        found = losses[f'loss_anchor_JointSoftmax_{number}']
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
