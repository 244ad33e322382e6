"""AttriPrompt in the recognizer: learnt parameters, the cache of its retrievals, and its losses."""

import itertools
import json

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from ga2mm.objectives import DualStreamContrastiveLoss, SelfRegularizationLoss
from tests.helpers import running
from tests.helpers.features import given
from tests.helpers.models import count_text_passes, gradients, make_clips, make_samples, predict

NAMES = ('walk', 'climb stairs', 'drink')


def test_the_recognizer_learns_pool_and_keys(make_recognizer):
    """Logits of each clip's own classes, and the loss of the keys."""
    prompt = dict(type='AttributeRetrieval', num_clusters=2, pool_size=6)
    model = make_recognizer(head=dict(text_prompt=prompt), losses=[dict(type='KeyLoss', weight=0.5)])
    text_prompt = model.cls_head.text_prompt
    losses = model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert set(losses) == {'loss_cls', 'loss_KeyLoss', 'top1_acc', 'top5_acc'} and losses['loss_KeyLoss'] > 0
    (losses['loss_cls'] + losses['loss_KeyLoss']).backward()
    assert float(text_prompt.prompts.grad.abs().max()) > 0
    assert float(text_prompt.keys.grad.abs().max()) > 0
    assert float(model.cls_head.vision_prompt.soft_prompt.grad.abs().max()) > 0
    # In evaluation a clip's scores are its own.
    scores = predict(model, make_clips(3))
    for index in range(3):
        torch.testing.assert_close(predict(model, make_clips(3)[index : index + 1])[0], scores[index])


def test_the_key_loss_needs_a_retrieval(make_recognizer):
    model = make_recognizer(losses=[dict(type='KeyLoss')])
    with pytest.raises(ValueError, match="needs cls_head.text_prompt=dict\\(type='AttributeRetrieval'"):
        model(make_clips(3), make_samples(0, 1, 2), mode='loss')


MINIATURE = dict(type='OpenCLIP', arch='miniature', pretrained='miniature')
OTHER_NAMES = ('jump', 'walk', 'sit', 'run')


@pytest.fixture
def make_retriever(make_recognizer):
    """Build a recognizer on the miniature CLIP that keeps this many retrievals."""

    def make(max_cached: int = 256, **arguments):
        prompt = dict(type='AttributeRetrieval', **arguments)
        head = dict(text_prompt=prompt, max_cached=max_cached)
        return make_recognizer(backbone=MINIATURE, head=head)

    return make


def count_texts(model) -> list[int]:
    """Record the number of texts in each pass through the text tower."""
    texts: list[int] = []
    model.backbone.text_tower.ln_final.register_forward_hook(
        lambda module, args, output: texts.append(output.shape[:2].numel())
    )
    return texts


def class_features(model, clips, names=NAMES) -> torch.Tensor:
    """Features (clips, classes, embed_dim) of these classes with the prompts of each clip."""
    model.set_classes(names)
    return model.extract_feat(clips)[1]['class_features']


@pytest.mark.parametrize(('bound', 'texts'), [(0, 56), (1, 49), (100, 28)])
def test_clips_that_retrieved_the_same_are_encoded_once(bound, texts, make_retriever):
    """Four clips with retrievals of their own, in batches of 3, 2 and 3, for lists of 3 and 4 classes."""
    model, plain = make_retriever(bound).eval(), make_retriever(0).eval()
    clips, counted = make_clips(4), count_texts(model)
    for chosen, names in itertools.product(([0, 1, 0], [1, 2], [0, 2, 3]), (NAMES, OTHER_NAMES)):
        with torch.no_grad():
            found, expected = (class_features(each, clips[chosen], names) for each in (model, plain))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert sum(counted) == texts


@pytest.mark.parametrize('change', ['training step', 'prompts alone', 'checkpoint'])
def test_kept_retrievals_are_forgotten_when_the_prompts_change(change, make_retriever):
    model, clips = make_retriever(), make_clips(3)
    with torch.no_grad():
        before = class_features(model.eval(), clips)
    if change == 'training step':
        learnt = model.cls_head.text_prompt
        learnt.keys.requires_grad_(False)  # so that clips retrieve the same as before
        optimizer = build_optim_wrapper(learnt, dict(optimizer=dict(type='SGD', lr=0.01)))
        losses = model.train()(clips, make_samples(0, 1, 2), mode='loss')
        optimizer.update_params(model.parse_losses(losses)[0])
    elif change == 'prompts alone':
        model.cls_head.text_prompt.prompts.data.mul_(5)
    else:
        state = model.state_dict()
        state['cls_head.text_prompt.prompts'] = 5 * state['cls_head.text_prompt.prompts']
        model.load_state_dict(state)
    plain = make_retriever(0)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        after = class_features(model.eval(), clips)
        torch.testing.assert_close(after, class_features(plain.eval(), clips), rtol=0, atol=1e-6)
        assert float((after - before).abs().max()) > 1e-3
        counted = count_texts(model)
        assert torch.equal(class_features(model, clips), after)
    assert not counted


def test_kept_retrievals_follow_the_precision(make_retriever):
    model, clips = make_retriever().eval(), make_clips(3)
    with torch.no_grad():
        exact = class_features(model, clips)
        with torch.autocast('cpu', torch.bfloat16):
            rounded = class_features(model, clips)
        assert float((rounded - exact).abs().max()) > 1e-4
        torch.testing.assert_close(class_features(model, clips), exact, rtol=0, atol=1e-6)


def test_neither_weighted_retrievals_nor_those_of_training_are_kept(make_retriever):
    for model in (make_retriever(temperature=0.1).eval(), make_retriever().train()):
        counted = count_texts(model)
        with torch.set_grad_enabled(model.training):
            for _ in range(2):
                model(make_clips(3), stage='head')
        assert counted == [9, 9]


def test_a_negative_number_of_retrievals_is_refused(make_retriever):
    with pytest.raises(ValueError, match='cls_head.max_cached=-1: give 0 or more'):
        make_retriever(-1)


DUAL_STREAM = dict(type='DualStreamContrastiveLoss', weight=0.5)
REGULARIZATION = dict(type='SelfRegularizationLoss', form='cosine', weight=2.0)
LOSSES = [DUAL_STREAM, REGULARIZATION, dict(REGULARIZATION, form='kl')]
TEXT_PROMPTS = [
    dict(type='DeepPrompt', length=2, depth=2),
    dict(type='ConditionalPrompt', length=2),
    dict(type='AttributeRetrieval', num_clusters=2, pool_size=6),
]
ANCHORS = dict(negatives=['else'], strategies=[dict(type='FeatureConsistency')])


@pytest.mark.parametrize('anchors', [None, ANCHORS], ids=['no anchors', 'anchors'])
@pytest.mark.parametrize('text_prompt', TEXT_PROMPTS, ids=lambda prompt: prompt['type'])
def test_auxiliary_losses_of_labelled_clips_are_logged_each(text_prompt, anchors, make_recognizer):
    arguments = dict(head=dict(text_prompt=text_prompt), anchors=anchors)
    model = make_recognizer(losses=LOSSES, **arguments)
    clips, labels = make_clips(5), [0, None, 1, None, 1]
    if anchors is None:
        clips, labels = clips[[0, 2, 4]], [0, 1, 1]
    samples = make_samples(*labels)
    losses = model(clips, samples, mode='loss')
    without = make_recognizer(**arguments)(clips, samples, mode='loss')
    for name, value in without.items():
        torch.testing.assert_close(losses[name], value)
    assert losses.keys() - without.keys() == {
        'loss_DualStreamContrastiveLoss',
        'loss_SelfRegularizationLoss_1',
        'loss_SelfRegularizationLoss_2',
    }
    labelled = [place for place, label in enumerate(labels) if label is not None]
    feats, others = model.extract_feat(clips[labelled])
    classes, scale = others['class_features'], others['logit_scale']
    frozen = model.backbone.frozen_text_features([f'a video of a person {name}.' for name in NAMES])
    labels = torch.tensor([0, 1, 1])
    features = given(clips=feats, classes=classes, labels=labels, logit_scale=scale, frozen_classes=frozen)
    expected = {
        'DualStreamContrastiveLoss': 0.5 * DualStreamContrastiveLoss()(features),
        'SelfRegularizationLoss_1': 2 * SelfRegularizationLoss('cosine')(features),
        'SelfRegularizationLoss_2': 2 * SelfRegularizationLoss('kl')(features),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[f'loss_{name}'], value, rtol=1e-4, atol=1e-5)


def test_attriprompt_learns_by_its_losses(make_recognizer):
    """Each loss has a gradient for its parameters, in float32 under autocast too, and a step uses the sum."""
    head = dict(text_prompt=TEXT_PROMPTS[2])
    model = make_recognizer(head=head, losses=[DUAL_STREAM, REGULARIZATION])
    for precision in (torch.float32, torch.bfloat16):
        with torch.autocast('cpu', precision, enabled=precision != torch.float32):
            losses = model(make_clips(3), make_samples(0, 1, 2), mode='loss')
        terms = {name: value for name, value in losses.items() if 'loss' in name}
        assert {value.dtype for value in terms.values()} == {torch.float32}
        total, _ = model.parse_losses(losses)
        assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
        for name in ('loss_DualStreamContrastiveLoss', 'loss_SelfRegularizationLoss'):
            model.zero_grad()
            losses[name].backward(retain_graph=True)
            for learnt in ('text_prompt.prompts', 'text_prompt.keys'):
                gradient = model.cls_head.get_parameter(learnt).grad
                assert gradient.isfinite().all() and gradient.any()
        for name, gradient in gradients(model, total).items():
            assert gradient.isfinite().all() and gradient.any(), name


@pytest.mark.parametrize(('losses', 'passes'), [([], 1), ([DUAL_STREAM], 1), (LOSSES, 2)], ids=str)
def test_frozen_classes_are_encoded_only_if_a_loss_uses_them(losses, passes, make_recognizer):
    model = make_recognizer(losses=losses)
    calls = count_text_passes(model)
    model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert len(calls) == passes


def test_a_loss_without_gradient_is_named(make_recognizer):
    model = make_recognizer(head=dict(text_prompt=None), losses=[DUAL_STREAM, REGULARIZATION])
    with pytest.warns(UserWarning) as warned:
        model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert [str(one.message) for one in warned] == [
        'loss_SelfRegularizationLoss has no gradient with these prompts'
    ]


@pytest.mark.parametrize(
    ('losses', 'message'),
    [
        (DUAL_STREAM, r'model\.losses=.* is not a list: write \[dict\(type=...\)\]'),
        (None, r'model\.losses=None is not a list'),
        (
            [DUAL_STREAM, dict(type='CrossEntropyLoss')],
            r'model\.losses\[1\] is CrossEntropyLoss, which is no',
        ),
    ],
    ids=['dict', 'None', 'another'],
)
def test_what_is_no_list_of_auxiliary_losses_is_refused(losses, message, make_recognizer):
    with pytest.raises(ValueError, match=message):
        make_recognizer(losses=losses)


def test_the_miniature_world_as_images_is_trained_and_tested(in_miniature_folder, monkeypatch, tmp_path):
    monkeypatch.setenv('GA2MM_PROTOCOL', 'images_base2novel')
    monkeypatch.setenv('GA2MM_METHOD', 'attriprompt')
    config = running.ZOO / 'miniature.py'
    options = ['--cfg-options', 'model.backbone.pretrained=random']
    short = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    running.tool('train.py', config, '--work-dir', tmp_path, '--seed', 0, *options, *short)
    (logged,) = running.logged_losses(tmp_path)
    terms = {'cls', 'KeyLoss', 'DualStreamContrastiveLoss', 'SelfRegularizationLoss'}
    assert logged.keys() == {'loss', *(f'loss_{term}' for term in terms)}
    assert logged['loss'] == pytest.approx(sum(logged[f'loss_{term}'] for term in terms), rel=1e-3)
    running.tool('test.py', config, tmp_path / 'epoch_1.pth', '--work-dir', tmp_path, *options)
    found = json.loads((tmp_path / 'test_metrics.json').read_text())
    assert found['top1_percent'].keys() >= {'base', 'novel', 'hm'}
