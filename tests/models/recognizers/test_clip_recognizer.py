"""The recognizer: its modes, classes, anchors, optimizer and registries."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS as MMACTION_MODELS
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ga2mm.models import CLIPRecognizer
from ga2mm.objectives import Objective
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.structures import get_gt_label, get_scores, set_gt_label
from tests.helpers.models import (
    NAMES,
    count_text_passes,
    gradients,
    largest,
    make_clips,
    make_samples,
    predict,
)
from tests.helpers.objectives import FEATURE_CONSISTENCY

# Modes and inputs


def test_modes(make_recognizer):
    model = make_recognizer()
    clips = make_clips(4)
    losses = model(clips, make_samples(0, 1, 2, 0), mode='loss')
    logits = model(clips, stage='head')
    assert logits.shape == (4, 3)
    expected = F.cross_entropy(logits, torch.tensor([0, 1, 2, 0]))
    torch.testing.assert_close(losses['loss_cls'], expected)
    accuracy = (logits.argmax(dim=-1) == torch.tensor([0, 1, 2, 0])).double().mean()
    assert float(losses['top1_acc']) == pytest.approx(float(accuracy))
    torch.testing.assert_close(predict(model, clips), logits.softmax(dim=-1).detach())
    features = model(clips, mode='tensor')
    assert features.shape == (4, 32)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(4))
    with pytest.raises(RuntimeError, match='Invalid mode'):
        model(clips, mode='other')


@pytest.mark.parametrize('num_frames', [1, 2, 5])
def test_a_clips_feature_is_the_mean_of_its_frames(num_frames, make_recognizer):
    model = make_recognizer()
    clips = make_clips(2, num_frames=num_frames)
    for clip, feature in zip(clips, model(clips), strict=True):
        frames = clip[0].transpose(0, 1)
        assert frames.shape == (num_frames, 3, 32, 32)
        mean = model.backbone.encode_frames(frames, model.cls_head.vision_prompt()).mean(dim=0)
        torch.testing.assert_close(feature, mean / mean.norm(), rtol=1e-4, atol=1e-5)


def test_scores_of_a_clip_do_not_depend_on_the_others(make_recognizer):
    model = make_recognizer()
    clips = make_clips(5)
    together = predict(model, clips)
    for index in range(5):
        torch.testing.assert_close(
            predict(model, clips[index : index + 1])[0], together[index], rtol=1e-4, atol=1e-5
        )
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(predict(model, clips[order]), together[order], rtol=1e-4, atol=1e-5)
    assert float(torch.pdist(together).min()) > 1e-3


def test_scores_of_several_clips_and_crops_are_averaged(make_recognizer):
    model = make_recognizer()
    clips = make_clips(2, crops=6)
    single = torch.stack([predict(model, clips[:, crop : crop + 1]) for crop in range(6)])
    torch.testing.assert_close(predict(model, clips), single.mean(dim=0), rtol=1e-4, atol=1e-5)
    assert float(single.std(dim=0).max()) > 1e-3


def test_logits_are_averaged_with_those_of_the_frozen_clip(make_recognizer):
    model, frozen = make_recognizer(), make_recognizer(head=dict(vision_prompt=None, text_prompt=None))
    clips, own, other = make_clips(3, crops=2), NAMES, ['jump', 'walk', 'sit', 'run']
    prompted = model.eval()(clips, stage='head'), frozen.eval()(clips, stage='head')
    assert float((prompted[0] - prompted[1]).abs().max()) > 0.1
    for share in (0.0, 0.3, 1.0):
        averaged = make_recognizer(test_cfg=dict(frozen_share=share)).eval()
        expected = (1 - share) * prompted[0] + share * prompted[1]
        torch.testing.assert_close(averaged(clips, stage='head'), expected, rtol=1e-4, atol=1e-4)
        averaged.set_classes(other)
        of_other = predict(averaged, clips)
        found = averaged.predict_offers(clips, make_samples(0, 0, 0), [other, own])
        averaged.set_classes(own)
        for samples, alone in zip(found, (of_other, predict(averaged, clips)), strict=True):
            torch.testing.assert_close(torch.stack([get_scores(sample) for sample in samples]), alone)
    # Training is not touched.
    samples = make_samples(0, 1, 2)
    losses = [each.train()(make_clips(), samples, mode='loss')['loss_cls'] for each in (model, averaged)]
    torch.testing.assert_close(losses[0], losses[1])
    with pytest.raises(ValueError, match='frozen_share=2: give a number from 0 to 1'):
        make_recognizer(test_cfg=dict(frozen_share=2))


def test_both_formats_agree_for_one_clip(make_recognizer):
    nchw = dict(type='ActionDataPreprocessor', format_shape='NCHW')
    clips = make_clips(2, num_frames=3)
    frames = clips[:, 0].transpose(1, 2)
    ours = predict(make_recognizer(data_preprocessor=nchw), frames)
    torch.testing.assert_close(ours, predict(make_recognizer(), clips))


@pytest.mark.parametrize('format_shape', ['NCHW', 'NCTHW'])
def test_a_format_that_the_preprocessor_does_not_expect_is_refused(format_shape, make_recognizer):
    model = make_recognizer(data_preprocessor=dict(type='ActionDataPreprocessor', format_shape=format_shape))
    clips = make_clips(2, num_frames=3)
    wrong = clips if format_shape == 'NCHW' else clips[:, 0].transpose(1, 2)
    with pytest.raises(ValueError, match=f"expects {format_shape}: .* pipeline's FormatShape"):
        model(wrong, make_samples(0, 1), mode='loss')


def test_default_preprocessor_takes_uint8_and_the_clips_own_statistics(make_recognizer):
    model = make_recognizer()
    frames = torch.randint(0, 256, (1, 3, 2, 32, 32), dtype=torch.uint8)
    data = model.data_preprocessor(dict(inputs=[frames], data_samples=make_samples(0)))
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1, 1)
    torch.testing.assert_close(data['inputs'], ((frames / 255 - mean) / std)[None], rtol=1e-4, atol=1e-5)


def test_a_batch_of_videos_of_any_length_equals_one_by_one(make_recognizer):
    model = make_recognizer().eval()
    shapes = [(1, 3, 2, 32, 32), (2, 3, 2, 32, 32), (1, 3, 4, 32, 32), (1, 3, 2, 32, 32)]
    frames = [torch.randint(0, 256, shape, dtype=torch.uint8) for shape in shapes]
    together = dict(inputs=frames, data_samples=make_samples(0, 1, 2, 0))
    with torch.no_grad():
        alone = [
            model.test_step(dict(inputs=[one], data_samples=make_samples(label)))[0]
            for one, label in zip(frames, (0, 1, 2, 0), strict=True)
        ]
        data = model.data_preprocessor(together)
        of_offers = model.predict_offers(**data, offers=[['jump', 'sit'], NAMES])
        found = [model.test_step(together), of_offers[1]]
    for samples in found:
        for sample, single in zip(samples, alone, strict=True):
            torch.testing.assert_close(get_scores(sample), get_scores(single), rtol=0, atol=1e-5)
            assert get_gt_label(sample) == get_gt_label(single)
    assert all(len(get_scores(sample)) == 2 for sample in of_offers[0])
    with pytest.raises(ValueError, match='different shapes.*: only tests and predictions take them'):
        model(**data, mode='loss')


def test_compiled_towers_give_the_same_losses_and_gradients(make_recognizer, arch):
    compile = dict(backend='eager', fullgraph=True)  # a graph break is an error
    backbone = dict(type='OpenCLIP', arch=arch, pretrained='random')
    steps = []
    for more in ({}, dict(compile=compile)):
        model = make_recognizer(backbone=dict(backbone, **more)).train()
        losses = [model(make_clips(count), make_samples(*range(count)), mode='loss') for count in (3, 2)]
        steps.append((losses, gradients(model, sum(one['loss_cls'] for one in losses))))
    torch.testing.assert_close(steps[1], steps[0], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="backbone.compile='yes': give True, False or arguments"):
        make_recognizer(backbone=dict(backbone, compile='yes'))


def test_train_and_test_steps_run_on_raw_frames(make_recognizer):
    model = make_recognizer()
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=1.0)))
    frozen = {key: value.clone() for key, value in model.backbone.model.state_dict().items()}
    learnt = {key: value.clone() for key, value in model.named_parameters()}
    inputs = list(make_clips().mul(40).add(128).clamp(0, 255).byte())
    data = dict(inputs=inputs, data_samples=make_samples(0, 1, 2))
    first = float(model.train_step(data, optim_wrapper)['loss'])
    for _ in range(5):
        last = float(model.train_step(data, optim_wrapper)['loss'])
    assert last < first
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, learnt[name]), name
    for key, value in model.backbone.model.state_dict().items():
        assert torch.equal(value, frozen[key]), key
    model.eval()
    with torch.no_grad():
        [sample, *_] = model.test_step(data)
    assert float(get_scores(sample).sum()) == pytest.approx(1, abs=1e-5)


def test_bf16_autocast_is_finite_and_close(make_recognizer):
    model = make_recognizer(anchors=FEATURE_CONSISTENCY)
    clips, samples = make_clips(3), make_samples(0, 2, None)
    exact = model(clips, samples, mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(clips, samples, mode='loss')
    found = gradients(model, sum(value for key, value in losses.items() if 'loss' in key))
    for name, gradient in found.items():
        assert torch.isfinite(gradient).all(), name
        assert gradient.abs().max() > 0, name
    torch.testing.assert_close(losses['loss_cls'].float(), exact['loss_cls'], rtol=0.05, atol=0.05)


# Classes


def test_class_names_from_a_list_a_file_or_nowhere(make_recognizer, tmp_path):
    (tmp_path / 'labels.csv').write_text('id,name\n1,climb stairs\n0,walk\n2,drink\n')
    from_list = predict(make_recognizer(head=dict(class_names=NAMES)), make_clips())
    from_file = predict(make_recognizer(head=dict(class_names=str(tmp_path / 'labels.csv'))), make_clips())
    assert torch.equal(from_list, from_file)
    model = make_recognizer(head=dict(class_names=None))
    with pytest.raises(RuntimeError, match='the head knows no classes'):
        predict(model, make_clips())
    model.set_classes(NAMES)
    assert torch.equal(predict(model, make_clips()), from_list)


@pytest.mark.parametrize(
    'names', [[], [''], ['walk', '  '], ['walk', 'walk'], 'walk', ['walk', 3], [None], None], ids=str
)
def test_bad_class_names_are_refused_and_change_nothing(names, make_recognizer):
    model = make_recognizer()
    with pytest.raises(ValueError, match='class_names'):
        model.set_classes(names)
    assert list(model.cls_head.class_names) == NAMES
    assert predict(model, make_clips()).shape == (3, 3)


@pytest.mark.parametrize('count', [1, 2, 300])
def test_any_number_of_classes(count, make_recognizer):
    model = make_recognizer()
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    model.set_classes([f'action {index}' for index in range(count)])
    assert predict(model, make_clips()).shape == (3, count)
    assert model.state_dict().keys() == weights.keys()
    for key, value in model.state_dict().items():
        assert torch.equal(value, weights[key]), key
    losses = model.train()(make_clips(1), make_samples(count - 1), mode='loss')
    assert math.isfinite(losses['loss_cls'].item())


@pytest.mark.parametrize('prompted', [True, False])
def test_scores_follow_the_order_of_the_classes(prompted, make_recognizer):
    model = make_recognizer(head={} if prompted else dict(text_prompt=None))
    scores = predict(model, make_clips())
    assert float(scores.std(dim=1).min()) > 1e-3
    model.set_classes([NAMES[index] for index in (2, 0, 1)])
    torch.testing.assert_close(predict(model, make_clips()), scores[:, [2, 0, 1]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('label', [3, -1])
def test_a_label_beyond_the_classes_is_refused(label, make_recognizer):
    with pytest.raises(ValueError, match=f'a label is .*{label}.* 3 classes'):
        make_recognizer()(make_clips(2), make_samples(label, label), mode='loss')


def test_class_features_are_computed_once_per_evaluation(make_recognizer):
    model = make_recognizer()
    calls = count_text_passes(model)
    first = predict(model, make_clips())
    for _ in range(3):
        assert torch.equal(predict(model, make_clips()), first)
    assert len(calls) == 1
    model.train()(make_clips(), make_samples(0, 1, 2), mode='loss')
    assert len(calls) == 2
    predict(model, make_clips())
    assert len(calls) == 2


def change_by_optimizer(model: CLIPRecognizer) -> None:
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=10.0)))
    model.train()
    wrapper.update_params(model(make_clips(), make_samples(0, 1, 2), mode='loss')['loss_cls'])


def change_data(model: CLIPRecognizer) -> None:
    prompt = model.cls_head.text_prompt.soft_prompt
    prompt.data.copy_(torch.randn_like(prompt))


def change_classes(model: CLIPRecognizer) -> None:
    model.set_classes(['jump', 'sit', 'sleep'])


def change_checkpoint(model: CLIPRecognizer) -> None:
    state_dict = {key: value.clone() for key, value in model.state_dict().items()}
    state_dict['cls_head.text_prompt.soft_prompt'] += torch.randn(2, 2, 64)
    model.load_state_dict(state_dict)


def change_mapping(model: CLIPRecognizer) -> None:
    model.cls_head.coupling.mapping[0].bias.data.add_(1)


@pytest.mark.parametrize(
    'change', [change_by_optimizer, change_data, change_classes, change_checkpoint, change_mapping]
)
def test_class_features_are_computed_again_after_a_change(change, coupled_head, make_recognizer):
    model = make_recognizer(head=coupled_head)
    predict(model, make_clips())
    old = model.cls_head.text_encoder.encode_cached(model.cls_head.class_names)
    change(model)
    calls = count_text_passes(model)
    scores = predict(model, make_clips())
    assert len(calls) == 1
    with torch.enable_grad():  # never kept
        logits = model.eval()(make_clips(), stage='head')
    torch.testing.assert_close(scores, logits.softmax(dim=-1).detach())
    new = model.cls_head.text_encoder.encode_cached(model.cls_head.class_names)
    assert not torch.allclose(new, old, atol=1e-4)


def test_class_features_follow_the_precision(make_recognizer):
    model = make_recognizer()
    scores = predict(model, make_clips())
    with torch.autocast('cpu', torch.bfloat16):
        assert predict(model, make_clips()).isfinite().all()
    torch.testing.assert_close(predict(model, make_clips()), scores)
    exact = predict(model.double(), make_clips().double())
    torch.testing.assert_close(exact.float(), scores, rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        assert model.cls_head.text_encoder.encode_cached(model.cls_head.class_names).dtype == torch.float64


def test_training_follows_prediction_in_inference_mode(make_recognizer):
    for head in ({}, dict(text_prompt=None)):
        model = make_recognizer(head=head).eval()
        with torch.inference_mode():
            model(make_clips(), make_samples(0, 1, 2), mode='predict')
        losses = model.train()(make_clips(), make_samples(0, 1, 2), mode='loss')
        assert largest(gradients(model, losses['loss_cls']), 'vision_prompt') > 0


def test_deepcopy_predicts_the_same_and_learns_apart(make_recognizer):
    model = make_recognizer()
    scores = predict(model, make_clips())
    other = copy.deepcopy(model)
    change_data(other)
    assert not torch.allclose(predict(other, make_clips()), scores, atol=1e-4)
    torch.testing.assert_close(predict(model, make_clips()), scores)


# Anchors


def test_anchor_clips_and_anchor_config_need_each_other(make_recognizer):
    with pytest.raises(ValueError, match='no strategy of model.anchors uses them: set model.anchors'):
        make_recognizer()(make_clips(2), make_samples(0, None), mode='loss')
    model = make_recognizer(anchors=FEATURE_CONSISTENCY)
    with pytest.raises(ValueError, match='model.anchors is set but the batch has no anchor clip'):
        model(make_clips(2), make_samples(0, 1), mode='loss')
    with pytest.raises(ValueError, match='anchor clips only'):
        model(make_clips(2), make_samples(None, None), mode='loss')


@pytest.mark.parametrize(
    'anchors', [dict(negatives=[]), dict(negatives='else'), dict(strategies=[])], ids=str
)
def test_anchors_without_negatives_or_strategies_are_refused(anchors, make_recognizer):
    with pytest.raises(ValueError, match='model.anchors needs a list of negatives'):
        make_recognizer(anchors={**FEATURE_CONSISTENCY, **anchors})


def test_a_loss_without_anchors_is_no_anchor_strategy(make_recognizer):
    with pytest.raises(ValueError, match="'SelfConsistency' is not in the registry of anchor strategy"):
        make_recognizer(anchors=dict(FEATURE_CONSISTENCY, strategies=[dict(type='SelfConsistency')]))


def test_anchors_enter_neither_cross_entropy_nor_accuracy(make_recognizer):
    clips = make_clips(5)
    model, plain = make_recognizer(anchors=FEATURE_CONSISTENCY), make_recognizer()
    samples = make_samples(0, 1, None, 2, None)
    set_gt_label(samples[2], 1)
    set_gt_label(samples[4], -1)
    losses = model(clips, samples, mode='loss')
    expected = plain(clips[[0, 1, 3]], make_samples(0, 1, 2), mode='loss')
    assert losses.keys() - expected.keys() == {'loss_anchor_FeatureConsistency'}
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-4, atol=1e-5)


def test_order_of_the_clips_in_a_batch_does_not_matter(make_recognizer):
    model = make_recognizer(anchors=FEATURE_CONSISTENCY)
    clips, labels = make_clips(5), [0, 1, None, 2, None]
    expected = model(clips, make_samples(*labels), mode='loss')
    order = [4, 3, 0, 2, 1]
    losses = model(clips[order], make_samples(*[labels[index] for index in order]), mode='loss')
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-4, atol=1e-5)


class CustomStrategy(Objective):
    uses = ('videos', 'negatives')

    def __init__(self, weight: float = 1.0, offset: float = 0.0, *, embed_dim: int) -> None:
        super().__init__(weight)
        assert embed_dim == 32
        self.offset = offset

    def forward(self, features):
        assert features.frozen_videos is None
        assert features.prompted_negatives is None
        assert features.videos.shape == (2, 32)
        assert features.classes.shape == (3, 32)
        return self.offset + (features.videos @ features.negatives.t()).mean()


def test_a_users_strategy_is_built_from_config_and_adds_up(make_recognizer):
    ANCHOR_STRATEGIES.register_module(name='CustomStrategy', module=CustomStrategy)
    try:
        custom = [dict(type='CustomStrategy', weight=w, offset=50.0) for w in (2.0, 1.0)]
        anchors = dict(negatives=['else'], strategies=[*custom, dict(type='FeatureConsistency')])
        with pytest.raises(AssertionError):  # FeatureConsistency has optional features computed
            make_recognizer(anchors=anchors)(make_clips(3), make_samples(1, None, None), mode='loss')
        model = make_recognizer(anchors=dict(anchors, strategies=custom))
    finally:
        ANCHOR_STRATEGIES.module_dict.pop('CustomStrategy')
    clips = make_clips(3)
    losses = model(clips, make_samples(1, None, None), mode='loss')
    negative = model.backbone.frozen_text_features(['a video of a person else.'])
    expected = 3 * (50 + (model(clips)[1:] @ negative.t()).mean())
    found = losses['loss_anchor_CustomStrategy_1'] + losses['loss_anchor_CustomStrategy_2']
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


# Optimizer, checkpoints and registries


def test_optimizer_has_the_heads_parameters_only(coupled_head, make_recognizer):
    model = make_recognizer(head=coupled_head, anchors=FEATURE_CONSISTENCY)
    model.init_weights()
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=0.1)))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {names[id(p)] for group in optim_wrapper.param_groups for p in group['params']}
    assert found == {
        'cls_head.vision_prompt.soft_prompt',
        'cls_head.text_prompt.soft_prompt',
        'cls_head.coupling.mapping.0.weight',
        'cls_head.coupling.mapping.0.bias',
    }


@pytest.mark.parametrize('scope', [None, 'mmaction', 'ga2mm'])
@pytest.mark.parametrize('prefix', ['', 'ga2mm.'])
def test_mmaction2_builds_the_recognizer(scope, prefix, arch):
    config = dict(
        type='ga2mm.CLIPRecognizer',
        backbone=dict(type=f'{prefix}OpenCLIP', arch=arch, pretrained='random'),
        cls_head=dict(
            type=f'{prefix}CoupledPromptHead',
            class_names=NAMES,
            vision_prompt=dict(type=f'{prefix}DeepPrompt', length=2, depth=1),
            text_prompt=dict(type=f'{prefix}DeepPrompt', length=2, depth=1),
        ),
        anchors=FEATURE_CONSISTENCY,
    )
    with DefaultScope.overwrite_default_scope(scope):
        model = MMACTION_MODELS.build(config)
        if scope is not None:
            assert DefaultScope.get_current_instance().scope_name == scope
    assert isinstance(model, CLIPRecognizer)
    losses = model(make_clips(2), make_samples(0, None), mode='loss')
    assert set(losses) == {'loss_cls', 'loss_anchor_FeatureConsistency', 'top1_acc', 'top5_acc'}
