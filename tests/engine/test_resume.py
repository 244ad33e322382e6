"""Runs that are resumed, killed or reach NaN: nothing is lost, and no error is silent."""

import logging
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ga2mm.apis import classify, load
from ga2mm.apis import train as train_by_config
from ga2mm.engine import latest_checkpoint, read_checkpoint
from ga2mm.utils import replace_when_written
from tests.helpers import running
from tests.helpers.running import miniature, train, train_until

pytestmark = pytest.mark.usefixtures('in_miniature_folder')

OPTIONS = dict(
    epochs=2,
    default_hooks__checkpoint__interval=1,
    val_cfg=None,
    val_dataloader=None,
    val_evaluator=None,
)
KEY = 'cls_head.text_prompt.soft_prompt'


@pytest.fixture(scope='module')
def killed(miniature_folder) -> Path:
    """Work dir of a run of two epochs that stopped after the first."""
    work_dir = miniature_folder / 'work_dirs' / 'killed'
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(miniature_folder)
        train_until(miniature('deep_prompts', work_dir, **OPTIONS), 1)
    return work_dir


@pytest.fixture
def work_dir(killed, tmp_path) -> Path:
    """A copy of that work dir, whose ``last_checkpoint`` names the original."""
    return Path(shutil.copytree(killed, tmp_path / 'run'))


def resumed(work_dir: Path, checkpoint: Path | None = None, **options):
    """Resume the run of that folder."""
    load_from = None if checkpoint is None else str(checkpoint)
    return miniature('deep_prompts', work_dir, resume=True, load_from=load_from, **{**OPTIONS, **options})


# The schedule


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        (dict(epochs=3), r'train_cfg\.max_epochs 2, now 3; number of steps 4, now 6'),
        (dict(optim_wrapper__optimizer__lr=0.5), r'optim_wrapper\.optimizer\.lr .*, now 0\.5'),
        (dict(optim_wrapper__accumulative_counts=2), r'optim_wrapper\.accumulative_counts none, now 2'),
        (
            dict(train_dataloader__batch_size=4),
            r'clips a step .*train_dataloader\.batch_size x processes\) 16, now 4',
        ),
        (dict(param_scheduler=None), r'param_scheduler\.0\.'),
    ],
)
def test_another_schedule_is_refused_with_what_differs(options, named, work_dir):
    before = {path.name: path.read_bytes() for path in work_dir.glob('*.pth')}
    with pytest.raises(ValueError, match=named) as error:
        train(resumed(work_dir, work_dir / 'epoch_1.pth', **options))
    assert 'start a new run from its weights' in str(error.value)
    assert {path.name: path.read_bytes() for path in work_dir.glob('*.pth')} == before


def test_the_weights_alone_start_a_run_with_any_schedule(work_dir, tmp_path):
    cfg = resumed(tmp_path / 'new', work_dir / 'epoch_1.pth', epochs=1, optim_wrapper__optimizer__lr=0.5)
    cfg.resume = False
    assert train(cfg).epoch == 1


def test_a_checkpoint_that_does_not_say_its_schedule_is_resumed_with_a_warning(work_dir, caplog):
    content = read_checkpoint(work_dir / 'epoch_1.pth')
    del content['schedule']
    torch.save(content, work_dir / 'epoch_1.pth')
    runner = train(resumed(work_dir))
    assert runner.epoch == 2
    assert 'has no record of its schedule' in running.log_of(runner)


def test_accumulated_steps_count_in_the_scaled_rate(tmp_path):
    scaling = dict(enable=True, base_batch_size=24)

    def rate(name: str, **options) -> float:
        cfg = miniature(
            'deep_prompts', tmp_path / name, auto_scale_lr=scaling, param_scheduler=None, **OPTIONS
        )
        cfg.merge_from_dict({**options, 'train_cfg.max_epochs': 1, 'launcher': 'none'})
        runner = train_by_config(cfg)
        assert cfg.auto_scale_lr.base_batch_size == 24  # so that it can be trained again
        return runner.optim_wrapper.get_lr()['lr'][0]

    batch_size = {'train_dataloader.batch_size': 6}
    one = rate('one', **batch_size)
    assert rate('two', **{**batch_size, 'optim_wrapper.accumulative_counts': 2}) == pytest.approx(2 * one)


# The checkpoint to resume from


def test_a_copied_folder_is_resumed_from_its_own_checkpoint(work_dir, killed):
    assert (work_dir / 'last_checkpoint').read_text() == str(killed / 'epoch_1.pth')
    runner = train(resumed(work_dir))
    assert runner.epoch == 2 and (work_dir / 'epoch_2.pth').is_file()
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / 'epoch_2.pth')
    log = running.log_of(runner)
    assert f"last_checkpoint names '{killed}/epoch_1.pth'" in log and f'{work_dir}/epoch_1.pth' in log
    assert not (killed / 'epoch_2.pth').exists()


@pytest.mark.parametrize('note', ['', '\0\0\0', 'x' * 9999, 'a\0b', 'epoch_9.pth', '/gone/epoch_9.pth', None])
def test_without_a_valid_note_the_newest_readable_checkpoint_is_taken(note, work_dir, caplog):
    caplog.set_level(logging.WARNING)
    if note is None:
        (work_dir / 'last_checkpoint').unlink()
    else:
        (work_dir / 'last_checkpoint').write_text(note)
    content = (work_dir / 'epoch_1.pth').read_bytes()
    for number, (name, damaged) in enumerate(
        [('epoch_1.pth', False), ('epoch_2.pth', False), ('epoch_3.pth', True), ('epoch_4.pth', True)],
        start=1,
    ):
        (work_dir / name).write_bytes(content[: len(content) // 2] if damaged else content)
        os.utime(work_dir / name, (number, number))
    assert latest_checkpoint(work_dir) == work_dir / 'epoch_2.pth'


def test_a_newer_checkpoint_than_the_noted_one_is_taken(work_dir):
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_1.pth'))
    shutil.copy(work_dir / 'epoch_1.pth', work_dir / 'epoch_2.pth')
    os.utime(work_dir / 'epoch_1.pth', (1, 1))
    os.utime(work_dir / 'epoch_2.pth', (2, 2))
    assert latest_checkpoint(work_dir) == work_dir / 'epoch_2.pth'
    os.utime(work_dir / 'epoch_2.pth', (0, 0))  # left by an earlier run in this folder
    assert latest_checkpoint(work_dir) == work_dir / 'epoch_1.pth'


def test_without_any_checkpoint_training_starts_anew(tmp_path):
    runner = train(resumed(tmp_path))
    assert runner.epoch == 2
    assert 'has no checkpoint to resume' in running.log_of(runner)


def test_checkpoints_none_of_which_can_be_read_are_not_trained_over(work_dir):
    (work_dir / 'epoch_1.pth').write_bytes(b'damaged')
    with pytest.raises(ValueError, match='none of the 1 checkpoints .* can be read'):
        train(resumed(work_dir))
    assert (work_dir / 'epoch_1.pth').read_bytes() == b'damaged'


def test_a_finished_run_says_that_nothing_is_left(work_dir):
    train(resumed(work_dir))
    before = (work_dir / 'epoch_2.pth').read_bytes()
    assert 'nothing is left to train' in running.log_of(train(resumed(work_dir)))
    assert (work_dir / 'epoch_2.pth').read_bytes() == before


def test_an_address_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match='http://localhost/epoch_1.pth is not a file: download'):
        train(resumed(tmp_path, 'http://localhost/epoch_1.pth'))


STATES = {
    'epoch': lambda content: content['meta'].update(epoch='1'),
    'seed': lambda content: content['meta'].update(seed='one'),
    'message_hub': lambda content: content.update(message_hub=[]),
    'keep_ckpt_ids': lambda content: content['message_hub']['runtime_info'].update(keep_ckpt_ids=['../../x']),
    'optimizer is missing': lambda content: content.update(optimizer=None),
    'optimizer': lambda content: content['optimizer']['state'][0].pop('exp_avg'),
    'of another model': lambda content: content['optimizer']['state'][0].update(exp_avg=torch.zeros(2)),
    'damaged': lambda content: content['optimizer']['param_groups'][0].update(lr=float('nan')),
    'schedulers of the config': lambda content: content.update(param_schedulers=[{}, {}]),
}


@pytest.mark.parametrize('problem', STATES)
def test_a_state_that_cannot_be_resumed_is_one_line(problem, work_dir):
    content = read_checkpoint(work_dir / 'epoch_1.pth')
    STATES[problem](content)
    torch.save(content, work_dir / 'epoch_1.pth')
    with pytest.raises(ValueError, match=f'epoch_1.pth cannot be resumed, .*{problem}'):
        train(resumed(work_dir, work_dir / 'epoch_1.pth'))


@pytest.mark.parametrize('name', ['train.py', 'test.py', 'convert/hard_prompt.py', 'analysis/tsne.py'])
def test_every_tool_refuses_a_damaged_checkpoint_in_one_line(name, work_dir, tmp_path):
    path, content = tmp_path / 'flipped.pth', bytearray((work_dir / 'epoch_1.pth').read_bytes())
    values = read_checkpoint(work_dir / 'epoch_1.pth')['state_dict'][KEY].numpy().tobytes()
    content[content.index(values[:64]) + 3] ^= 64
    path.write_bytes(content)
    config = running.CONFIGS / 'miniature_deep_prompts.py'
    options = ['--cfg-options', 'model.backbone.pretrained=random', 'train_dataloader.num_workers=0']
    options += ['train_dataloader.persistent_workers=False', 'test_dataloader.base.num_workers=0']
    arguments = {
        'train.py': (config, '--work-dir', tmp_path / 'run', '--no-validate', '--resume', path, *options),
        'test.py': (config, path, '--work-dir', tmp_path / 'run', *options),
        'convert/hard_prompt.py': (path, tmp_path / 'prompt.safetensors'),
        'analysis/tsne.py': (config, path, '--out', tmp_path, *options),
    }
    with pytest.raises(SystemExit) as error:
        running.tool(name, *arguments[name])
    assert str(error.value).startswith(f'error: {path} is not a checkpoint: damaged')
    assert '\n' not in str(error.value)


# Killed runs


def test_what_killed_saves_have_left_is_removed_and_nothing_else(work_dir):
    script = f"""
        import os, signal
        from ga2mm.utils import replace_when_written
        for name in ('epoch_2.pth', 'last_checkpoint'):
            if os.fork() == 0:
                with replace_when_written({str(work_dir)!r} + '/' + name) as temporary:
                    temporary.write_bytes(b'half')
                    os.kill(os.getpid(), signal.SIGKILL)
            os.wait()
    """
    subprocess.run([sys.executable, '-c', textwrap.dedent(script)], env=running.environment(), check=True)
    left = [path.name for path in work_dir.glob('.*')]
    assert len(left) == 2 and all(name.startswith(('.epoch_2.pth.', '.last_checkpoint.')) for name in left)
    others = ['.epoch_2.pth.markdown_', '.notes.abcd1234', '.epoch_2.pth.swp', 'epoch_2.pth.abcd1234']
    for name in others:
        (work_dir / name).write_text('mine')
    with replace_when_written(work_dir / 'epoch_7.pth') as temporary:  # some other process is writing
        train(resumed(work_dir))
        assert temporary.is_file()
    assert sorted(path.name for path in work_dir.glob('.*')) == sorted(others[:3])
    assert (work_dir / others[3]).is_file()


def test_a_run_that_is_killed_while_saving_keeps_a_checkpoint(tmp_path):
    """With one checkpoint to keep, the old one is removed only after the new one and its name are written."""
    cfg = miniature('deep_prompts', tmp_path, **OPTIONS, default_hooks__checkpoint__max_keep_ckpts=1)
    runner = Runner.from_cfg(cfg)
    save, found = runner.save_checkpoint, []

    def observe(*args, **kwargs):
        save(*args, **kwargs)
        found.append((sorted(path.name for path in tmp_path.glob('*.pth')), latest_checkpoint(tmp_path).name))

    runner.save_checkpoint = observe
    runner.train()
    assert found == [(['epoch_1.pth'], 'epoch_1.pth'), (['epoch_1.pth', 'epoch_2.pth'], 'epoch_2.pth')]
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_2.pth']


def test_the_best_checkpoint_of_another_run_is_not_removed(work_dir, tmp_path):
    """A checkpoint names the best one so far, which is removed when a better one is saved."""
    other = tmp_path / 'thesis.pth'
    other.write_text('mine')
    content = read_checkpoint(work_dir / 'epoch_1.pth')
    content['message_hub']['runtime_info'].update(best_ckpt=str(other), best_score=-1.0)
    content['message_hub']['resumed_keys'].update(best_ckpt=True, best_score=True)
    torch.save(content, work_dir / 'epoch_1.pth')
    cfg = resumed(work_dir, work_dir / 'epoch_1.pth', default_hooks__checkpoint__save_best='acc/top1')
    whole = miniature('deep_prompts', work_dir, epochs=2)
    cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator = (
        whole.val_cfg,
        whole.val_dataloader,
        whole.val_evaluator,
    )
    cfg.default_hooks.checkpoint.rule = 'greater'
    train(cfg)
    assert other.read_text() == 'mine' and list(work_dir.glob('best_*.pth'))


# NaN and infinity


class Break(Hook):
    """Set the prompts of a tower to NaN at the end of a step."""

    priority = 'VERY_HIGH'

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            runner.model.state_dict()[KEY].fill_(torch.nan)


def train_and_break(work_dir: Path, step: int) -> str:
    """The error line of a run whose prompts become NaN."""
    runner = Runner.from_cfg(miniature('deep_prompts', work_dir, **OPTIONS))
    runner.register_hook(Break(step))
    with pytest.raises(ValueError, match='training stops') as error:
        runner.train()
    return str(error.value)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    line = train_and_break(tmp_path, step=3)
    assert line.startswith('loss_cls is nan in step 4 (epoch 2)')
    assert f'the last checkpoint is {tmp_path}/epoch_1.pth' in line and 'optim_wrapper.optimizer.lr' in line
    assert latest_checkpoint(tmp_path) == tmp_path / 'epoch_1.pth'


@pytest.mark.parametrize('step', [2, 4])
def test_prompts_that_are_no_numbers_are_never_saved(step, tmp_path):
    line = train_and_break(tmp_path, step)
    assert f'after step {step}: {KEY}' in line
    assert len(list(tmp_path.glob('epoch_*.pth'))) == step // 2 - 1


def test_infinite_gradients_alone_do_not_end_a_run(tmp_path):
    """Mixed precision has such gradients at times, and skips the step."""

    class Overflow(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            outputs['grad_norm'] = torch.tensor(torch.inf)

    runner = Runner.from_cfg(miniature('deep_prompts', tmp_path, **OPTIONS))
    runner.register_hook(Overflow(), priority='VERY_HIGH')
    runner.train()
    assert runner.epoch == 2


def test_scores_that_are_no_numbers_are_refused(killed, in_miniature_folder):
    cfg = miniature('deep_prompts', killed.parent / 'scores')
    model = load(cfg, killed / 'epoch_1.pth')
    video = next((in_miniature_folder / 'data').rglob('*.mkv'))
    with pytest.raises(ValueError, match='none_below is NaN'):
        classify(model, video, ['one', 'two'], none_below=float('nan'))
    assert len(classify(model, video, ['one', 'two'])) == 2
    with torch.no_grad():
        model.cls_head.vision_prompt.soft_prompt.fill_(torch.nan)
    for none_below in (None, 0.0):
        with pytest.raises(ValueError, match='the scores of 1 of 1 clips are NaN'):
            classify(model, video, ['one', 'two'], none_below=none_below)
