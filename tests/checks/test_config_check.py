"""An error in a config gives one line that names the key, before anything is built."""

import argparse
from pathlib import Path
from typing import Any

import mmaction
import pytest
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook

from ga2mm import apis
from ga2mm.apis import ConfigOptions, check_config, read_config
from ga2mm.checks.config_check import DATALOADERS
from ga2mm.checks.metric_check import check_metrics
from ga2mm.checks.pipeline_check import check_pipelines
from ga2mm.checks.signatures import arguments_of
from ga2mm.datasets import ActionVideoDataset
from ga2mm.registry import HOOKS, METRICS, PARAM_SCHEDULERS
from tests.helpers import running
from tests.helpers.configs import MODEL_CONFIGS, name_of

CONFIG = running.CONFIGS / 'miniature_ga2.py'
MMACTION = Path(mmaction.__file__).parent / '.mim' / 'configs' / 'recognition'
SHORT = """
model = dict(type='CLIPRecognizer')
work_dir = 'here'
"""


def changed(**options) -> Config:
    """Give a config with options; ``__`` stands for a dot in a key."""
    cfg = Config.fromfile(CONFIG, format_python_code=False)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def line_of(error: pytest.ExceptionInfo) -> str:
    line = str(error.value)
    assert '\n' not in line and len(line) < 1000
    return line


# ----------------------------------------------------------------------------------------- good ones


@pytest.mark.parametrize('path', MODEL_CONFIGS, ids=name_of)
def test_our_configs_are_accepted(path):
    cfg = read_config(path)
    check_config(cfg)
    check_pipelines(cfg, DATALOADERS)


def test_training_without_anchors_is_accepted():
    cfg = changed(train_dataloader__dataset__anchors=None)
    check_config(cfg)
    check_pipelines(cfg, DATALOADERS)


@pytest.mark.skipif(not MMACTION.is_dir(), reason='this MMAction2 ships no configs')
@pytest.mark.parametrize('name', ['tsn', 'swin', 'timesformer', 'uniformerv2'])
def test_configs_of_mmaction2_are_accepted(name):
    paths = sorted((MMACTION / name).glob('*.py'))
    assert paths
    for path in paths:
        check_config(read_config(path))


def test_arguments_of_a_class_with_keywords_are_those_of_what_it_hands_them_to():
    parameters, closed = arguments_of(PARAM_SCHEDULERS.get('CosineAnnealingLR'))
    assert closed and {'T_max', 'eta_min', 'begin', 'end', 'last_step'} <= set(parameters)
    parameters, closed = arguments_of(HOOKS.get('CheckpointHook'))
    assert closed and {'interval', 'save_best', 'save_optimizer'} <= set(parameters)

    def keeps(known, **others): ...

    assert list(arguments_of(keeps)[0]) == ['known'] and not arguments_of(keeps)[1]


# -------------------------------------------------------------------------------------- wrong keys


WRONG_KEYS = {
    'optim_wrapper__optimizer__lrr': ('optim_wrapper.optimizer', 'AdamW', "'lr'"),
    'optim_wrapper__acumulative_counts': ('optim_wrapper', 'OptimWrapper', "'accumulative_counts'"),
    'optim_wrapper__paramwise_cfg__custom_key': ('optim_wrapper.paramwise_cfg', "'custom_keys'"),
    'param_scheduler__1__T_mx': ('param_scheduler[1]', 'CosineAnnealingLR', "'T_max'"),
    'train_cfg__max_epoch': ('train_cfg', 'EpochBasedTrainLoop', "'max_epochs'"),
    'train_dataloader__batch_szie': ('train_dataloader', "'batch_size'"),
    'train_dataloader__sampler__shufle': ('train_dataloader.sampler', 'DefaultSampler', "'shuffle'"),
    'train_dataloader__batch_sampler__num_anchor': ('AnchorBatchSampler', "'num_anchors'"),
    'train_dataloader__dataset__anchor': ('train_dataloader.dataset', 'AnchorDataset', "'anchors'"),
    'train_dataloader__dataset__dataset__labelmap': ('ActionVideoDataset', "'label_map'"),
    'test_dataloader__novel__dataset__pipeline__3__scales': ('.novel.dataset.pipeline[3]', "'scale'"),
    'default_hooks__checkpoint__intervall': ('default_hooks.checkpoint', 'CheckpointHook', "'interval'"),
    'default_hooks__logger__ignor_last': ('default_hooks.logger', 'LoggerHook', "'ignore_last'"),
    'default_hooks__chekpoint': ('default_hooks', "'checkpoint'"),
    'model__anchors__strategies__0__wieght': ('model.anchors.strategies[0]', "'weight'"),
    'model__anchors__negatives__name': ('model.anchors.negatives', "'names'"),
    'model__cls_head__text_prompt__lenght': ('model.cls_head.text_prompt', 'DeepPrompt', "'length'"),
    'model__test_cfg__frozen_shrae': ('model.test_cfg', "'frozen_share'"),
    'val_evaluator__metric_lists': ('val_evaluator', 'Accuracy', "'metric_list'"),
    'visualizer__vis_backend': ('visualizer', "'vis_backends'"),
    'env_cfg__mp_cfg__mp_start_metod': ('env_cfg.mp_cfg', "'mp_start_method'"),
    'optim_wrapper__clip_grad__max_nrm': ('optim_wrapper.clip_grad', "'max_norm'"),
    'randomness__sead': ('randomness', "'seed'"),
}


@pytest.mark.parametrize('key', WRONG_KEYS)
def test_a_misspelt_key_and_the_nearest_right_one_are_named(key):
    value = dict(type='CheckpointHook') if key.endswith('chekpoint') else 1
    with pytest.raises(ValueError) as error:
        check_config(changed(**{key: value}))
    line = line_of(error)
    wrong = key.rpartition('__')[2]
    assert all(word in line for word in (f"'{wrong}'", 'did you mean', *WRONG_KEYS[key])), line


WRONG_VALUES = {
    'model': (None, 'no model'),
    'model__backbone': ('OpenCLIP', 'model.backbone'),
    'model__backbone__type': ('OpenClip', "model.backbone.type='OpenClip'.*did you mean 'OpenCLIP'"),
    'model__cls_head__text_prompt__length': ('four', 'model.cls_head.text_prompt.length.*a whole number'),
    'train_dataloader': (5, 'train_dataloader=5'),
    'train_dataloader__batch_size': (-3, 'train_dataloader.batch_size=-3'),
    'train_dataloader__num_workers': ('two', 'train_dataloader.num_workers'),
    'train_dataloader__dataset__anchors': ([], 'train_dataloader.dataset.anchors'),
    'train_dataloader__dataset__dataset__pipeline__0': (None, r'pipeline\[0\]=None'),
    'train_dataloader__dataset__dataset__label_map': (3, 'label_map=3: give a string or a path or a list'),
    'val_cfg': (None, 'val_cfg is missing'),
    'test_dataloader': ([], r'test_dataloader=\[\]'),
    'test_dataloader__base__sampler__type': ('InfiniteSampler', 'test_dataloader.base.sampler.*never ends'),
    'test_dataloader__base': ('base', "test_dataloader.base='base'"),
    'train_cfg__max_epochs': (-1, 'train_cfg.max_epochs=-1'),
    'optim_wrapper__optimizer': (None, 'optim_wrapper.optimizer'),
    'default_hooks__checkpoint': (1, 'default_hooks.checkpoint=1'),
    'default_hooks__checkpoint__interval': ('often', 'default_hooks.checkpoint.interval'),
    'default_hooks__epoch_seed': (None, 'default_hooks.epoch_seed=None'),
    'param_scheduler__1__T_max': (0, r'param_scheduler\[1\].T_max=0: give a number above 0'),
    'optim_wrapper__clip_grad': (dict(type='norms'), "clip_grad.type='norms': use one of norm, value"),
    'model__data_preprocessor': (
        dict(type='ActionDataPreprocessor', mean=[1, 2], std=[1, 1, 1], format_shape='NCTHW'),
        'model.data_preprocessor.mean=',
    ),
    'custom_hooks': ([1], r'custom_hooks=\[1\]'),
    'param_scheduler__0__type': ('', r"param_scheduler\[0\].type=''"),
    'resume': ('yes', "resume='yes'"),
    'default_scope': (3, 'default_scope=3'),
    'log_processor__window_size': (0.5, 'log_processor.window_size'),
    'log_processor__custom_cfg': (
        [dict(data_src='loss', method_name='median')],
        r'log_processor.custom_cfg\[0\]=.*as method_name one of min, max',
    ),
    'val_cfg__type': ('TestLoop', "val_cfg.type='TestLoop' is a loop for test_cfg"),
    'train_cfg__type': (
        'ValLoop',
        "train_cfg.type='ValLoop' is a loop for val_cfg|train_cfg: ValLoop does not",
    ),
    'train_dataloader__collate_fn': (dict(type='default_collate'), "use 'pseudo_collate'"),
    'default_hooks__visualization': (
        dict(type='VisualizationHook', enable=True),
        "default_hooks.visualization: .* cannot draw CLIP's inputs",
    ),
}


@pytest.mark.parametrize('key', WRONG_VALUES)
def test_a_value_of_another_kind_is_named_with_its_key(key):
    value, said = WRONG_VALUES[key]
    cfg = changed()
    at, steps = cfg, key.split('__')
    for step in steps[:-1]:
        at = at[int(step) if step.isdigit() else step]
    at[int(steps[-1]) if steps[-1].isdigit() else steps[-1]] = value
    with pytest.raises(ValueError, match=said) as error:
        check_config(cfg)
    line_of(error)


@pytest.mark.parametrize(
    ('place', 'change', 'said'),
    [
        (1, dict(clip_len=[4]), r'pipeline\[1\] \(UniformSample\) fails on a video: TypeError'),
        (2, None, r'pipeline\[2\] \(Resize\) fails on a video: KeyError: .imgs'),
        (3, dict(scale=-1), r'pipeline\[3\] \(Resize\)'),
        (4, None, r'pipeline makes inputs of shape \(4, 32, 32, 3\), but the model takes NCTHW'),
        (5, None, 'pipeline does not make inputs and data_samples'),
    ],
)
def test_a_pipeline_that_fails_is_found_before_the_run(place, change, said):
    cfg = changed()
    pipeline = cfg.test_dataloader.novel.dataset.pipeline
    if change is None:
        del pipeline[place]
    else:
        pipeline[place].update(change)
    with pytest.raises(ValueError, match=f'^test_dataloader.novel.dataset.{said}') as error:
        check_pipelines(cfg, DATALOADERS)
    line_of(error)


def opening_by_decord(frames: Any, axes: str) -> list[dict]:
    return [
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=1, num_clips=frames, test_mode=True),
        dict(type='DecordDecode'),
        dict(type='Resize', scale=(32, 32), keep_ratio=False),
        dict(type='FormatShape', input_format=axes),
        dict(type='PackActionInputs'),
    ]


@pytest.mark.parametrize(
    ('frames', 'axes', 'said'),
    [
        (4, 'NCHW', r'pipeline makes inputs of shape \(4, 3, 32, 32\), but the model takes NCTHW'),
        (4, 'NCTHW', r'shape \(4, 3, 1, 32, 32\), .*anchors.*shape \(1, 3, 4, 32, 32\): one batch'),
        ('four', 'NCTHW', r'pipeline\[1\] \(SampleFrames\) fails on a video: '),
    ],
)
def test_a_pipeline_that_opens_files_itself_is_tried_too(frames, axes, said):
    cfg = changed(train_dataloader__dataset__dataset__pipeline=opening_by_decord(frames, axes))
    with pytest.raises(ValueError, match=f'^train_dataloader.dataset.dataset.*{said}') as error:
        check_pipelines(cfg, DATALOADERS)
    line_of(error)


@pytest.mark.parametrize(
    ('metric', 'said'),
    [
        (
            dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=[1, 5]))),
            'topk must be int or',
        ),
        (dict(type='AccMetric', metric_list='top_k'), 'AssertionError'),
        (dict(type='Accuracy', collect_device='tpu'), "device must be 'cpu'"),
    ],
)
def test_a_metric_that_fails_is_found_before_the_run(metric, said):
    cfg = changed(test_evaluator=[dict(type='ConfusionMatrix'), metric])
    with pytest.raises(ValueError, match=rf'^test_evaluator\[1\] \({metric["type"]}\).*{said}') as error:
        check_metrics(cfg, 'test_evaluator')
    line_of(error)


def test_metrics_that_write_files_are_not_tried(tmp_path):
    cfg = changed(
        test_evaluator=[dict(type='Accuracy'), dict(type='DumpResults', out_file_path=f'{tmp_path}/a.pkl')]
    )
    check_metrics(cfg, 'test_evaluator')
    assert not list(tmp_path.iterdir())


# -------------------------------------------------------------------------------- files and options


WRONG_FILES = {
    'misspelt.py': (
        f"{SHORT}optim_wraper = dict(optimizer=dict(type='SGD'))\n",
        "'optim_wraper'.*'optim_wrapper'",
    ),
    'unread.py': (f'{SHORT}train_datalaoder = 1', "'train_datalaoder'.*'train_dataloader'"),
    'lrr.py': (f'{SHORT}optim_wrapper = dict(optimizer=dict(lr=1))\nlrr = 0.1', "'lrr'.*'lr'"),
    'syntax.py': ('model = dict(', 'syntax.py is not a valid config: SyntaxError'),
    'raises.py': ('\nmodel = 1 / 0', 'raises.py, line 2, is not a valid config: ZeroDivisionError'),
    'exits.py': ('raise SystemExit(0)', 'exits.py.*SystemExit'),
    'base.py': ("_base_ = 'nowhere.py'", 'base.py: .*nowhere.py'),
    'loop.py': ("_base_ = 'loop.py'", 'loop.py'),
    'import.py': ("custom_imports = dict(imports=['no_such_module'])", 'no_such_module'),
    'bytes.py': (b'\xff\xfe\x00', 'bytes.py'),
    'list.yaml': ('- 1\n- 2\n', 'list.yaml is not a valid config: it holds list'),
    'text.yml': ('just words', 'text.yml is not a valid config: it holds str'),
    'empty.yaml': ('', 'empty.yaml is not a valid config: it holds NoneType'),
    'broken.json': ('{"model": ', 'broken.json is not a valid config: JSONDecodeError'),
    'table.txt': ('a 1', 'table.txt'),
}


@pytest.mark.parametrize('name', WRONG_FILES)
def test_a_file_that_is_no_config_is_one_line(name, tmp_path):
    content, said = WRONG_FILES[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ValueError, OSError), match=said) as error:
        read_config(tmp_path / name)
    line_of(error)


def test_an_empty_config_has_no_model(tmp_path):
    (tmp_path / 'empty.py').write_text('')
    with pytest.raises(ValueError, match='empty.py has no model'):
        check_config(read_config(tmp_path / 'empty.py'))


def test_variables_that_the_file_uses_are_no_misspelt_keys(tmp_path):
    text = f'{SHORT}train_dataloders = dict(batch_size=2)\ntrain_dataloader = dict(**train_dataloders)\n'
    (tmp_path / 'used.py').write_text(text)
    assert read_config(tmp_path / 'used.py').train_dataloader.batch_size == 2


def options(*words: str) -> dict:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return parser.parse_args(['--cfg-options', *words]).cfg_options


def test_options_take_lists_and_dicts_as_python_writes_them():
    backends = [
        dict(type='LocalVisBackend'),
        dict(type='WandbVisBackend', init_kwargs=dict(project='p', tags=[1])),
    ]
    wandb = "{'type': 'WandbVisBackend', 'init_kwargs': dict(project='p', tags=[1])}"
    text = f"[dict(type='LocalVisBackend'), {wandb}]"
    assert options(f'a.b={text}', 'c=[1,(2,x)]', 'd=None', 'e=true', 'f=a=b', 'g=-1e-3') == {
        'a.b': backends, 'c': [1, (2, 'x')], 'd': None, 'e': True, 'f': 'a=b', 'g': -1e-3
    }  # fmt: skip
    cfg = read_config(CONFIG, options(f'visualizer.vis_backends={text}'))
    assert cfg.visualizer.vis_backends == backends


@pytest.mark.parametrize(
    ('option', 'said'),
    {
        'novalue': 'write key=value',
        'a=[dict(type=A)]': 'as in Python',
        "a=[dict(type='A'": 'as in Python',
        'a=[1,(2]': 'brackets',
        'lrr=3': "nothing reads the key 'lrr'; did you mean 'lr'",
        'optim_wraper.optimizer.lr=3': "'optim_wraper'; did you mean 'optim_wrapper'",
        "vis_backends=[dict(type='TensorboardVisBackend')]": 'set visualizer.vis_backends instead',
        'param_scheduler.7.T_max=3': 'param_scheduler.7.T_max.*Index 7',
        'model.backbone.arch.depth.more=3': 'model.backbone.arch.depth.more',
    }.items(),
)
def test_an_option_that_changes_nothing_or_cannot_be_read_is_refused(option, said):
    with pytest.raises(ValueError, match=said) as error:
        read_config(CONFIG, options(option))
    line_of(error)


# ------------------------------------------------------------------------------- building and running


@METRICS.register_module()
class BrokenMetric(BaseMetric):
    """Fails with an error from a bug."""

    def __init__(self, fails: str) -> None:
        super().__init__()
        if fails == 'when built':
            raise TypeError('built wrongly')

    def process(self, data_batch, data_samples) -> None:
        raise TypeError('a fault of the code')

    def compute_metrics(self, results) -> dict: ...


@HOOKS.register_module()
class UnpreparedHook(Hook):
    """Rejects its arguments before training."""

    def before_train(self, runner) -> None:
        raise KeyError('nothing to prepare')


def test_an_error_of_building_names_its_key_and_one_of_running_passes(tmp_path, in_miniature_folder):
    def cfg(fails: str) -> Config:
        metrics = [dict(type='Accuracy'), dict(type='BrokenMetric', fails=fails)]
        found = running.miniature('zero_shot', tmp_path, test_evaluator=metrics)
        found.launcher = 'none'
        return found

    with pytest.raises(ValueError, match=r'^test_evaluator.1 \(BrokenMetric\): TypeError: built wrongly'):
        apis.test(cfg('when built'))
    with pytest.raises(TypeError, match='a fault of the code'):
        apis.test(cfg('when run'))


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(model__cls_head__text_prompt__depth=99), r'model.cls_head.text_prompt'),
        (dict(model__cls_head__average_clips=None), "average_clips=None: give 'prob' or 'score'"),
        (
            dict(custom_hooks=[dict(type='UnpreparedHook')]),
            r'custom_hooks.0 \(UnpreparedHook\): .*nothing to',
        ),
        (
            dict(default_hooks__checkpoint__save_best='acc/top7'),
            "save_best='acc/top7': validation gives acc/mean1",
        ),
        (dict(randomness=dict(seed='one')), "randomness.seed='one'"),
        (
            dict(train_dataloader__dataset__dataset__data_prefix=dict(video=3)),
            'train_dataloader.dataset.dataset.*data_prefix.video=3',
        ),
    ],
)
def test_what_only_building_finds_is_one_line_with_the_key(change, said, tmp_path, in_miniature_folder):
    cfg = running.miniature('deep_prompts', tmp_path, **change)
    cfg.launcher = 'none'
    with pytest.raises(ValueError, match=said) as error:
        apis.train(cfg)
    line_of(error)


def test_a_prefix_that_is_no_folder():
    with pytest.raises(ValueError, match=r'data_prefix.video=\[\]: give a folder'):
        ActionVideoDataset('list.txt', [], ['a'], 'base', data_prefix=dict(video=[]), lazy_init=True)


@pytest.mark.parametrize(
    ('content', 'options', 'weights'),
    [
        ("dict(type='OpenCLIP', weights='openai')", {'model.backbone.pretrained': 'random'}, 'random'),
        ("dict(type='OpenCLIP', pretrained='openai')", {'model.backbone.weights': 'random'}, 'random'),
        ("dict(type='OpenCLIP', weights='openai', pretrained=None)", {}, None),
        ("dict(type='ga2mm.OpenCLIP', pretrained='openai')", {}, 'openai'),
    ],
)
def test_pretrained_of_a_clip_is_read_as_weights(content, options, weights, tmp_path):
    (tmp_path / 'a.py').write_text(f'model = dict(backbone={content})\n')
    backbone = read_config(tmp_path / 'a.py', options).model.backbone
    assert backbone.weights == weights
    assert 'pretrained' not in backbone


def test_pretrained_of_other_backbones_stays(tmp_path):
    (tmp_path / 'a.py').write_text("model = dict(backbone=dict(type='ResNet', pretrained='a.pth'))\n")
    assert read_config(tmp_path / 'a.py').model.backbone == dict(type='ResNet', pretrained='a.pth')
