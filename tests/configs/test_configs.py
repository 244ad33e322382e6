"""Configs have the values of the recipe, and each part can be replaced."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ga2mm.registry import MODELS
from tests.helpers import running

SCHEDULES = {'base2novel': (12, 2, 4e-2), 'fewshot': (30, 5, 8e-3)}
RECIPES = [
    running.CONFIGS / f'{dataset}_{protocol}.py'
    for dataset in ('ucf101', 'hmdb51', 'ssv2', 'k400')
    for protocol in SCHEDULES
]

TINY = {
    'model.backbone.arch': 'miniature',
    'model.backbone.pretrained': 'random',
    'model.cls_head.vision_prompt': dict(length=2, depth=2),
    'model.cls_head.text_prompt': dict(length=4, depth=2),
}
WITHOUT_GA2 = {
    'model.cls_head.coupling': None,
    'model.anchors': None,
}


def names(path: Path) -> str:
    return path.stem


def build(path: Path, work_dir: Path, **options) -> Runner:
    cfg = running.read_config(path)
    cfg.merge_from_dict(
        {**TINY, 'work_dir': str(work_dir), 'experiment_name': f'{path.stem}_{work_dir.name}'}
    )
    cfg.merge_from_dict(options)
    return Runner.from_cfg(cfg)


@pytest.mark.parametrize('path', RECIPES, ids=names)
def test_recipe(path):
    cfg = Config.fromfile(path)
    dataset, protocol = path.stem.split('_')
    head = cfg.model.cls_head
    assert (head.vision_prompt.length, head.vision_prompt.depth) == (16, 9)
    assert (head.text_prompt.length, head.text_prompt.depth) == (16, 9)
    assert cfg.model.backbone.arch == 'ViT-B-16-quickgelu'

    epochs, warm_up, lr = SCHEDULES[protocol]
    optimizer = cfg.optim_wrapper.optimizer
    assert cfg.train_cfg.max_epochs == epochs
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', lr, 1e-3)
    linear, cosine = cfg.param_scheduler
    assert (linear.type, linear.begin, linear.end) == ('LinearLR', 0, warm_up)
    assert (cosine.type, cosine.begin, cosine.end) == ('CosineAnnealingLR', warm_up, epochs)
    assert cosine.T_max == epochs - warm_up
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=64)
    assert cfg.train_dataloader.batch_sampler.num_anchors == 1

    train, anchors = cfg.train_dataloader.dataset.dataset, cfg.train_dataloader.dataset.anchors
    tests = [loader.dataset for loader in cfg.test_dataloader.values()]
    for one in (train, anchors, *tests):
        transforms = {transform.type: transform for transform in one.pipeline}
        assert transforms['UniformSample'].clip_len == 32
        assert ('Flip' in transforms) == (dataset != 'ssv2' and one in (train, anchors))
        assert transforms['FormatShape'].input_format == 'NCTHW'
    assert [t.scale for t in train.pipeline if t.type == 'Resize'][-1] == (224, 224)
    for one in tests:
        assert next(t for t in one.pipeline if t.type == 'CenterCrop').crop_size == 224
        assert one.test_mode


@pytest.mark.parametrize('path', RECIPES, ids=names)
def test_splits_of_a_protocol(path):
    cfg = Config.fromfile(path)
    splits = {name: loader.dataset.split for name, loader in cfg.test_dataloader.items()}
    train = cfg.train_dataloader.dataset.dataset
    if path.stem.endswith('base2novel'):
        assert splits == dict(base='base', novel='novel') and train.split == 'base'
        assert cfg.test_dataloader.base.dataset.label_map == train.label_map
        assert cfg.test_dataloader.novel.dataset.label_map != train.label_map
    else:
        assert splits == dict(all='all') and train.split == 'all'


@pytest.mark.parametrize(
    ('name', 'prompts', 'others'),
    [
        ('ucf101_fewshot', 4e-3, 4e-3),
        ('ucf101_base2novel', 2e-2, 2e-2),
        ('hmdb51_base2novel', 2e-3, 2e-2),
        ('ssv2_base2novel', 1e-3, 1e-2),  # 4 clips a GPU
    ],
)
def test_learning_rates_of_four_gpus(name, prompts, others, tmp_path):
    """Published for 64 clips a step, scaled to 4 GPUs of 8 clips: half."""
    runner = build(running.CONFIGS / f'{name}.py', tmp_path)
    runner._world_size = 4
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(wrapper, runner.auto_scale_lr)
    name_of = {id(parameter): name for name, parameter in runner.model.named_parameters()}
    found = {
        name_of[id(parameter)].split('.')[-1]: group['lr']
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }

    assert found == pytest.approx({'soft_prompt': prompts, 'weight': others, 'bias': others})


@pytest.mark.parametrize(
    'options',
    [
        {'model.backbone.arch': dict(
            _delete_=True,
            embed_dim=32,
            quick_gelu=True,
            vision_cfg=dict(image_size=32, layers=2, width=64, patch_size=16, head_width=32),
            text_cfg=dict(width=64, heads=2, layers=2),
        )},
        {'model.cls_head.vision_prompt.depth': 4, 'model.cls_head.vision_prompt.length': 7},
        {'model.cls_head.vision_prompt': None, 'model.cls_head.text_prompt.depth': 1},
        {'model.anchors.strategies': [dict(type='ReleasedAnchor')], 'model.anchors.negatives': ['a', 'b']},
        {'model.anchors.negatives.names': ['a', 'b']},
        {'model.anchors.strategies.0.weight': 0.25},
        WITHOUT_GA2,
    ],
    ids=str,
)  # fmt: skip
def test_backbone_prompts_and_anchors_are_swapped_by_options(options, tmp_path):
    options = {'model.cls_head.text_prompt.depth': 2, **options}
    runner = build(running.CONFIGS / 'ucf101_fewshot.py', tmp_path, **options)
    model, cfg = runner.model, runner.cfg.model
    if isinstance(cfg.backbone.arch, dict):
        assert model.backbone.vision_width == 64
    if cfg.cls_head.vision_prompt is None:
        assert model.cls_head.vision_prompt is None
    else:
        assert len(model.cls_head.vision_prompt.soft_prompt) == cfg.cls_head.vision_prompt.depth
    assert len(model.cls_head.text_prompt.soft_prompt) == cfg.cls_head.text_prompt.depth
    if cfg.anchors is None:
        assert not model.objectives.use_anchors
    else:
        _, strategy = model.objectives.values()
        assert type(strategy).__name__ == cfg.anchors.strategies[0].type
        assert strategy.weight == cfg.anchors.strategies[0].get('weight', 1.0)
        negatives = cfg.anchors.negatives
        assert model.negatives == list(negatives.names if 'names' in negatives else negatives)


def test_released_number_of_learnt_parameters():
    """Prompts of both towers and the mapping layer: the released numbers for ViT-B/16."""
    cfg = Config.fromfile(running.CONFIGS / 'ucf101_base2novel.py')
    model = MODELS.build({**cfg.model, 'backbone': {**cfg.model.backbone, 'pretrained': 'random'}})
    assert sum(parameter.numel() for parameter in model.parameters()) == 709_120
