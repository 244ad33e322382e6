"""The calibration of logits by anchors: its formula, what it leaves alone, and wrong arguments."""

import pytest
import torch

from ga2mm.models import CLIPRecognizer
from ga2mm.models.encoded_clips import EncodedClips
from ga2mm.models.heads.anchor_calibration import BIAS, FEATURES, FROZEN, AnchorCalibration
from ga2mm.structures import get_scores
from tests.helpers.models import NAMES, gradients, make_clips, make_samples, predict

STRENGTH = 0.4
MODELS = {
    'deep prompts': {},
    'zero-shot': dict(head=dict(vision_prompt=None, text_prompt=None)),
    'averaged with frozen': dict(test_cfg=dict(frozen_share=0.3)),
    'conditional prompt': dict(head=dict(text_prompt=dict(type='ConditionalPrompt', length=2))),
    'retrieved prompts': dict(head=dict(text_prompt=dict(type='AttributeRetrieval', num_clusters=2))),
    'attention guided by classes': dict(temporal=dict(type='ClassGuidedAttention')),
    'temporal transformer': dict(temporal=dict(type='TemporalTransformer', layers=1)),
}
LINEAR = ['deep prompts', 'zero-shot', 'averaged with frozen']


@pytest.fixture(params=MODELS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def make(make_recognizer):
    """Build a recognizer of a kind, with a calibration of this strength, or without one."""

    def build(kind: str, strength: float | None = STRENGTH) -> CLIPRecognizer:
        arguments = dict(MODELS[kind])
        calibration = None if strength is None else dict(strength=strength)
        test_cfg = dict(arguments.pop('test_cfg', {}), anchor_calibration=calibration)
        return make_recognizer(test_cfg=test_cfg, **arguments).eval()

    return build


def anchor_clips(count: int = 5, crops: int = 1) -> torch.Tensor:
    return make_clips(count, crops=crops, seed=7)


@torch.no_grad()
def show(model: CLIPRecognizer, *batches: torch.Tensor, weights: list[float] | None = None) -> CLIPRecognizer:
    """Show batches of anchors of one clip each, by default with equal weights."""
    total = sum(len(batch) for batch in batches)
    shares = torch.tensor(weights or [1 / total] * total).split([len(batch) for batch in batches])
    model.calibration.see(
        [(model.encode_clips(batch), one) for batch, one in zip(batches, shares, strict=True)]
    )
    return model


@torch.no_grad()
def logits(model: CLIPRecognizer, clips: torch.Tensor) -> torch.Tensor:
    return model(clips, stage='head')


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


# The formula


def test_a_share_of_the_mean_logit_of_the_anchors_is_subtracted(kind, make):
    plain, clips, anchors = make(kind, None), make_clips(3, crops=2), anchor_clips()
    model = show(make(kind), anchors[:2], anchors[2:])
    bias = logits(plain, anchors).mean(dim=0)
    assert float(bias.max() - bias.min()) > 1e-3
    same(logits(model, clips), logits(plain, clips) - STRENGTH * bias)
    weights = [0.5, 0.1, 0.2, 0.0, 0.2]
    show(model, anchors[:1], anchors[1:], weights=weights)
    bias = torch.tensor(weights) @ logits(plain, anchors)
    same(logits(model, clips), logits(plain, clips) - STRENGTH * bias)


def test_linear_logits_need_one_vector_only(kind, make):
    model = show(make(kind), anchor_clips()[:3], anchor_clips()[3:])
    compared = []

    def compare(clips: EncodedClips) -> torch.Tensor:
        compared.append(len(clips.features))
        return torch.zeros(len(clips.features), 1)

    model.calibration.bias(('any',), compare)
    assert compared == ([1] if kind in LINEAR else [3, 2])


def test_scores_are_those_of_corrected_logits_averaged_over_crops(make):
    clips, model = make_clips(2, crops=3), show(make('deep prompts'), anchor_clips())
    corrected = logits(model, clips).unflatten(0, (2, 3))
    torch.testing.assert_close(predict(model, clips), corrected.softmax(dim=-1).mean(dim=1))
    samples = model(clips, make_samples(0, 0), mode='predict')
    largest = torch.stack([sample.max_logit for sample in samples])
    torch.testing.assert_close(largest, corrected.mean(dim=1).amax(dim=-1))


# What does not change a class's logit


def test_order_of_classes_and_other_classes_do_not_matter(kind, make):
    model, clips = show(make(kind), anchor_clips()), make_clips(3)
    own = logits(model, clips)
    model.set_classes(NAMES[::-1])
    same(logits(model, clips), own.flip(dims=[1]))
    model.set_classes(['jump', NAMES[2], 'sit', NAMES[0]])
    same(logits(model, clips)[:, [3, 1]], own[:, [0, 2]])


def test_several_lists_in_one_pass_have_their_own_biases(kind, make):
    lists = [NAMES, ['jump', *NAMES[:2]], NAMES[1:]]
    model, clips = show(make(kind), anchor_clips()), make_clips(3)
    for names, samples in zip(lists, model.predict_offers(clips, make_samples(0, 0, 0), lists), strict=True):
        model.set_classes(names)
        same(torch.stack([get_scores(one) for one in samples]), predict(model, clips))


def test_other_clips_of_a_batch_do_not_matter(kind, make):
    model, clips = show(make(kind), anchor_clips()), make_clips(4)
    together = logits(model, clips)
    same(torch.cat([logits(model, clip[None]) for clip in clips]), together)


def test_batches_and_order_of_the_anchors_do_not_matter(kind, make):
    model, clips, anchors = make(kind), make_clips(3), anchor_clips()
    expected = logits(show(model, anchors), clips)
    same(logits(show(model, anchors[[4, 2]], anchors[[0, 1, 3]]), clips), expected)


def test_the_bias_of_a_list_is_computed_once(make):
    model = show(make('conditional prompt'), anchor_clips())
    logits(model, make_clips())
    calls = []
    model.calibration.bias(NAMES, calls.append)
    assert not calls


# What the calibration leaves alone


@pytest.mark.parametrize('strength', [0, 0.0, None])
def test_strength_0_changes_nothing(strength, make, make_recognizer):
    model, plain = make('deep prompts', strength), make_recognizer().eval()
    assert model.calibration is None
    assert torch.equal(logits(model, make_clips()), logits(plain, make_clips()))


def test_losses_and_gradients_are_those_without_calibration(kind, make):
    found = []
    for strength in (STRENGTH, None):
        model = make(kind, strength).train()
        losses = model(make_clips(), make_samples(0, 1, 2), mode='loss')
        learnt = {} if kind == 'zero-shot' else gradients(model, losses['loss_cls'])
        found.append(({key: value.tolist() for key, value in losses.items()}, learnt))
    assert found[0][0] == found[1][0]
    assert all(torch.equal(found[0][1][name], gradient) for name, gradient in found[1][1].items())


def test_the_checkpoint_has_nothing_of_the_anchors(make):
    model = show(make('deep prompts'), anchor_clips())
    assert list(model.state_dict()) == list(make('deep prompts', None).state_dict())


# When the anchors are known


@pytest.mark.parametrize('change', ['train', 'load'])
def test_changed_weights_need_the_anchors_again(change, make):
    model = show(make('deep prompts'), anchor_clips())
    logits(model, make_clips())
    if change == 'train':
        model.train()
        logits(model, make_clips())  # without calibration
        model.eval()
    else:
        model.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match='has not seen the anchors: load it with ga2mm.load, or add Anchor'):
        logits(model, make_clips())


def test_tensors_of_a_model_file_give_the_same_logits(kind, make):
    model, clips = show(make(kind), anchor_clips()), make_clips(3)
    expected = logits(model, clips)
    tensors = model.calibration.tensors(NAMES, model.compare)
    assert set(tensors) == {
        *([FEATURES] if kind in LINEAR else [BIAS]),
        *([FROZEN] if kind == 'averaged with frozen' else []),
    }
    again = make(kind)
    again.calibration.restore(tensors, NAMES, 32, 'cpu')
    same(logits(again, clips), expected)
    for names in (NAMES[::-1], NAMES[1:2]):
        for each in (model, again):
            each.set_classes(names)
        same(logits(again, clips), logits(model, clips))
    new = [*NAMES, 'jump']
    for each in (model, again):
        each.set_classes(new)
    if kind in LINEAR:
        same(logits(again, clips), logits(model, clips))
    else:
        with pytest.raises(ValueError, match="no anchor calibration for the class 'jump', since its text"):
            logits(again, clips)


@pytest.mark.parametrize(
    'tensors',
    [
        {},
        {BIAS: torch.zeros(2)},
        {FROZEN: torch.zeros(1, 32)},
        {FEATURES: torch.zeros(32)},
        {FEATURES: torch.zeros(1, 16)},
        {FEATURES: torch.zeros(1, 32), BIAS: torch.zeros(3)},
    ],
    ids=['none', 'bias of 2 classes', 'frozen only', 'one axis', 'another CLIP', 'both'],
)
def test_other_tensors_are_an_error(tensors, make):
    with pytest.raises(ValueError, match='are not those of a calibration by anchors'):
        make('deep prompts').calibration.restore(tensors, NAMES, 32, 'cpu')


@pytest.mark.parametrize(
    ('arguments', 'line'),
    [
        (dict(strength='half'), "anchor_calibration.strength='half': give a number from 0 to 1"),
        (dict(strength=-0.1), 'anchor_calibration.strength=-0.1: give a number from 0 to 1'),
        (dict(strength=1.1), 'anchor_calibration.strength=1.1: give a number from 0 to 1'),
        (dict(strength=True), 'anchor_calibration.strength=True: give a number from 0 to 1'),
        (dict(strength=float('nan')), 'anchor_calibration.strength=nan: give a number from 0 to 1'),
        (dict(strength=0.5, videos=0), 'anchor_calibration.videos=0: give a whole number, 1 or more'),
        (dict(strength=0.5, batch_size=2.5), 'anchor_calibration.batch_size=2.5: give a whole number, 1'),
        (dict(strength=0.5, num_workers=-1), 'anchor_calibration.num_workers=-1: give a whole number, 0'),
    ],
)
def test_wrong_arguments_are_an_error(arguments, line):
    with pytest.raises(ValueError, match=line):
        AnchorCalibration(**arguments)
