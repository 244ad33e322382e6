"""Every config of a model: training steps and a test step on the miniature CLIP.

Benchmarks are read by their planner in ``tests/benchmark/test_benchmark.py``.
"""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from ga2mm.apis.run import learns
from ga2mm.models import OpenCLIP
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from ga2mm.structures import get_scores
from tests.helpers import running
from tests.helpers.configs import CONFIGS, MODEL_CONFIGS, name_of
from tests.helpers.devices import FAR, Copies, far_device
from tests.helpers.models import make_clips, make_samples

LEARNERS = (
    'coop', 'cocoop', 'vpt_shallow', 'vpt_deep', 'ivlp', 'maple', 'promptsrc', 'attriprompt', 'vificlip',
    'froster',
)  # fmt: skip
METHODS = {
    'miniature.py': (*LEARNERS, 'zero_shot_ensemble'),
    'miniature_plus_ga2.py': LEARNERS,
    'plus_ga2_vit_b16.py': LEARNERS,
}
"""The methods that ``GA2MM_METHOD`` chooses, by the name of a file."""
RUNS = [(path, method) for path in MODEL_CONFIGS for method in METHODS.get(path.name, (None,))]
DATASETS, PROTOCOLS = ('ucf101', 'hmdb51', 'ssv2', 'k400'), ('base2novel', 'fewshot')
NAMES = ['circle rising', 'square falling', 'ring_spinning', 'star glowing']


@pytest.fixture(scope='module')
def miniature() -> OpenCLIP:
    """The frozen CLIP that replaces the CLIP of every config."""
    return OpenCLIP('miniature', 'random')


def on_the_miniature(cfg: Config, clip: OpenCLIP, folder: Path) -> dict:
    """The model of a config on the miniature CLIP, with prompts that fit its towers."""
    model = cfg.model.to_dict()
    model['backbone'].update(arch='miniature', pretrained='random')
    layers = dict(vision_prompt=clip.vision_layers, text_prompt=clip.text_layers)
    for name, most in layers.items():
        prompt = model['cls_head'].get(name)
        if prompt is None:
            continue
        if 'depth' in prompt:
            prompt['depth'] = min(prompt['depth'], most)
    coupling = model['cls_head'].get('coupling')
    if coupling is not None:
        coupling['hard_prompt'] = str(folder / 'hard_prompt.safetensors')
        length = model['cls_head']['text_prompt'].get('length', 4)  # a retrieval's default is 4
        vectors = torch.randn(length, clip.text_width)
        write_hard_prompt(coupling['hard_prompt'], vectors, clip.identity, 'test')
    model['cls_head']['class_names'] = NAMES
    return model


def make_batch(cfg: Config) -> dict:
    """Four labelled clips of two frames, and an anchor where the config draws some."""
    has_anchors = 'batch_sampler' in cfg.train_dataloader
    samples = make_samples(0, 1, 2, 3, *[None] * has_anchors)
    clips = make_clips(len(samples)).mul(40).add(128).clamp(0, 255).byte()
    return dict(inputs=list(clips), data_samples=samples)


def first_step(name: str) -> int:
    """The training step, counted from 1, by which a parameter has a gradient.

    The second layer of a residual starts at zero. At the start, features equal those of the frozen CLIP, so
    their distance is zero and has no gradient. The gradient reaches the first layer one step later.
    """
    return 2 if 'residual.2' in name else 3 if 'residual.0' in name else 1


def test_a_user_finds_the_config_by_its_name():
    """Few files; each starts with a comment with its purpose and, if it can be run, its command."""
    paths = list(CONFIGS.rglob('*.py'))
    assert len(paths) <= 64
    for path in paths:
        if path.name == 'default_runtime.py':
            continue
        header = re.match('(#.*\n)+', path.read_text())
        assert header, path
        if '_base_' not in path.parts and path.stem != 'demo':  # its command is `make demo`
            assert re.search(f'^#   (.* )?(python tools|tools)/.*{path.name}', header[0], re.MULTILINE), path


@pytest.mark.parametrize(('path', 'method'), RUNS, ids=name_of)
def test_a_config_learns_and_answers(path, method, miniature, tmp_path):
    cfg = running.read_config(path, method)
    assert cfg.default_scope == 'ga2mm'
    assert Config.fromstring(cfg.pretty_text, '.py').to_dict() == cfg.to_dict()
    torch.manual_seed(0)
    model = MODELS.build(on_the_miniature(cfg, miniature, tmp_path))
    assert learns(model) == ('zero_shot' not in (method or path.stem))
    if learns(model):
        # Some rates are too low to see one step, and weight decay changes parameters without gradient.
        cfg.optim_wrapper.optimizer.update(lr=1e-2, weight_decay=0)
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        learnt = {name for name, value in model.named_parameters() if value.requires_grad}
        for step in range(1, max(map(first_step, learnt)) + 1):
            logged = model.train().train_step(make_batch(cfg), optim_wrapper)
            assert all(torch.isfinite(value).all() for value in logged.values()), logged
            values = dict(model.named_parameters())
            moved = {name for name, value in before.items() if not torch.equal(values[name], value)}
            assert {name for name in learnt if first_step(name) <= step} <= moved <= learnt

    batch = make_batch(cfg)
    batch = {key: values[:4] for key, values in batch.items()}  # a test has no anchors
    with torch.no_grad():
        predictions = model.eval().test_step(batch)
    scores = torch.stack([get_scores(prediction) for prediction in predictions])
    assert scores.shape == (4, 4)
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(4))


@pytest.mark.parametrize(('path', 'method'), RUNS, ids=name_of)
def test_a_step_does_not_wait_for_the_gpu(path, method, miniature, tmp_path):
    cfg = running.read_config(path, method)
    model = MODELS.build(on_the_miniature(cfg, miniature, tmp_path))
    if not learns(model):
        return
    cfg.optim_wrapper.pop('clip_grad', None)  # MMEngine logs the norm, which it reads in each step
    with far_device():
        model.to(FAR)
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        batch = make_batch(cfg)
        model.train().train_step(batch, optim_wrapper)  # arranges the texts on the CPU
        with Copies() as copies:
            model.train_step(batch, optim_wrapper)
    clips = len(batch['inputs'])
    assert copies.made[:clips] == [(torch.uint8, 3 * 2 * 32 * 32, False)] * clips
    assert all(dtype == torch.int64 and not blocks for dtype, _, blocks in copies.made[clips:])


def of_all_datasets() -> list[Path]:
    return [path for path in MODEL_CONFIGS if path.parent.name != 'ga2' and 'miniature' not in path.stem]


@pytest.mark.parametrize('path', of_all_datasets(), ids=name_of)
def test_a_config_takes_dataset_and_protocol_from_the_environment(path, monkeypatch):
    for dataset in DATASETS:
        for protocol in PROTOCOLS:
            monkeypatch.setenv('GA2MM_DATASET', dataset)
            monkeypatch.setenv('GA2MM_PROTOCOL', protocol)
            cfg = Config.fromfile(path)
            folder = dict(ssv2='sthv2', k400='kinetics400').get(dataset, dataset)
            assert cfg.data_root == f'data/{folder}/'
            assert set(cfg.test_dataloader) == ({'all'} if protocol == 'fewshot' else {'base', 'novel'})
            assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs
