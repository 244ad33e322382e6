"""The command line tools: their output, and their error lines for missing files."""

import json
import sys

import pytest
import torch
from safetensors import safe_open

from ga2mm.utils import one_line_errors
from tests.helpers import running
from tests.helpers.running import finish, miniature, start, tool, train

CONFIG = running.CONFIGS / 'miniature_ga2.py'
ZERO_SHOT = running.CONFIGS / 'miniature_zero_shot.py'
UNTRAINED = 'model.backbone.pretrained=random'
SHORT = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
IN_PROCESS = ['test_dataloader.base.num_workers=0', 'test_dataloader.novel.num_workers=0']

pytestmark = pytest.mark.usefixtures('in_miniature_folder')


@pytest.fixture(scope='module')
def checkpoint(miniature_folder):
    """A checkpoint of one epoch of the full method."""
    work_dir = miniature_folder / 'work_dirs' / 'tools'
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(miniature_folder)
        train(miniature('ga2', work_dir))
    return work_dir / 'epoch_1.pth'


def error_of(name: str, *args) -> str:
    """The error line of a tool."""
    with pytest.raises(SystemExit) as error:
        tool(name, *args)
    line = str(error.value)
    assert line.startswith('error: ') and '\n' not in line, line
    return line


@pytest.mark.slow
def test_train_and_test_from_the_shell(tmp_path, in_miniature_folder):
    trained = tmp_path / 'trained'
    options = ['--cfg-options', UNTRAINED, *SHORT]
    finish(
        start(
            *(sys.executable, running.ROOT / 'tools/train.py', CONFIG, '--work-dir', trained),
            *('--seed', 0, '--amp', *options),
            cwd=in_miniature_folder,
        )
    )
    output = finish(
        start(
            *(sys.executable, running.ROOT / 'tools/test.py', CONFIG, trained / 'epoch_1.pth'),
            *('--work-dir', tmp_path / 'tested', '--dump', tmp_path / 'dump.pkl', '--cfg-options', UNTRAINED),
            cwd=in_miniature_folder,
        )
    )
    assert '| HM |' in output
    assert set(json.loads((tmp_path / 'tested/test_metrics.json').read_text())['top1_percent']) == {
        f'{protocol}{name}' for protocol in ('', 'generalized/') for name in ('base', 'novel', 'hm')
    }
    assert {'dump_base.pkl', 'dump_novel.pkl'} < {path.name for path in tmp_path.glob('*.pkl')}


def test_resume_takes_the_latest_checkpoint(tmp_path, checkpoint):
    options = dict(val_dataloader=None, val_cfg=None, val_evaluator=None)
    cfg = miniature('ga2', tmp_path, epochs=2, default_hooks__checkpoint__interval=1, **options)
    running.train_until(cfg, 1)
    tool(
        *(
            'train.py',
            CONFIG,
            '--work-dir',
            tmp_path,
            '--resume',
            '--no-validate',
            '--seed',
            0,
            '--cfg-options',
        ),
        *(UNTRAINED, 'train_cfg.max_epochs=2', 'train_dataloader.num_workers=0'),
        'train_dataloader.persistent_workers=False',
    )
    log = '\n'.join(path.read_text() for path in tmp_path.glob('*/*.log'))
    assert 'resumed epoch: 1, iter: 2' in log and 'Epoch(train) [2][2/2]' in log


def test_amp_and_another_optimizer_wrapper_are_refused(tmp_path):
    options = ['--cfg-options', UNTRAINED, 'optim_wrapper.type=ApexOptimWrapper']
    assert 'ApexOptimWrapper' in error_of('train.py', CONFIG, '--amp', '--work-dir', tmp_path, *options)


def test_missing_checkpoint(tmp_path):
    line = error_of(
        'test.py',
        CONFIG,
        tmp_path / 'no.pth',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        UNTRAINED,
        *IN_PROCESS,
    )
    assert f'{tmp_path}/no.pth' in line


def test_missing_config(tmp_path):
    assert 'no_such_config.py' in error_of('train.py', 'no_such_config.py', '--work-dir', tmp_path)


def test_missing_annotation_file(tmp_path):
    key = 'train_dataloader.dataset.dataset.ann_file=no_such_list.txt'
    line = error_of('train.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, key)
    assert 'no_such_list.txt' in line


def test_missing_hard_prompt(tmp_path):
    key = 'model.cls_head.coupling.hard_prompt=no_such_prompt.safetensors'
    line = error_of('train.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, key)
    assert 'no_such_prompt.safetensors' in line and 'tools/convert/hard_prompt.py' in line


@pytest.mark.parametrize(
    'option, named',
    {
        'model.cls_head.coupling.droput=0.1': ('HardPromptCoupling', "'droput'", "'dropout'"),
        'model.cls_head.tempalte=a': ('CoupledPromptHead', "'tempalte'", "'template'"),
        'model.anchors.negtives=1': ('AnchorArguments', "'negtives'", "'negatives'"),
        'model.cls_head.text_prompt.type=DepPrompt': ("'DepPrompt'", 'registry', "'DeepPrompt'"),
    }.items(),
)
def test_misspelt_key_or_type(option, named, tmp_path):
    line = error_of('train.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, option)
    assert all(word in line for word in (option.split('=')[0].rpartition('.')[0], *named)), line


def test_errors_of_ours_keep_their_traceback():
    with pytest.raises(TypeError, match='len'), one_line_errors():
        len(3)
    with pytest.raises(KeyError), one_line_errors():
        {}['absent']


def test_checkpoint_of_another_clip(tmp_path, checkpoint):
    state = torch.load(checkpoint, weights_only=False)
    state['state_dict']['backbone._extra_state'] = torch.tensor(list(b'ViT-B-16 0123456789abcdef')).byte()
    torch.save(state, tmp_path / 'other.pth')
    line = error_of(
        *('test.py', CONFIG, tmp_path / 'other.pth', '--work-dir', tmp_path),
        *('--cfg-options', UNTRAINED, *IN_PROCESS),
    )
    assert "'ViT-B-16 0123456789abcdef'" in line and 'set model.backbone' in line


def test_zero_shot_needs_no_checkpoint(tmp_path):
    tool('test.py', ZERO_SHOT, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, *IN_PROCESS)
    report = json.loads((tmp_path / 'test_metrics.json').read_text())
    assert report['top1_percent'].keys() >= {'base', 'novel', 'hm'} and report['checkpoint'] is None


def test_prompts_need_a_checkpoint(tmp_path):
    line = error_of('test.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, *IN_PROCESS)
    assert 'give the checkpoint to test' in line


def test_zero_shot_config_has_nothing_to_train(tmp_path):
    assert 'nothing' in error_of('train.py', ZERO_SHOT, '--work-dir', tmp_path, '--cfg-options', UNTRAINED)


def test_dump_must_be_a_pickle_file(tmp_path):
    assert '.pkl' in error_of('test.py', ZERO_SHOT, '--dump', 'dump.json', '--work-dir', tmp_path)


def test_export_hard_prompt(tmp_path, checkpoint, capsys):
    out = tmp_path / 'deep' / 'prompt.safetensors'
    tool('convert/hard_prompt.py', checkpoint, out)
    assert 'hard prompt of 4 tokens of width 96' in capsys.readouterr().out
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    with safe_open(out, framework='pt') as file:
        assert torch.equal(file.get_tensor('hard_prompt'), state['cls_head.text_prompt.soft_prompt'][0])
        assert file.metadata()['clip_identity'] == bytes(state['backbone._extra_state'].tolist()).decode()
    train(miniature('ga2', tmp_path / 'run', model__cls_head__coupling__hard_prompt=str(out)))


@pytest.mark.parametrize('content', [b'', b'not a checkpoint', None], ids=['empty', 'text', 'missing'])
def test_export_from_no_checkpoint(content, tmp_path):
    path = tmp_path / 'broken.pth'
    if content is not None:
        path.write_bytes(content)
    assert 'broken.pth' in error_of('convert/hard_prompt.py', path, tmp_path / 'prompt.safetensors')
    assert not list(tmp_path.glob('*prompt*'))


@pytest.mark.parametrize('content', [b'', b'no checkpoint at all', b'PK\x03\x04 broken'], ids=repr)
def test_a_damaged_checkpoint_is_one_line(content, tmp_path):
    path = tmp_path / 'damaged.pth'
    path.write_bytes(content)
    options = ['--work-dir', tmp_path, '--cfg-options', UNTRAINED, *IN_PROCESS]
    assert 'damaged.pth is not a checkpoint' in error_of('test.py', CONFIG, path, *options)


def test_training_on_test_videos_is_refused(tmp_path, in_miniature_folder):
    tested = in_miniature_folder / 'data/miniature/mild/draw0/base_test.txt'
    option = f'train_dataloader.dataset.dataset.ann_file={tested}'
    line = error_of('train.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', UNTRAINED, option)
    assert '24 videos are in both the training list' in line and 'the test list' in line
