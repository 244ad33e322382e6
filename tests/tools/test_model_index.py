"""Metafiles, the READMEs of methods and ``projects/ga2_clip``: what they say is current and true."""

import re
import runpy
import shutil
import sys
from operator import itemgetter
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.config.utils import _get_cfg_metainfo

from tests.helpers import running
from tests.helpers.running import ROOT

PROJECT, check = itemgetter('PROJECT', 'check')(runpy.run_path(str(ROOT / 'tools' / 'model_index.py')))
METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
MODELS = [model for name in METAFILES for model in yaml.safe_load((ROOT / name).read_text())['Models']]
PROJECT_CONFIGS = sorted((ROOT / PROJECT / 'configs').glob('*.py'))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the check reads."""
    for name in ('configs', 'projects'):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / 'model-index.yml', tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_metafiles_readmes_and_project_are_correct_and_current():
    assert check(ROOT) == []


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_a_model_has_the_epochs_and_clips_of_its_config(model):
    cfg = running.read_config(ROOT / model['Config'])
    metadata = model['Metadata']
    if 'Epochs' in metadata:
        assert metadata['Epochs'] == cfg.train_cfg.max_epochs
        assert metadata['Batch Size'] == cfg.train_dataloader.batch_size
    folder = {'UCF101': 'ucf101', 'HMDB51': 'hmdb51', 'Something-Something v2': 'sthv2'}
    dataset = model['Results'][0]['Dataset']
    assert cfg.data_root == f'data/{folder.get(dataset, dataset.replace("-", "").lower())}/'


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_a_published_figure_is_in_the_pages_on_published_figures(model):
    pages = [ROOT / 'docs' / name for name in ('results.md', 'experiments/published_figures.md')]
    text = '\n'.join(page.read_text() for page in pages)
    metrics = model['Results'][0]['Metrics']
    assert metrics['Top 1 Accuracy'] == 'not measured'
    figures = [
        str(value)
        for key, value in metrics.items()
        if key.startswith('Published ') and key != 'Published From'
    ]
    # Base, novel and HM are a cell of a table; few-shot has the figures of 2, 4, 8 and 16 shots in one.
    pattern = (
        ' / '.join(figures) if len(figures) == 3 else rf'(\d+\.\d / ){{3}}{figures[0]} ' if figures else ''
    )
    assert re.search(pattern, text), figures


def test_mmengine_reads_the_metafiles():
    meta = _get_cfg_metainfo(str(ROOT / 'ga2mm'), 'zoo/maple_vit_b16.py')
    assert meta['Name'] == 'maple_vit_b16'


@pytest.mark.parametrize('path', PROJECT_CONFIGS, ids=lambda path: path.stem)
def test_a_config_of_the_project_is_the_one_that_it_inherits_from(path, monkeypatch):
    base = re.search(r'/(ga2/\w+\.py)', path.read_text())[1]
    monkeypatch.syspath_prepend(str(ROOT / PROJECT))
    monkeypatch.delitem(sys.modules, 'models', raising=False)
    cfg = Config.fromfile(path).to_dict()
    monkeypatch.delitem(sys.modules, 'models')
    assert cfg.pop('custom_imports') == dict(imports='models')
    assert cfg == Config.fromfile(ROOT / 'configs' / base).to_dict()


def test_a_config_of_the_project_finds_our_configs_from_elsewhere(tmp_path, monkeypatch):
    path = shutil.copy(PROJECT_CONFIGS[0], tmp_path)
    monkeypatch.setenv('GA2MM_CONFIGS', str(ROOT / 'configs'))
    assert Config.fromfile(path, import_custom_modules=False).model.type == 'CLIPRecognizer'


def test_names_of_project_configs_say_clips_and_epochs():
    for path in PROJECT_CONFIGS:
        cfg = Config.fromfile(path, import_custom_modules=False)
        clips, epochs = cfg.train_dataloader.batch_size, cfg.train_cfg.max_epochs
        assert f'_8xb{clips}-u32-{epochs}e_' in path.name


GA2, GA2_README, ZOO = 'configs/ga2/metafile.yml', 'configs/ga2/README.md', 'configs/zoo/metafile.yml'
CONFIG = 'Config: configs/ga2/ucf101_base2novel.py'
CHANGES = [
    (GA2_README, '## Abstract', '## Summary', f'{GA2_README} needs <!-- [ALGORITHM] -->'),
    (
        GA2_README,
        '| 12 |',
        '| 13 |',
        f'{GA2_README} does not fit the metafiles: run python tools/model_index.py --write',
    ),
    (GA2_README, '<!-- end of models -->', '', f'{GA2_README} needs the lines'),
    (GA2, '96.8', '968', 'Published Base Accuracy of ucf101_base2novel is 968'),
    (GA2, 'not measured\n', 'soon\n', "Top 1 Accuracy of ucf101_base2novel is 'soon'"),
    (GA2, CONFIG, 'Config: other.py', 'Config of ucf101_base2novel must be configs/ga2/ucf101_base2novel.py'),
    (
        GA2,
        '  Results:',
        '  Weights: w.pth\n  Results:',
        'Weights of ucf101_base2novel must be a URL with https',
    ),
    (GA2, '  Results:', '  Other:', 'Results of ucf101_base2novel is not a list'),
    (GA2, 'Models:', 'Model:', f'{GA2}: its keys must be Collections, Models'),
    (ZOO, 'In Collection: CoOp', 'In Collection: COOP', 'collection COOP has no model, or is not defined'),
    ('model-index.yml', 'ga2/', 'ga3/', 'model-index.yml imports configs/ga3/metafile.yml: '),
    (f'{PROJECT}/metafile.yml', '96.8', '99.9', f'{PROJECT}/metafile.yml does not fit the metafiles'),
]


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'expected'), CHANGES, ids=[expected for *_, expected in CHANGES]
)
def test_a_mistake_is_a_line_that_names_it(name, old, new, expected, copy):
    change(copy / name, old, new)
    assert any(expected in error for error in check(copy)), check(copy)


def test_what_is_missing_or_misnamed_is_a_line_that_names_it(copy):
    (copy / 'configs/zoo/new_vit_b16.py').touch()
    (copy / 'configs/baselines/README.md').unlink()
    errors = check(copy)
    assert 'configs/zoo/metafile.yml lacks configs/zoo/new_vit_b16.py: add a model' in errors
    assert 'collection Deep prompts: there is no configs/baselines/README.md' in errors


def test_a_misnamed_config_of_the_project_is_a_line_that_names_it(copy):
    (copy / PROJECT / 'configs' / PROJECT_CONFIGS[0].name).rename(copy / PROJECT / 'configs' / 'ucf101.py')
    assert any(
        f'{PROJECT}/configs/ucf101.py: its name is not ga2-clip_MODEL' in error for error in check(copy)
    )


def test_write_mends_what_does_not_fit(copy):
    change(copy / GA2_README, '| 12 |', '| 13 |')
    change(copy / f'{PROJECT}/metafile.yml', '96.8', '99.9')
    assert len(check(copy)) == 2
    assert check(copy, write=True) == []
    assert (copy / GA2_README).read_text() == (ROOT / GA2_README).read_text()
