"""Full tuning of CLIP: learnt parameters, checkpoints, and the frozen teacher."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.apis.run import learns
from ga2mm.apis.video_features import without_prompts
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from tests.helpers import running
from tests.helpers.models import (
    NAMES,
    count_text_passes,
    gradients,
    largest,
    make_clips,
    make_samples,
    predict,
)
from tests.helpers.objectives import NEGATIVES, loss_and_gradients, save_of_rank

NO_PROMPTS = dict(vision_prompt=None, text_prompt=None)
TOKEN_TABLE = 'backbone.model.token_embedding.weight'
DISTILLATION = dict(losses=[dict(type='ResidualFeatureDistillation')])
CONSISTENCY = dict(
    anchors=dict(
        negatives=dict(names=NEGATIVES, templates=['a video of {}.', 'no {}.']),
        strategies=[dict(type='FeatureConsistency')],
    )
)


@pytest.fixture
def make_tuned(arch, make_recognizer):
    """Build a recognizer on a tuned CLIP, without prompts unless ``head`` has some."""

    def make(head: dict = NO_PROMPTS, **arguments):
        backbone = dict(type='OpenCLIP', arch=arch, pretrained='random', frozen=False)
        return make_recognizer(head=head, backbone=backbone, **arguments)

    return make


def step(model, labels=(0, 1, 2), steps: int = 1) -> None:
    """Tune on one batch."""
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=1e-3)))
    inputs = list(make_clips(len(labels)).mul(40).add(128).clamp(0, 255).byte())
    for _ in range(steps):
        model.train().train_step(dict(inputs=inputs, data_samples=make_samples(*labels)), optim_wrapper)


def logits_of(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(make_clips(), stage='head')


def weights_of(model) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


# Learnt parameters


@pytest.mark.parametrize('prompted', [False, True])
def test_everything_in_the_clip_learns_but_the_token_table(prompted, make_tuned):
    model = make_tuned(head={} if prompted else NO_PROMPTS)
    learnt = dict(model.named_parameters())
    expected = {f'backbone.model.{name}' for name, _ in model.backbone.model.named_parameters()}
    if prompted:
        expected |= {'cls_head.vision_prompt.soft_prompt', 'cls_head.text_prompt.soft_prompt'}
    assert learnt.keys() == expected
    assert {value.dtype for value in learnt.values()} == {torch.float32}
    before = weights_of(model)
    losses = model(make_clips(), make_samples(0, 1, 2), mode='loss')
    found = gradients(model, losses['loss_cls'])
    step(model)
    for name, value in learnt.items():
        moves = name != TOKEN_TABLE
        assert (float(found[name].abs().max()) > 0) == moves, name
        assert torch.equal(value, before[name]) != moves, name


def test_tuning_starts_at_zero_shot_clip_and_lowers_the_loss(make_tuned, make_recognizer):
    model = make_tuned()
    torch.testing.assert_close(logits_of(model), logits_of(make_recognizer(head=NO_PROMPTS)))
    batch = make_clips(), make_samples(0, 1, 2)
    before = float(model.train()(*batch, mode='loss')['loss_cls'].detach())
    step(model, steps=5)
    assert float(model(*batch, mode='loss')['loss_cls'].detach()) < before


def test_class_texts_are_the_templates_sentences(make_tuned):
    model = make_tuned(head=dict(NO_PROMPTS, template=['a video of {}.', '{} it is.']))
    step(model)
    clip = model.backbone
    texts = [[template.format(name) for name in NAMES] for template in ('a video of {}.', '{} it is.')]
    raw = [clip.encode_tokens(clip.tokenize(sentences)) for sentences in texts]
    expected = F.normalize((raw[0] + raw[1]) / 2, dim=-1)
    found = model.cls_head.text_encoder.encode_cached(model.cls_head.class_names)
    torch.testing.assert_close(found, expected)
    assert found.requires_grad


def test_bf16_autocast_is_close_and_weights_stay_float32(make_tuned):
    model = make_tuned(**DISTILLATION)
    batch = make_clips(), make_samples(0, 1, 2)
    exact = model(*batch, mode='loss')['loss_cls']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(*batch, mode='loss')['loss_cls']
    torch.testing.assert_close(loss, exact, rtol=0.05, atol=0.05)
    found = gradients(model, loss)
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    assert largest(found, 'visual.conv1') > 0 and largest(found, 'text_projection') > 0


# Class features in evaluation


def test_class_features_are_kept_until_the_text_tower_changes(make_tuned):
    model = make_tuned()
    calls = count_text_passes(model)
    clip = model.backbone.model
    first = predict(model, make_clips())
    assert torch.equal(predict(model, make_clips()), first) and len(calls) == 1
    clip.visual.conv1.weight.data.mul_(1.5)  # past autograd's count of changes
    assert not torch.equal(predict(model, make_clips()), first) and len(calls) == 1
    last = predict(model, make_clips())
    clip.ln_final.weight.data.mul_(-1)
    changed = predict(model, make_clips())
    assert (changed - last).abs().max() > 1e-3 and len(calls) == 2
    with torch.no_grad():
        model.predict_offers(make_clips(), make_samples(0, 0, 0), [NAMES[::-1], NAMES])
        model.predict_offers(make_clips(), make_samples(0, 0, 0), [NAMES[::-1], NAMES])
    assert len(calls) == 3


def test_a_tuned_clip_keeps_no_frozen_text(make_tuned):
    with pytest.raises(RuntimeError, match='a tuned CLIP has no frozen text features'):
        make_tuned().backbone.frozen_text_features(NAMES)


# Checkpoints


def test_a_checkpoint_holds_the_clip_once_and_is_loaded(make_tuned):
    model = make_tuned()
    step(model)
    state = weights_of(model)
    clip = {f'backbone.model.{key}' for key in model.backbone.model.state_dict()}
    assert state.keys() == clip | {'backbone._extra_state'}
    other = make_tuned()
    assert not torch.equal(logits_of(other), logits_of(model))
    other.load_state_dict(state)
    assert torch.equal(logits_of(other), logits_of(model))
    torch.testing.assert_close(logits_of(copy.deepcopy(model)), logits_of(model))


def test_a_frozen_clip_does_not_take_a_tuned_ones_checkpoint(make_tuned, make_recognizer):
    with pytest.raises(ValueError, match='does not fit the model of the config .*is unknown'):
        make_recognizer(head=NO_PROMPTS).load_state_dict(make_tuned().state_dict())


def test_what_a_strategy_learnt_is_saved_and_left_out_in_testing(make_tuned):
    model = make_tuned(**DISTILLATION)
    step(model, steps=2)
    state = weights_of(model)
    residual = 'objectives.loss_ResidualFeatureDistillation.video_residual.0.weight'
    assert residual in state
    resumed = make_tuned(**DISTILLATION, seed=1)
    assert not torch.equal(resumed.state_dict()[residual], state[residual])
    resumed.load_state_dict(state)
    assert torch.equal(resumed.state_dict()[residual], state[residual])
    older = {key.replace('objectives.loss_ResidualFeatureDistillation', 'anchors.strategies.1'): value
             for key, value in state.items()}  # fmt: skip
    assert older.keys() != state.keys()
    resumed = make_tuned(**DISTILLATION, seed=1)
    resumed.load_state_dict(older)
    assert torch.equal(resumed.state_dict()[residual], state[residual])
    make_tuned().load_state_dict(older)
    tested = make_tuned()
    tested.load_state_dict(state)
    assert torch.equal(logits_of(tested), logits_of(model))
    with pytest.raises(ValueError, match=f'{residual} is missing'):
        model.load_state_dict(weights_of(tested))


@pytest.mark.usefixtures('in_miniature_folder')
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    options = dict(
        model__backbone__frozen=False,
        model__losses=DISTILLATION['losses'],
        optim_wrapper__optimizer__lr=1e-4,
        default_hooks__checkpoint__interval=1,
    )
    whole = running.train(running.miniature('zero_shot', tmp_path / 'whole', epochs=2, **options))
    middle = dict(load_from=str(tmp_path / 'whole' / 'epoch_1.pth'), resume=True)
    resumed = running.train(
        running.miniature('zero_shot', tmp_path / 'resumed', epochs=2, **options, **middle)
    )
    expected = weights_of(whole.model)
    for name, value in resumed.model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-6)
    start = weights_of(whole.model.teacher.model)
    assert not torch.equal(expected['backbone.model.visual.proj'], start['visual.proj'])
    assert torch.equal(start['visual.proj'], resumed.model.teacher.model.visual.proj)


def test_the_clip_of_a_prompt_that_was_learnt_with_it_is_unknown(make_tuned, tmp_path):
    path, out = tmp_path / 'epoch_1.pth', tmp_path / 'hard_prompt.safetensors'
    model = make_tuned(head={})
    torch.save({'state_dict': model.state_dict()}, path)
    export_hard_prompt(path, out)
    head = dict(coupling=dict(type='HardPromptCoupling', hard_prompt=str(out)))
    with pytest.raises(ValueError, match='unknown'):
        make_tuned(head=head)
    write_hard_prompt(out, torch.zeros(2, 64), model.backbone.identity, 'test')
    make_tuned(head=head)


# The frozen teacher


def test_a_teacher_is_kept_only_where_something_uses_it(make_tuned, make_recognizer):
    assert make_tuned().teacher is None
    assert make_tuned(anchors=dict(strategies=[dict(type='Margin', prompted_negatives=True)],
                                   negatives=NEGATIVES)).teacher is None  # fmt: skip
    for arguments in (
        CONSISTENCY,
        DISTILLATION,
        dict(losses=[dict(type='SelfRegularizationLoss')]),
        dict(test_cfg=dict(frozen_share=0.5)),
    ):
        model = make_tuned(**arguments)
        assert model.teacher.frozen and model.teacher is not model.backbone
        assert not [key for key in model.state_dict() if 'teacher' in key]
    frozen = make_recognizer()
    assert frozen.teacher is frozen.backbone


def test_the_teacher_stays_where_tuning_started_and_moves_with_the_model(make_tuned):
    model = make_tuned(**CONSISTENCY)
    start = weights_of(model.teacher.model)
    step(model, labels=(0, 1, 2, None))
    for key, value in model.teacher.model.state_dict().items():
        assert torch.equal(value, start[key]), key
    model.double()
    assert model.teacher.model.visual.proj.dtype == torch.float64
    assert model.backbone.model.visual.proj.dtype == torch.float64


@pytest.mark.parametrize('config', [CONSISTENCY, DISTILLATION], ids=['consistency', 'distillation'])
def test_what_is_held_to_the_frozen_clip_is_0_at_the_start_and_reaches_both_towers(config, make_tuned):
    model = make_tuned(**config)
    labels = (0, 1, 2, None) if config is CONSISTENCY else (0, 1, 2)
    batch = make_clips(len(labels)), make_samples(*labels)
    name = list(model.objectives)[1]
    losses = model(*batch, mode='loss')
    assert float(losses[name].detach()) == pytest.approx(0, abs=1e-5)
    step(model, labels, steps=4)  # the first layer of a residual has a gradient after 2
    losses = model(*batch, mode='loss')
    found = gradients(model, losses[name])
    parts = ['visual.conv1', 'visual.proj', 'model.positional_embedding', 'text_projection']
    if config is DISTILLATION:
        parts += ['video_residual.0', 'video_residual.2', 'text_residual.0', 'text_residual.2']
    for part in parts:
        assert largest(found, part) > 1e-7, part
    assert not found[TOKEN_TABLE].any()


def test_a_loss_holds_the_tuned_texts_to_those_of_the_frozen_clip(make_tuned):
    model = make_tuned(losses=[dict(type='SelfRegularizationLoss')])
    batch = make_clips(3), make_samples(0, 1, 2)
    name = 'loss_SelfRegularizationLoss'
    assert float(model(*batch, mode='loss')[name].detach()) == pytest.approx(0, abs=1e-5)
    step(model)
    assert float(model(*batch, mode='loss')[name].detach()) > 1e-5


def test_logits_are_averaged_with_those_of_the_clip_before_tuning(make_tuned, make_recognizer):
    start = logits_of(make_recognizer(head=NO_PROMPTS))
    model, other = make_tuned(), make_tuned(test_cfg=dict(frozen_share=0.25))
    for one in (model, other):
        with torch.no_grad():
            one.backbone.model.visual.proj.mul_(torch.linspace(-1, 1, 32))
            one.backbone.model.text_projection.mul_(torch.linspace(1, 2, 32))
    tuned = logits_of(model)
    assert (tuned - start).abs().max() > 0.1
    torch.testing.assert_close(logits_of(other), 0.75 * tuned + 0.25 * start, rtol=1e-4, atol=1e-4)


def test_the_model_before_tuning_that_is_drawn_learns_nothing():
    cfg = running.read_config(running.ZOO / 'miniature.py', 'vificlip')
    assert learns(MODELS.build(cfg.model))
    assert not learns(MODELS.build(without_prompts(cfg).model))


# Several processes


def test_two_processes_get_the_losses_and_gradients_of_one(make_tuned, tmp_path):
    model = make_tuned(**CONSISTENCY, **DISTILLATION)
    running.in_two_processes(save_of_rank, copy.deepcopy(model), tmp_path)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    alone = loss_and_gradients(model, list(range(8)))
    for name, value in alone.items():
        if name == TOKEN_TABLE:
            assert value is first[name] is None
        elif 'loss' in name:
            torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-4, atol=1e-5)
        else:
            torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-4)
