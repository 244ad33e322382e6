"""The configs of other methods, and the GA2 plug-in for them."""

import os
import re
from unittest.mock import patch

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ga2mm.apis import read_config
from ga2mm.registry import MODELS
from tests.helpers import running
from tests.helpers.models import gradients, largest

MINIATURE = re.findall(r'^    (\w+)=dict\(', (running.ZOO / 'miniature.py').read_text(), re.MULTILINE)
PLUG_INS = [(method, 'base2novel') for method in MINIATURE if method != 'zero_shot_ensemble']
PLUG_INS += [(method, 'images_base2novel') for method in ('attriprompt', 'ivlp')]


@pytest.mark.parametrize(('method', 'protocol'), PLUG_INS)
def test_the_plug_in_adds_anchors_to_the_methods_own_data(method, protocol, in_miniature_folder, monkeypatch):
    monkeypatch.setenv('GA2MM_PROTOCOL', protocol)
    cfg, without = config_of('miniature_plus_ga2', method), config_of('miniature', method)
    assert 'anchors' not in without.train_dataloader.dataset
    assert cfg.train_dataloader.dataset == dict(without.train_dataloader.dataset, anchors=cfg.anchor_dataset)
    assert cfg.test_dataloader == without.test_dataloader
    assert cfg.train_cfg == without.train_cfg
    rate, alone = cfg.optim_wrapper.optimizer.pop('lr'), without.optim_wrapper.optimizer.pop('lr')
    assert rate == (1e-2 if method in ('ivlp', 'maple', 'vpt_deep') else alone)
    assert cfg.optim_wrapper == without.optim_wrapper
    vision_learns = not cfg.model.backbone.get('frozen', True) or 'vision_prompt' in cfg.model.cls_head
    assert cfg.model.anchors.strategies[0].weight == (30 if vision_learns else 3)
    cfg.train_dataloader.batch_size = 2
    cfg.model.backbone.pretrained = 'random'
    loader = Runner.build_dataloader(cfg.train_dataloader)
    model = MODELS.build(cfg.model)
    model.set_classes(loader.dataset.metainfo['classes'])
    batch = model.data_preprocessor(next(iter(loader)), training=True)
    assert [sample.get('is_anchor', False) for sample in batch['data_samples']] == [False] * 2 + [True] * 8
    losses = model(**batch, mode='loss')
    assert losses['loss_anchor_FeatureConsistency'] > 0
    found = gradients(model, losses['loss_anchor_FeatureConsistency'])
    assert largest(found, 'coupling.mapping.0.weight') > 0
    # What the method itself adds stays.
    kept = [one.type for one in without.model.get('losses', [])]
    own = [type(one).__name__ for one in model.objectives.values()]
    assert own == ['ClassificationLoss', *kept, 'FeatureConsistency']


def config_of(name: str, method: str | None = None) -> Config:
    return running.read_config(running.ZOO / f'{name}.py', method)


def test_every_method_has_a_config_for_both_worlds():
    real = {path.stem.removesuffix('_vit_b16') for path in running.ZOO.glob('*_vit_b16.py')} - {'plus_ga2'}
    assert real - set(MINIATURE) == {
        'vificlip_k400_prompts'
    }  # there is no Kinetics-400 of the miniature world
    assert not set(MINIATURE) - real


@pytest.mark.parametrize('method', [method for method in MINIATURE if method != 'zero_shot_ensemble'])
def test_the_plug_in_for_a_real_clip_takes_the_hard_prompt_of_a_text_prompt(method):
    cfg, without = config_of('plus_ga2_vit_b16', method), config_of(f'{method}_vit_b16')
    text_prompt = without.model.cls_head.get('text_prompt')
    source = method if text_prompt else 'coop'
    source = 'ivlp' if method == 'attriprompt' else source  # a pool of prompts is not a hard prompt
    head = cfg.model.cls_head
    assert head.coupling.hard_prompt == f'hard_prompts/k400_{source}.safetensors'
    assert head.text_prompt == (text_prompt or config_of('coop_vit_b16').model.cls_head.text_prompt)
    assert cfg.train_dataloader.batch_sampler.num_anchors == 1
    assert cfg.train_dataloader.dataset.anchors == cfg.anchor_dataset
    assert cfg.optim_wrapper == without.optim_wrapper and cfg.auto_scale_lr == without.auto_scale_lr


def test_a_method_that_is_none_is_one_line():
    for name in ('miniature', 'plus_ga2_vit_b16'):
        with patch.dict(os.environ, GA2MM_METHOD='mapel'), pytest.raises((ValueError, OSError)) as error:
            read_config(running.ZOO / f'{name}.py')
        assert 'mapel' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(('protocol', 'epochs'), [('base2novel', 11), ('fewshot', 50)])
def test_vificlip_tunes_both_towers_with_the_published_schedule(protocol, epochs, monkeypatch):
    monkeypatch.setenv('GA2MM_PROTOCOL', protocol)
    cfg = config_of('vificlip_vit_b16')
    assert not cfg.model.backbone.frozen
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 2e-6, 1e-3)
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=64)
    linear, cosine = cfg.param_scheduler
    assert (linear.end, cosine.begin, cosine.T_max) == (5, 5, epochs - 5)
    assert cfg.train_cfg.max_epochs == cosine.end == epochs


def test_froster_distils_with_the_published_rate():
    cfg = config_of('froster_vit_b16')
    assert not cfg.model.backbone.frozen
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 3.33e-6, 0.01)
    (loss,) = cfg.model.losses
    assert (loss.type, loss.alpha) == ('ResidualFeatureDistillation', 0.1)


def test_the_zero_shot_ensemble_has_the_published_sentences():
    templates = config_of('zero_shot_ensemble_vit_b16').model.cls_head.template
    assert len(templates) == len(set(templates)) == 28
    assert templates[:3] == ['a photo of {}.', 'a photo of a person {}.', 'a photo of a person using {}.']
    assert templates[-1] == 'a demonstration of a person practicing {}.'


@pytest.mark.parametrize(
    ('method', 'text', 'vision', 'rate'),
    [
        ('coop', (4, None), None, 2e-3 / 32),
        ('cocoop', (4, None), None, 2e-3),
        ('vpt_shallow', None, (8, 1), 2.5e-3 / 4),
        ('vpt_deep', None, (8, 12), 2.5e-3 / 4),
        ('ivlp', (4, 9), (4, 9), 2.5e-3 / 4),
        ('maple', (2, 9), (None, None), 3.5e-3 / 4),
        ('promptsrc', (4, 9), (4, 9), 2.5e-3 / 4),
        ('attriprompt', (None, None), None, 2.5e-3 / 4),
    ],
)
def test_sizes_and_rates_are_the_published_ones(method, text, vision, rate):
    cfg = config_of(f'{method}_vit_b16')
    head = cfg.model.cls_head
    for prompt, expected in ((head.get('text_prompt'), text), (head.get('vision_prompt'), vision)):
        found = None if prompt is None else (prompt.get('length'), prompt.get('depth'))
        assert found == expected
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == 'SGD' and 'betas' not in optimizer
    assert cfg.auto_scale_lr.enable
    assert optimizer.lr / cfg.auto_scale_lr.base_batch_size == pytest.approx(rate)


@pytest.mark.parametrize('name', ['attriprompt_vit_b16', 'miniature'])
def test_attriprompt_has_its_three_parts(name):
    cfg = config_of(name, 'attriprompt')
    assert cfg.model.cls_head.text_prompt == dict(type='AttributeRetrieval')
    kinds = ['DualStreamContrastiveLoss', 'SelfRegularizationLoss', 'KeyLoss']
    assert [one.type for one in cfg.model.losses] == kinds


def test_promptsrc_has_its_three_parts():
    cfg = config_of('promptsrc_vit_b16')
    assert len(cfg.model.cls_head.template) == len(set(cfg.model.cls_head.template)) == 48
    assert [one.type for one in cfg.model.losses] == ['SelfConsistency']
    (hook,) = cfg.custom_hooks
    assert (hook.type, hook.mean, hook.std) == ('GaussianAverageHook', pytest.approx(9), pytest.approx(0.6))
