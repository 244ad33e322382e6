"""Negative prompts: their sources, their sentences, and how often they are encoded."""

import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from ga2mm.anchors.attribute_banks import ATTRIBUTE_BANKS
from ga2mm.anchors.negatives import read_negatives
from ga2mm.build import build_part
from ga2mm.miniature import world
from ga2mm.miniature.world import BACKGROUNDS, COLOURS
from ga2mm.models import CLIPRecognizer
from ga2mm.objectives import Objectives, TuningSetup
from ga2mm.objectives.build_objectives import AnchorArguments
from ga2mm.registry import ANCHOR_STRATEGIES, MODELS
from tests.helpers import running
from tests.helpers.models import count_text_passes, gradients, largest, make_clips, make_samples, predict

DATA = running.DATA
CLASSES = ['circle rising', 'square spinning', 'star glowing']
HEAD_TEMPLATE = 'a video of a {}.'
TEMPLATES = ['a photo of {}.', 'footage of {}', '{}']
PROMPT = dict(type='DeepPrompt', length=4, depth=2)
FORMS = {
    'words': ['something else', 'nothing'],
    'templates': dict(names=['something else', 'nothing'], templates=TEMPLATES),
    'bank': dict(bank='miniature'),
    'bank in templates': dict(bank='miniature', templates=TEMPLATES),
    'text file': dict(file='negatives.txt'),
    'label map': dict(file='source.csv', exclude='target.csv', templates=TEMPLATES),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a user's own list, and label maps of the anchor source and of the target."""
    (tmp_path / 'negatives.txt').write_text('a red object\nan empty scene on grass\n')
    (tmp_path / 'source.csv').write_text('id,name\n1,Circle_Rising\n0,ring sliding\n2,moon falling\n')
    (tmp_path / 'target.csv').write_text('id,name\n0,circle rising\n1,star glowing\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make_miniature() -> Callable[..., CLIPRecognizer]:
    """Builds a recognizer on the tiny CLIP that the package ships, with one strategy."""

    def make(negatives, strategy: str = 'JointSoftmax', head: dict | None = None, **arguments):
        torch.manual_seed(0)
        cls_head = dict(
            type='CoupledPromptHead',
            class_names=CLASSES,
            template=HEAD_TEMPLATE,
            vision_prompt=PROMPT,
            text_prompt=PROMPT,
        )
        return MODELS.build(
            dict(
                type='CLIPRecognizer',
                backbone=dict(type='OpenCLIP', arch='miniature', pretrained='miniature'),
                cls_head={**cls_head, **(head or {})},
                anchors=dict(negatives=negatives, strategies=[dict(type=strategy, **arguments)]),
            )
        )

    return make


def loss_of(model: CLIPRecognizer) -> torch.Tensor:
    """The anchor loss of two labelled clips and two anchors."""
    losses = model(make_clips(4), make_samples(0, 1, None, None), mode='loss')
    (loss,) = (value for key, value in losses.items() if key.startswith('loss_anchor'))
    return loss


def encoded(model: CLIPRecognizer, sentences: list[str]) -> torch.Tensor:
    """Features of sentences from the frozen text tower, not normalised."""
    with torch.no_grad():
        return model.backbone.encode_tokens(model.backbone.tokenize(sentences))


def objective(negatives, *strategies: dict) -> Objectives:
    arguments = AnchorArguments(strategies or [dict(type='JointSoftmax')], negatives)
    names, _ = arguments.read_negatives()
    built = {one['type']: build_part(ANCHOR_STRATEGIES, one) for one in arguments.strategies}
    return Objectives(built, TuningSetup(vision_learns=True, text_learns=True, num_negatives=len(names)))


# Sources


def test_each_source_gives_its_names_and_templates():
    assert read_negatives(['else', 'nothing']) == (['else', 'nothing'], ())
    assert read_negatives(['else'], templates=TEMPLATES) == (['else'], tuple(TEMPLATES))
    names, templates = read_negatives(bank='miniature')
    assert 'something red' in names and templates == ('a video of {}.',)
    assert read_negatives(bank='miniature', templates=TEMPLATES) == (names, tuple(TEMPLATES))
    assert read_negatives(file='negatives.txt') == (['a red object', 'an empty scene on grass'], ())
    every = ['ring sliding', 'Circle_Rising', 'moon falling']
    assert read_negatives(file='source.csv') == (every, ())


def test_names_of_the_target_are_left_out_however_they_are_written():
    assert read_negatives(file='source.csv', exclude='target.csv') == (['ring sliding', 'moon falling'], ())


def test_banks_name_no_class_and_the_miniature_one_no_shape_or_action():
    for bank in ATTRIBUTE_BANKS:
        read_negatives(bank=bank)  # rejects repeated names
    assert len(ATTRIBUTE_BANKS['generic']) == 62
    colours = [f'something {colour}' for colour in COLOURS]
    assert list(ATTRIBUTE_BANKS['miniature']) == [
        *colours,
        *(f'an empty scene on {one}' for one in BACKGROUNDS),
    ]
    with open(DATA / 'published_partitions.csv') as file:
        classes = {row['class'].replace('_', ' ').lower() for row in csv.DictReader(file)}
    assert 'typing' in classes
    assert not classes & set(ATTRIBUTE_BANKS['generic'])
    tables = (world.SHAPE_WORDS, world.ACTION_WORDS)
    synonyms = [words for table in tables for options in table.values() for words in options]
    class_words = {word for words in (*world.SHAPES, *world.ACTIONS, *synonyms) for word in words.split()}
    words = {word for text in ATTRIBUTE_BANKS['miniature'] for word in text.split()}
    assert words >= {'teal', 'wood'}
    assert not words & class_words


def test_the_tiny_clip_knows_every_word_of_its_bank_and_not_of_the_generic_one(make_miniature):
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='.*never trained on some words')
        loss_of(make_miniature(dict(bank='miniature'), 'FeatureConsistency'))
    with pytest.warns(UserWarning, match='never trained on some words'):
        loss_of(make_miniature(dict(bank='generic')))


def test_a_config_replaces_the_list_of_its_base(make_miniature):
    cfg = Config(dict(anchors=dict(negatives=['something else'])))
    cfg.merge_from_dict({'anchors.negatives': dict(_delete_=True, bank='miniature', templates=TEMPLATES)})
    model = make_miniature(cfg.anchors.negatives)
    assert model.negatives == list(ATTRIBUTE_BANKS['miniature'])
    assert model.negative_templates == tuple(TEMPLATES)


# Features


def test_a_negative_is_the_mean_over_its_sentences(make_miniature):
    model = make_miniature(FORMS['templates'])
    found = model.cls_head.text_encoder.encode_in_templates(['moon_falling', 'nothing'], TEMPLATES)
    sentences = [
        encoded(model, [template.format(name) for template in TEMPLATES])
        for name in ('moon falling', 'nothing')
    ]
    expected = F.normalize(torch.stack([features.mean(dim=0) for features in sentences]), dim=-1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (found[0] - F.normalize(sentences[0], dim=-1)).abs().amax(dim=-1).min() > 1e-3
    (alone,) = model.cls_head.text_encoder.encode_in_templates(['nothing'])
    expected = F.normalize(encoded(model, ['a video of a nothing.'])[0], dim=-1)
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('prompted', [False, True])
def test_every_form_works_frozen_and_prompted(form, prompted, make_miniature):
    config = FORMS[form]
    names, templates = read_negatives(**config) if isinstance(config, dict) else (config, ())
    model = make_miniature(config, prompted_negatives=prompted)
    clip, head = model.backbone, model.cls_head
    assert model.negatives == names
    if prompted:
        negatives = head.text_encoder.encode(names)
    else:
        sentences = [[template.format(name) for template in templates or (HEAD_TEMPLATE,)] for name in names]
        negatives = torch.stack([encoded(model, texts).mean(dim=0) for texts in sentences])
    classes = head.text_encoder.encode_cached(head.class_names)
    videos = clip.logit_scale * model(make_clips(4))[2:]
    logits = videos @ torch.cat([classes, F.normalize(negatives, dim=-1)]).t()
    expected = -logits.softmax(dim=-1)[:, len(classes) :].sum(dim=-1).log().mean()
    torch.testing.assert_close(loss_of(model), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('form', ['words', 'bank in templates', 'label map'])
def test_frozen_negatives_are_encoded_once_and_prompted_ones_with_the_classes(form, make_miniature):
    for prompted, passes in ((False, [2, 3, 4]), (True, [1, 2, 3])):  # the classes: once a step
        model = make_miniature(FORMS[form], prompted_negatives=prompted)
        calls, found = count_text_passes(model), []
        for _ in range(3):
            loss_of(model)
            found.append(len(calls))
        assert found == passes, prompted


def test_without_text_prompts_prompted_negatives_are_the_frozen_ones(make_miniature):
    for form in ('templates', 'bank'):
        frozen, prompted = (
            loss_of(make_miniature(FORMS[form], head=dict(text_prompt=None), prompted_negatives=prompted))
            for prompted in (False, True)
        )
        torch.testing.assert_close(prompted, frozen, rtol=0, atol=0)


@pytest.mark.parametrize('form', ['bank', 'label map'])
def test_prompted_negatives_reach_the_text_prompts_and_their_frozen_targets_stay(form, make_miniature):
    """Only the term over negatives of FeatureConsistency has a gradient for the text prompts."""
    model = make_miniature(FORMS[form], 'FeatureConsistency')
    calls = count_text_passes(model)
    for _ in range(2):
        assert largest(gradients(model, loss_of(model)), 'text_prompt') > 1e-5
    assert len(calls) == 3


def test_a_negative_that_does_not_fit_into_the_context_is_named(make_miniature):
    names = ['ring ' * 71 + 'falling']
    negatives = dict(names=names, templates=['{}'])
    assert torch.isfinite(loss_of(make_miniature(negatives)))
    with pytest.raises(ValueError, match='with 4 prompt tokens has 79 tokens, but CLIP miniature takes 77'):
        loss_of(make_miniature(negatives, prompted_negatives=True))
    with pytest.raises(ValueError, match='with 0 prompt tokens has 78 tokens, but CLIP miniature takes 77'):
        loss_of(make_miniature(dict(names=names, templates=['a video of {}.'])))


# Strategies without effect


def test_the_number_of_negatives_is_that_of_names_not_of_sentences():
    released, over_negatives = (
        dict(type='ReleasedAnchor'),
        dict(type='DistributionConsistency', over='negatives'),
    )
    one = dict(names=['nothing'], templates=TEMPLATES)
    for strategy in (released, over_negatives):
        with pytest.warns(UserWarning, match=f'{strategy["type"]} has no gradient'):
            objective(one, strategy)
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            objective(dict(bank='miniature'), strategy)


def test_one_negative_a_class_may_come_from_a_file(make_miniature, folder):
    (folder / 'three.txt').write_text('nothing\nan object\nsomething\n')
    model = make_miniature(dict(file='three.txt', templates=TEMPLATES), 'ReleasedAnchor')
    losses = model(make_clips(4), make_samples(0, 1, None, None), mode='loss')
    negatives = model.cls_head.text_encoder.encode_in_templates(model.negatives, TEMPLATES)
    with torch.no_grad():
        features = model(make_clips(4))
        classes = model.cls_head.text_encoder.encode_cached(model.cls_head.class_names)
        shift = (features[2:] @ negatives.t()).mean(dim=0)
        logits = model.backbone.logit_scale * (features[:2] @ classes.t() + shift)
    expected = F.cross_entropy(logits, torch.tensor([0, 1]))
    found = (losses['loss_cls'] + losses['loss_anchor_ReleasedAnchor']).detach()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


# Bad input


@pytest.mark.parametrize('negative', ['star glowing', 'Star_glowing'])
@pytest.mark.parametrize('prompted', [False, True])
def test_a_negative_that_is_a_class_being_tuned_is_refused(negative, prompted, make_miniature):
    model = make_miniature(['nothing', negative], prompted_negatives=prompted)
    with pytest.raises(
        ValueError, match=f"model.anchors.negatives has '{negative}', which is a trained class"
    ):
        loss_of(model)
    model.set_classes(CLASSES[:2])
    loss_of(model)


def test_a_negative_may_be_offered_as_a_class_in_a_test(make_miniature):
    model = make_miniature(['nothing', 'moon falling'])
    loss_of(model)
    model.set_classes([*CLASSES, 'moon falling'])
    assert predict(model, make_clips(2)).shape == (2, 4)


@pytest.mark.parametrize(
    ('negatives', 'problem'),
    [
        (['else', ''], "model.anchors.negatives: '' is not a name"),
        (['else', 3], 'model.anchors.negatives: 3 is not a name'),
        (['nothing', 'else', 'No_thing', 'Nothing'], "model.anchors.negatives: 'Nothing' is listed twice"),
        (dict(names='else'), "names='else' is not a list of names: write"),
        (dict(names=[]), r'names=\[\] is not a list of names: write'),
        (dict(templates=TEMPLATES), 'needs exactly one of names, bank and file, but has none'),
        (dict(names=['else'], bank='generic'), 'one of names, bank and file, but has names and bank'),
        (dict(bank='colours'), "bank='colours' does not exist: give one of generic, miniature"),
        (dict(file='empty.txt'), 'empty.txt: no class in this file'),
        (dict(file='twice.txt'), 'twice.txt, row 3: .*is already in twice.txt, row 1'),
        (
            dict(file='cases.txt'),
            "cases.txt, row 2: class name 'Fog' is already in cases.txt, row 1 as 'fog'",
        ),
        (dict(file='source.csv', exclude='source.csv'), "exclude='source.csv' leaves no negative"),
        (dict(names=['else'], templates=['a video.']), r"templates\[0\]='a video.' must contain {} once"),
        (dict(names=['else'], templates=['{}', '{} {}']), r"templates\[1\]='{} {}' must contain {} once"),
        (dict(bank='generic', templates='a {}.'), "templates='a {}.' is not a list of sentences"),
        (dict(bank='generic', templates=[]), r'templates=\[\] is not a list of sentences'),
    ],
    ids=str,
)
def test_bad_negatives_are_refused_in_one_line(negatives, problem, folder):
    (folder / 'empty.txt').write_text('\n')
    (folder / 'twice.txt').write_text('fog\nrain\nfog\n')
    (folder / 'cases.txt').write_text('fog\nFog\n')
    with pytest.raises(ValueError, match=problem) as error:
        objective(negatives)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'negatives',
    [dict(file='missing.csv'), dict(file='.'), dict(bank='generic', exclude='missing.csv')],
    ids=str,
)
def test_a_missing_file_is_named_with_its_key(negatives):
    key, path = list(negatives.items())[-1]
    with pytest.raises(
        FileNotFoundError, match=f'^model.anchors.negatives.{key}={path!r} is not a file: give'
    ):
        objective(negatives)
