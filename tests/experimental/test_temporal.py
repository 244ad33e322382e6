"""Temporal models: equality with the mean over frames, order of frames, and learning."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from ga2mm.experimental import ClassGuidedAttention, TemporalTransformer
from ga2mm.models import CLIPRecognizer
from ga2mm.models.video_encoder import mean_over_frames
from ga2mm.structures import get_scores
from tests.helpers.models import NAMES, gradients, largest, make_clips, make_samples, predict

TRANSFORMER = dict(type='TemporalTransformer', layers=1)
ATTENTION = dict(type='ClassGuidedAttention')
MODELS = [None, TRANSFORMER, ATTENTION]
ANCHORS = dict(
    negatives=['else', 'nothing'],
    strategies=[dict(type='FeatureConsistency'), dict(type='JointSoftmax')],
)
LOSSES = [dict(type='SelfConsistency')]


@pytest.fixture
def make(make_recognizer):
    """Build a recognizer; the weights of its transformer, if any, differ from the initial ones."""

    def build(temporal: dict | None, **arguments) -> CLIPRecognizer:
        model = make_recognizer(temporal=temporal, **arguments)
        if isinstance(model.temporal, TemporalTransformer):
            generator = torch.Generator().manual_seed(0)
            for parameter in model.temporal.parameters():
                parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
        return model

    return build


@torch.no_grad()
def logits_of(model: CLIPRecognizer, clips: torch.Tensor) -> torch.Tensor:
    return model.extract_feat(clips, stage='head')[0]


# Where they equal the mean over frames


@pytest.mark.parametrize('temporal', [TRANSFORMER, ATTENTION], ids=str)
def test_one_frame_gives_the_mean_exactly(temporal, make):
    clips = make_clips(num_frames=1)
    torch.testing.assert_close(logits_of(make(temporal), clips), logits_of(make(None), clips))


def test_untrained_transformer_gives_the_mean(make_recognizer):
    clips = make_clips(num_frames=4)
    model = make_recognizer(temporal=TRANSFORMER)
    torch.testing.assert_close(logits_of(model, clips), logits_of(make_recognizer(), clips))


def test_hot_attention_gives_the_mean_and_cold_attention_the_best_frame():
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 4, 8, generator=generator)
    classes = F.normalize(torch.randn(3, 8, generator=generator), dim=-1)
    hot = ClassGuidedAttention(temperature=1e6)(frames, classes)
    assert hot.shape == (2, 3, 8)
    torch.testing.assert_close(hot, mean_over_frames(frames)[:, None].expand(-1, 3, -1), atol=1e-5, rtol=0)
    cold = ClassGuidedAttention(temperature=1e-6)(frames, classes)
    scores = torch.einsum('ncd,cd->nc', cold, classes)
    best = (F.normalize(frames, dim=-1) @ classes.t()).amax(dim=1)
    torch.testing.assert_close(scores, best)


def test_attention_by_hand():
    frames = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    weights = torch.tensor([1.0, 0.0]).div(0.5).softmax(dim=0)
    expected = F.normalize(torch.stack([weights[0], 2 * weights[1]]), dim=0)
    found = ClassGuidedAttention(temperature=0.5)(frames, torch.eye(2)[:1])
    torch.testing.assert_close(found, expected[None, None])


# Time


@pytest.mark.parametrize('temporal', MODELS, ids=str)
def test_only_the_transformer_sees_the_order_of_frames(temporal, make):
    model = make(temporal)
    clips = make_clips(num_frames=4)
    difference = float((logits_of(model, clips) - logits_of(model, clips.flip(3))).abs().max())
    assert difference > 0.1 if temporal is TRANSFORMER else difference < 1e-4


@pytest.mark.parametrize('temporal', [TRANSFORMER, ATTENTION], ids=str)
def test_a_temporal_model_changes_the_logits(temporal, make):
    clips = make_clips(num_frames=4)
    assert float((logits_of(make(temporal), clips) - logits_of(make(None), clips)).abs().max()) > 0.01


def test_more_frames_than_positions_are_refused(make_recognizer):
    model = make_recognizer(temporal=dict(TRANSFORMER, max_frames=3))
    assert logits_of(model, make_clips(num_frames=3)).shape == (3, 3)
    with pytest.raises(ValueError, match='clips have 4 frames, but model.temporal.max_frames is 3'):
        logits_of(model, make_clips(num_frames=4))


@pytest.mark.parametrize('temperature', [0, -1, float('nan')])
def test_temperature_must_be_above_zero(temperature, make_recognizer):
    with pytest.raises(ValueError, match='model.temporal.temperature=.* is not above 0'):
        make_recognizer(temporal=dict(ATTENTION, temperature=temperature))


# Modes


@pytest.mark.parametrize('temporal', MODELS, ids=str)
def test_modes_agree(temporal, make):
    model = make(temporal)
    clips = make_clips(4, num_frames=3)
    losses = model(clips, make_samples(0, 1, 2, 0), mode='loss')
    logits = model.extract_feat(clips, stage='head')[0]
    torch.testing.assert_close(losses['loss_cls'], F.cross_entropy(logits, torch.tensor([0, 1, 2, 0])))
    torch.testing.assert_close(predict(model, clips), logits.softmax(dim=-1).detach())
    features, _ = model.extract_feat(clips)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(features.shape[:-1]))
    assert features.shape == ((4, 3, 32) if temporal is ATTENTION else (4, 32))
    means, _ = model.extract_feat(clips, stage='backbone')
    torch.testing.assert_close(means, make(None)(clips))


@pytest.mark.parametrize('temporal', MODELS, ids=str)
def test_scores_do_not_depend_on_the_batch_and_clips_are_averaged(temporal, make):
    model = make(temporal)
    clips = make_clips(3, crops=2, num_frames=3)
    together = predict(model, clips)
    alone = torch.cat([predict(model, clips[index : index + 1]) for index in range(3)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    crops = torch.stack([predict(model, clips[:, crop : crop + 1]) for crop in range(2)])
    torch.testing.assert_close(crops.mean(dim=0), together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('temporal', MODELS, ids=str)
def test_offers_equal_predictions_with_each_list_of_classes(temporal, make):
    model = make(temporal).eval()
    clips, samples = make_clips(num_frames=3), make_samples(0, 0, 0)
    offers = [['run', 'jump'], NAMES]
    with torch.no_grad():
        offered = model.predict_offers(clips, samples, offers)
    for names, predictions in zip(offers, offered, strict=True):
        model.set_classes(names)
        found = torch.stack([get_scores(sample) for sample in predictions])
        torch.testing.assert_close(found, predict(model, clips))


@pytest.mark.parametrize('temporal', [TRANSFORMER, ATTENTION], ids=str)
def test_half_precision_ends_at_the_frames(temporal, make):
    model = make(temporal)
    clips, samples = make_clips(num_frames=3), make_samples(0, 1, 2)
    exact = model(clips, samples, mode='loss')['loss_cls']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(clips, samples, mode='loss')['loss_cls']
        assert model.extract_feat(clips)[0].dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)


# Anchors


@pytest.mark.parametrize('temporal', [TRANSFORMER, ATTENTION], ids=str)
def test_anchor_strategies_see_the_mean_over_frames(temporal, make):
    clips, samples = make_clips(4, num_frames=3), make_samples(0, 1, 2, None)
    arguments = dict(anchors=dict(ANCHORS, log_grad_norm=True), losses=LOSSES)
    found = make(temporal, **arguments)(clips, samples, mode='loss')
    expected = make(None, **arguments)(clips, samples, mode='loss')
    assert abs(float(found.pop('loss_cls') - expected.pop('loss_cls'))) > 1e-3
    of_anchors = {key: value for key, value in expected.items() if 'acc' not in key}
    assert len(of_anchors) == 6
    for key, value in of_anchors.items():
        torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-5)


def test_with_anchors_the_loss_is_that_of_the_labelled_clips(make):
    model = make(ATTENTION, anchors=ANCHORS)
    clips = make_clips(4, num_frames=3)
    with_anchor = model(clips, make_samples(0, None, 1, 2), mode='loss')['loss_cls']
    logits = logits_of(model, clips[[0, 2, 3]])
    torch.testing.assert_close(with_anchor, F.cross_entropy(logits, torch.arange(3)))


# Learning


@pytest.mark.parametrize('temporal', MODELS, ids=str)
def test_gradient_reaches_prompts_and_temporal_model(temporal, make):
    model = make(temporal)
    losses = model(make_clips(num_frames=3), make_samples(0, 1, 2), mode='loss')
    found = gradients(model, losses['loss_cls'])
    assert largest(found, 'vision_prompt') > 1e-6 and largest(found, 'text_prompt') > 1e-6
    assert (temporal is TRANSFORMER) == any(name.startswith('temporal.') for name in found)
    for name, gradient in found.items():
        assert float(gradient.abs().max()) > 0, name


def test_untrained_transformer_learns(make_recognizer):
    model = make_recognizer(temporal=TRANSFORMER, head=dict(vision_prompt=None, text_prompt=None))
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=1e-3)))
    clips = make_clips(num_frames=3).mul(40).add(128).clamp(0, 255).byte()
    data = dict(inputs=list(clips), data_samples=make_samples(0, 1, 2))
    before = {name: value.clone() for name, value in model.named_parameters()}
    losses = [float(model.train_step(data, optim_wrapper)['loss']) for _ in range(5)]
    assert losses[-1] < losses[0]
    for name, value in model.named_parameters():
        assert not torch.equal(value, before[name]), name


def test_checkpoint_brings_the_transformer_back_and_fits_no_other_model(make, make_recognizer):
    clips = make_clips(num_frames=4)
    trained = make(TRANSFORMER)
    state = trained.state_dict()
    model = make_recognizer(seed=1, temporal=TRANSFORMER)
    assert not torch.equal(logits_of(model, clips), logits_of(trained, clips))
    model.load_state_dict(state)
    assert torch.equal(logits_of(model, clips), logits_of(trained, clips))
    with pytest.raises(ValueError, match=r'temporal\.\S+ is unknown'):
        make_recognizer().load_state_dict(state)
    with pytest.raises(ValueError, match=r'temporal\.\S+ is missing'):
        model.load_state_dict(make_recognizer().state_dict())


def test_class_guided_attention_has_no_state(make_recognizer):
    plain, attention = make_recognizer(), make_recognizer(temporal=ATTENTION)
    assert plain.state_dict().keys() == attention.state_dict().keys()
    attention.load_state_dict(plain.state_dict())
