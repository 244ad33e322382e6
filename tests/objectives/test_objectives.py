"""All objectives together: gradients, batches, and warnings about objectives without effect."""

import copy
import warnings

import pytest
import torch

from ga2mm.models import CLIPRecognizer
from ga2mm.objectives import Objectives, TuningSetup
from ga2mm.registry import ANCHOR_STRATEGIES
from tests.helpers import running
from tests.helpers.models import NAMES, gradients, largest, make_clips, make_samples
from tests.helpers.objectives import (
    CONFIGS,
    NEGATIVES,
    ON_LABELLED_CLIPS,
    OVER_CLASSES,
    STRATEGIES,
    WITH_ANCHORS,
    WITH_LOSS,
    given,
    loss_and_gradients,
    loss_of,
    losses_of,
    make_features,
    objective_of,
    save_of_rank,
)


def names_of(model: CLIPRecognizer) -> dict[str, str]:
    """The log names of all objectives except the classification loss, as in ``grad_norm_<name>``."""
    return {name.removeprefix('loss_').removeprefix('anchor_'): name for name in list(model.objectives)[1:]}


def in_order(*configs: dict) -> list[dict]:
    """Configs in the order of the recognizer: losses, then anchor strategies."""
    return sorted(configs, key=lambda config: config['type'] not in ON_LABELLED_CLIPS)


# Values


@pytest.mark.parametrize(
    ('config', 'problem'),
    [
        (dict(type='DistributionConsistency', temperature=0), 'temperature=0: give a number above 0'),
        (dict(type='DistributionConsistency', over='names'), "over='names': give 'classes' or 'negatives'"),
        (dict(type='Margin', margin=-1), 'margin=-1: give 0 or more'),
        (dict(type='Margin', form='square'), "form='square': give 'softplus' or 'hinge'"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(config, problem):
    with pytest.raises(ValueError, match=problem):
        build(config)


# Gradients


def test_every_registered_strategy_is_tested_here():
    assert {config['type'] for config in WITH_ANCHORS} == set(ANCHOR_STRATEGIES.module_dict)


@pytest.mark.parametrize('config', CONFIGS, ids=str)
def test_frozen_targets_get_no_gradient(config):
    features = make_features(scale=1.0)
    for value in vars(features).values():
        if value is not None and value.is_floating_point():
            value.detach_().requires_grad_()
    loss_of(features, **config).backward()
    for name in ('frozen_clips', 'frozen_classes', 'frozen_videos'):
        assert getattr(features, name).grad is None, name
    prompted = (features.clips, features.classes, features.videos, features.video_classes)
    reached = [value.grad for value in prompted]
    assert max(float(grad.abs().max()) for grad in reached if grad is not None) > 1e-3


@pytest.mark.parametrize(('left_out', 'tower'), [('text_prompt', 'vision'), ('vision_prompt', 'text')])
def test_strategies_reach_the_prompts_that_they_say(left_out, tower, make_recognizer):
    """If only one tower has prompts, exactly the strategies with terms in that tower have a gradient."""
    model = make_recognizer(head={left_out: None}, **given(*CONFIGS, log_grad_norm=True))
    losses = losses_of(model, 0, 1, 2, None, None)
    reach_of = {str(config): reach for config, reach in STRATEGIES}
    for name, config in zip(names_of(model), in_order(*CONFIGS), strict=True):
        reach = reach_of[str(config)]
        norm = float(losses[f'grad_norm_{name}'])
        assert (norm > 1e-5) if tower in reach else (norm == 0), (config, norm)


def test_strategies_reach_mapping_layer_and_all_layers(make_recognizer):
    model = make_recognizer(**given(*CONFIGS))
    losses = losses_of(model, 0, 1, 2, None, None)
    reach_of = {str(config): reach for config, reach in STRATEGIES}
    for name, config in zip(names_of(model).values(), in_order(*CONFIGS), strict=True):
        reach = reach_of[str(config)]
        model.zero_grad()
        losses[name].backward(retain_graph=True)
        for tower in ('vision', 'text'):
            gradient = getattr(model.cls_head, f'{tower}_prompt').soft_prompt.grad
            if tower in reach:
                assert gradient.abs().amax(dim=(1, 2)).min() > 1e-7, (name, tower)
            else:
                assert gradient is None or gradient.abs().max() == 0, (name, tower)


def test_logged_gradient_norm_is_that_of_the_gradient(make_recognizer):
    model = make_recognizer(**given(*CONFIGS, log_grad_norm=True))
    losses = losses_of(model, 0, 1, 2, None, None)
    for name, logged in names_of(model).items():
        model.zero_grad()
        losses[logged].backward(retain_graph=True)
        found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        norm = torch.cat(found).norm()
        torch.testing.assert_close(losses[f'grad_norm_{name}'], norm, rtol=1e-4, atol=1e-6)


def test_gradient_norms_are_logged_on_demand_and_change_nothing(make_recognizer):
    plain = make_recognizer(**given(*CONFIGS))
    model = make_recognizer(**given(*CONFIGS, log_grad_norm=True))
    expected, losses = (losses_of(one, 0, 1, None, 2, None) for one in (plain, model))
    assert not [key for key in expected if 'grad_norm' in key]
    loss, logged = model.parse_losses(losses)
    total = sum(value for key, value in expected.items() if key.startswith('loss_'))
    torch.testing.assert_close(loss, total, rtol=1e-4, atol=1e-5)
    assert logged['grad_norm_JointSoftmax_1'] > 0
    ours, theirs = gradients(model, loss), gradients(plain, total)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-5 * largest(theirs, name))


# Batches


def test_strategies_add_up_and_are_logged_one_by_one(make_recognizer):
    together = losses_of(make_recognizer(**given(*WITH_LOSS)), 0, 1, None)
    assert {key for key in together if key.startswith('loss_')} == {
        *('loss_cls', 'loss_anchor_FeatureConsistency', 'loss_ResidualFeatureDistillation'),
        *(f'loss_anchor_{name}_{n}' for name in ('JointSoftmax', 'Margin') for n in (1, 2)),
        *(f'loss_anchor_DistributionConsistency_{n}' for n in (1, 2)),
        *(f'loss_SelfConsistency_{n}' for n in (1, 2, 3, 4)),
    }
    alone = losses_of(make_recognizer(**given(dict(type='Margin', weight=4.0))), 0, 1, None)
    single = losses_of(make_recognizer(**given(dict(type='Margin'))), 0, 1, None)
    torch.testing.assert_close(alone['loss_anchor_Margin'], 4 * single['loss_anchor_Margin'])
    torch.testing.assert_close(alone['loss_cls'], together['loss_cls'], rtol=1e-4, atol=1e-5)


def test_order_of_clips_anchors_and_negatives_does_not_matter(make_recognizer):
    clips, labels = make_clips(6), [0, 1, None, 2, None, None]
    expected = make_recognizer(**given(*WITH_LOSS))(clips, make_samples(*labels), mode='loss')
    order = [5, 3, 0, 4, 1, 2]
    model = make_recognizer(**given(*WITH_LOSS, negatives=NEGATIVES[::-1]))
    losses = model(clips[order], make_samples(*[labels[index] for index in order]), mode='loss')
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-4, atol=1e-5)


def test_halves_of_a_batch_average_to_the_whole(make_recognizer):
    """Processes that average their gradients compute the same as one process."""
    model = make_recognizer(**given(*WITH_LOSS))
    clips, labels = make_clips(8), [0, 1, None, None, 2, 0, None, None]
    whole = model(clips, make_samples(*labels), mode='loss')
    halves = [
        model(clips[part], make_samples(*labels[part]), mode='loss') for part in (slice(4), slice(4, 8))
    ]
    keys = [key for key in whole if key.startswith('loss_')]
    for key in keys:
        torch.testing.assert_close((halves[0][key] + halves[1][key]) / 2, whole[key], rtol=1e-5, atol=1e-5)
    expected = gradients(model, sum(whole[key] for key in keys))
    found = gradients(model, sum(half[key] for half in halves for key in keys) / 2)
    for name, gradient in expected.items():
        tolerance = 1e-5 * max(1.0, largest(expected, name))
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize('kind', ON_LABELLED_CLIPS)
def test_what_holds_the_labelled_clips_needs_neither_anchors_nor_negatives(kind, make_recognizer):
    model = make_recognizer(losses=[dict(type=kind)])
    losses = losses_of(model, 0, 1, 2)
    assert float(losses[f'loss_{kind}'].detach()) > 1e-5
    with pytest.raises(ValueError, match='no strategy of model.anchors uses them: set model.anchors, or'):
        losses_of(model, 0, 1, None)


@pytest.mark.parametrize('config', WITH_ANCHORS, ids=str)
def test_a_batch_without_anchors_is_refused_by_strategies_that_need_them(config, make_recognizer):
    model = make_recognizer(**given(dict(type='SelfConsistency'), config))
    with pytest.raises(ValueError, match='model.anchors is set but the batch has no anchor clip'):
        losses_of(model, 0, 1)


@pytest.mark.parametrize('config', [config for config in WITH_ANCHORS if config != OVER_CLASSES], ids=str)
def test_missing_negatives_are_refused_by_strategies_that_need_them(config, make_recognizer):
    with pytest.raises(ValueError, match="needs a list of negatives, such as negatives=\\['else'\\]"):
        make_recognizer(**given(config, negatives=[]))


# Warnings


def build(
    config: dict,
    negatives: list[str] = NEGATIVES,
    vision_learns: bool = True,
    text_learns: bool = True,
) -> Objectives:
    setup = TuningSetup(vision_learns, text_learns, len(negatives))
    return Objectives({config['type']: objective_of(config)}, setup)


NO_VISION = dict(vision_learns=False)
NO_TEXT = dict(text_learns=False)
ONE_NEGATIVE = dict(negatives=['else'])


@pytest.mark.parametrize('config', CONFIGS, ids=str)
def test_a_strategy_that_acts_is_built_without_a_warning(config):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        build(config)


@pytest.mark.parametrize('config', CONFIGS, ids=str)
def test_a_strategy_of_weight_0_or_without_any_prompts_says_so(config):
    with pytest.warns(UserWarning, match=f'{config["type"]} has no gradient: its weight is 0'):
        build(dict(config, weight=0))
    with pytest.warns(UserWarning, match=f'{config["type"]} has no gradient.*prompts'):
        build(config, **NO_VISION, **NO_TEXT)


@pytest.mark.parametrize(
    ('config', 'setup', 'reason'),
    [
        ('FeatureConsistency', NO_VISION, 'in its term over anchor videos: the vision tower has no prompts'),
        ('FeatureConsistency', NO_TEXT, 'in its term over negatives: the text tower has no prompts'),
        ('SelfConsistency', NO_VISION, 'in its term over clips: the vision tower has no prompts'),
        ('SelfConsistency', NO_TEXT, 'in its term over classes: the text tower has no prompts'),
        ('ReleasedAnchor', NO_VISION, 'through its shift: the vision tower has no prompts'),
        ('ReleasedAnchor', ONE_NEGATIVE, ': with a single negative prompt'),
        (dict(type='DistributionConsistency', over='negatives'), ONE_NEGATIVE, ': .* there is only one'),
        (
            dict(type='SelfConsistency', text_weight=0, video_weight=0, logits_weight=0),
            {},
            ': the weights of its three terms are 0',
        ),
    ],
    ids=str,
)
def test_what_has_no_gradient_is_named(config, setup, reason):
    config = dict(type=config) if isinstance(config, str) else config
    with pytest.warns(UserWarning, match=f'{config["type"]} has no gradient {reason}'.replace(' :', ':')):
        build(config, **setup)


def test_a_prompt_of_depth_0_is_no_prompt(make_recognizer):
    head = dict(vision_prompt=dict(type='DeepPrompt', length=3, depth=0))
    with pytest.warns(UserWarning, match='term over anchor videos: the vision tower has no prompts'):
        make_recognizer(head=head, **given(dict(type='FeatureConsistency')))


def test_a_single_class_is_found_at_the_first_loss_and_told_once(make_recognizer):
    config = given(dict(type='DistributionConsistency'), dict(type='SelfConsistency'))
    model = make_recognizer(head=dict(class_names=NAMES[:1]), **config)
    with pytest.warns(UserWarning) as told:
        losses_of(model, 0, None)
    told = [str(warning.message) for warning in told if 'has no gradient' in str(warning.message)]
    assert told == [
        'loss_SelfConsistency has no gradient in its term over logits: there is only one class',
        'loss_anchor_DistributionConsistency has no gradient: its softmax is over classes, and there is only '
        'one',
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='.*has no gradient')
        losses_of(model, 0, None)


def test_what_is_said_to_have_no_gradient_has_none(make_recognizer):
    config = given(
        dict(type='DistributionConsistency'),
        dict(type='DistributionConsistency', over='negatives'),
        dict(type='ReleasedAnchor'),
        dict(type='Margin', weight=0),
        **ONE_NEGATIVE,
        log_grad_norm=True,
    )
    with pytest.warns(UserWarning, match='has no gradient'):
        model = make_recognizer(head=dict(class_names=NAMES[:1]), **config)
    with pytest.warns(UserWarning, match='over classes, and there is only one'):
        losses = losses_of(model, 0, 0, None)
    for name in names_of(model):
        assert float(losses[f'grad_norm_{name}']) == 0, name


# Not ReleasedAnchor: it shifts the logits by the mean over the anchors of its own process, as released.
@pytest.mark.parametrize('config', WITH_LOSS, ids=str)
def test_two_processes_get_the_losses_and_gradients_of_one(config, make_recognizer, tmp_path):
    """A batch of 4 labelled clips and 4 anchors, half of them in each process."""
    # Some do not look at anchors, which need some use.
    beside = [dict(type='FeatureConsistency')] if config['type'] in ON_LABELLED_CLIPS else []
    model = make_recognizer(**given(config, *beside))
    running.in_two_processes(save_of_rank, copy.deepcopy(model), tmp_path)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    alone = loss_and_gradients(model, list(range(8)))
    assert alone.keys() == first.keys() and len(alone) >= 3
    for name, value in alone.items():
        if 'loss' in name:
            torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-5, atol=1e-5)
        else:  # shared already
            torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
            torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-5)
            assert float(value.abs().max()) > 1e-3 or 'residual.0' in name  # behind a layer of zeros
