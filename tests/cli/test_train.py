"""The commands from a folder of videos to a model file, as a user calls them."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ga2mm.apis import own_config
from ga2mm.apis.frame_features import with_frame_features
from ga2mm.apis.model_file import read_model_file
from ga2mm.cli import main
from ga2mm.engine import latest_checkpoint, read_checkpoint
from tests.helpers import running
from tests.helpers.own_videos import write_class_folders


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A folder with ``my videos``, in which commands are called; an epoch has one step."""
    write_class_folders(tmp_path / 'my videos')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_config, 'STEPS', 1)
    return tmp_path


def ga2mm(monkeypatch, *args: object) -> int | str | None:
    """Call the command in this process and give its exit status or its one line of error."""
    monkeypatch.setattr(sys, 'argv', ['ga2mm', *map(str, args)])
    with pytest.raises(SystemExit) as done:
        main()
    return done.value.code


def error_of(monkeypatch, *args: object) -> str:
    line = ga2mm(monkeypatch, *args)
    assert isinstance(line, str) and line.startswith('error: ') and '\n' not in line, line
    return line


@pytest.mark.slow
def test_from_a_folder_to_a_model_file(in_folder, monkeypatch, capfd):
    (in_folder / 'my videos' / '打篮球' / 'clip 9.mp4').write_text('no video')
    (in_folder / 'my videos' / '打篮球' / 'notes.txt').touch()
    novel = '打篮球, "Juggling, three balls"'
    options = ['--shots', 2, '--novel', novel, '--preset', 'miniature', '--out', 'a run']
    assert not ga2mm(monkeypatch, 'train', 'my videos', *options)
    printed = capfd.readouterr()
    assert 'my videos: 4 classes, 16 videos of 16 recordings' in printed.out
    assert 'clip 9.mp4: cannot be opened' in printed.out
    assert 'not used, since they are not videos: 打篮球/notes.txt' in printed.out
    assert 'method: promptsrc: self-consistency' in printed.out
    assert len(printed.out.splitlines()) < 20  # MMEngine's lines are in the log
    assert '\x1b' not in printed.out  # no colours in a file

    run = in_folder / 'a run'
    lists = {path.name: path.read_text().splitlines() for path in (run / 'lists').glob('*.txt')}
    assert {name: len(lines) for name, lines in lists.items()} == {
        'train.txt': 4,
        'base.txt': 4,
        'novel.txt': 8,
    }
    sets = json.loads((run / 'test_metrics.json').read_text())['sets']
    assert sets['novel']['class_names'] == ['juggling, three balls', '打篮球']
    named = read_model_file(run / 'a run.ga2').classes
    assert named == ('Fußball spielen', 'tai-chi (slow)', 'juggling, three balls', '打篮球')
    assert 'Epoch(train)' in (run / 'output.log').read_text()
    report = (run / 'report.html').read_text()
    assert '打篮球' in report and 'base classes (trained)' in report

    (run / 'test_metrics.json').unlink()
    (run / 'report.html').unlink()
    assert not ga2mm(monkeypatch, 'test', run)
    assert json.loads((run / 'test_metrics.json').read_text())['sets'] == sets
    assert 'a run exists' in error_of(monkeypatch, 'train', 'my videos', *options)


@pytest.mark.slow
def test_anchors_join(in_folder, monkeypatch, capfd):
    write_class_folders(in_folder / 'others', classes=('x', 'y'))
    options = ['--preset', 'miniature', '--anchors', 'others', '--out', 'run']
    assert not ga2mm(monkeypatch, 'train', 'my videos', *options)
    assert 'method: ivlp: deep prompts with anchors' in capfd.readouterr().out
    assert 'loss_anchor_FeatureConsistency' in (in_folder / 'run' / 'output.log').read_text()


@pytest.mark.slow
def test_two_processes_share_the_batches_of_one(in_folder, monkeypatch, capfd):
    options = ['--preset', 'miniature', '--device', 'cpu']
    assert not ga2mm(monkeypatch, 'train', 'my videos', *options, '--out', 'one')
    assert not ga2mm(monkeypatch, 'train', 'my videos', *options, '--out', 'two', '--processes', 2)
    assert len(capfd.readouterr().out.splitlines()) < 40  # what the processes print is in their log
    assert 'Epoch(train)' in (in_folder / 'two' / 'processes.log').read_text()
    one, two = (read_checkpoint(latest_checkpoint(in_folder / run))['state_dict'] for run in ('one', 'two'))
    prompts = [name for name in one if name.endswith('soft_prompt')]
    assert prompts
    for name in prompts:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(in_folder, monkeypatch):
    options = ['--preset', 'miniature', '--method', 'coop']
    assert not ga2mm(monkeypatch, 'train', 'my videos', *options, '--out', 'whole')
    interrupted = in_folder / 'interrupted'
    shutil.copytree(in_folder / 'whole' / 'lists', interrupted / 'lists')
    text = (in_folder / 'whole' / 'config.py').read_text()
    (interrupted / 'config.py').write_text(text.replace('interval=12', 'interval=1'))
    cfg = Config(running.read_config(interrupted / 'config.py').to_dict())  # without its name, to write there
    cfg = with_frame_features(cfg, in_folder / 'frame_features')
    cfg.work_dir = str(interrupted)
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    running.train_until(cfg, epochs=5)

    given = ['--resume', '--out', 'interrupted']
    assert 'interrupted is a run on' in error_of(monkeypatch, 'train', 'other videos', *given)
    assert not ga2mm(monkeypatch, 'train', 'my videos', *given)
    assert 'resumed epoch: 5' in running.log_in(interrupted)
    whole, resumed = (read_model_file(in_folder / run / f'{run}.ga2') for run in ('whole', 'interrupted'))
    assert resumed.classes == whole.classes
    for name, value in whole.tensors.items():
        torch.testing.assert_close(resumed.tensors[name], value)


def test_resume_needs_a_run_of_the_same_videos_and_no_other_options(in_folder, monkeypatch):
    assert 'has no run to continue' in error_of(monkeypatch, 'train', 'my videos', '--resume')
    assert '--shots: --resume' in error_of(monkeypatch, 'train', 'my videos', '--resume', '--shots', 2)


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        (['--processes', '0'], 'give 1 or more'),
        (['--processes', '3'], '16 clips a step cannot be shared equally; give one of 1, 2, 4, 8, 16'),
        (['--novel', 'tai chi slov'], r"did you mean 'tai-chi \(slow\)'"),
        (['--novel', '"a'], 'check the double quotes'),
        (['--shots', '4'], 'for 4 shots'),
        (['--method', 'ga3'], 'choose one of attriprompt'),
        (['--preset', 'quick'], 'choose one of fast'),
        (['--device', 'gpu'], 'give cpu, cuda or cuda:N'),
        (['--hard-prompt', 'none.safetensors'], 'no such file'),
        (['--anchors', 'none'], 'no such folder'),
        (['--preset', 'fast', '--clip', 'none.pt'], 'neither a file nor a tag of ViT-B-32-quickgelu'),
        (['--preset', 'fast', '--clip', 'ViT-X:openai'], "OpenCLIP knows no 'ViT-X'"),
    ],
)
def test_a_wrong_option_ends_in_one_line_and_leaves_nothing(in_folder, monkeypatch, options, problem):
    given = ['--preset', 'miniature', '--out', 'runs/run', *options]
    assert re.search(problem, error_of(monkeypatch, 'train', 'my videos', *given))
    assert not [*Path('runs').glob('*'), *Path('runs').glob('.*')]


def test_check_shows_classes_and_unreadable_files(in_folder, monkeypatch, capfd):
    (in_folder / 'my videos' / '打篮球' / 'clip 9.mp4').write_text('no video')
    assert not ga2mm(monkeypatch, 'check', 'my videos')
    lines = [' '.join(line.split()) for line in capfd.readouterr().out.splitlines()]
    assert lines[:2] == ['class videos recordings unreadable', 'Fußball spielen 4 4 0']
    assert lines[4] == '打篮球 5 5 1'
    assert lines[5].startswith('unreadable: my videos/打篮球/clip 9.mp4: cannot be opened')


def test_check_of_a_folder_without_a_readable_video(tmp_path, monkeypatch):
    for name in ('a/1.mp4', 'a/2.mp4', 'b/1.mp4', 'b/2.mp4'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('no video')
    assert 'none of the 4 files can be read' in error_of(monkeypatch, 'check', tmp_path)


@pytest.mark.parametrize(
    ('kind', 'line'),
    [
        ('methods', 'maple MaPLe (arXiv 2210.03117)'),
        ('models', 'zoo/maple_vit_b16.py MaPLe (arXiv 2210.03117)'),
        ('datasets', 'VideoFolderDataset Videos as'),
        ('clips', 'ViT-B-16-quickgelu:openai'),
    ],
)
def test_list(monkeypatch, capfd, kind, line):
    assert not ga2mm(monkeypatch, 'list', kind)
    assert line in ' '.join(capfd.readouterr().out.split())
