"""Logged values that are read from a GPU only when the log needs them."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub

from ga2mm.engine import DeferredInfoHook, FiniteHook
from ga2mm.engine.device_scalars import DeviceScalars
from tests.helpers import running
from tests.helpers.devices import FAR


def logged_steps(runner, name: str) -> list[float]:
    return runner.message_hub.get_scalar(f'train/{name}').data[0].tolist()


@pytest.mark.parametrize('interval', [2, 5, 100])
def test_deferred_values_are_those_of_every_step(in_miniature_folder, tmp_path, monkeypatch, interval):
    options = dict(epochs=2, default_hooks__logger__interval=interval)
    runs = []
    for kind, folder in (('RuntimeInfoHook', 'at_once'), ('DeferredInfoHook', 'deferred')):
        cfg = running.miniature('deep_prompts', tmp_path / folder, **options)
        cfg.default_hooks.runtime_info.type = kind
        runs.append(running.train(cfg))
        monkeypatch.setattr(DeviceScalars, 'on_cpu', False)  # as on a GPU
    for name in ('loss', 'loss_cls', 'top1_acc', 'lr'):
        assert logged_steps(runs[0], name) == pytest.approx(logged_steps(runs[1], name), rel=1e-6), name
    lines = [running.logged_losses(tmp_path / folder) for folder in ('at_once', 'deferred')]
    assert len(lines[0]) == len(lines[1]) > 0
    for one, other in zip(*lines, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def make_runner(name: str) -> SimpleNamespace:
    return SimpleNamespace(
        hooks=[LoggerHook(interval=3)],
        train_dataloader=range(5),
        iter=0,
        epoch=0,
        max_iters=10,
        message_hub=MessageHub.get_instance(name),
    )


def test_no_value_is_read_between_logs():
    """Reading from the far device is an error, so both hooks fail at the steps that are logged only."""
    runner, hooks = make_runner('far'), (DeferredInfoHook(), FiniteHook())
    losses = dict(loss=torch.zeros((), device=FAR), loss_cls=torch.zeros((), device=FAR))
    for step in range(2):
        runner.iter = step
        for hook in hooks:
            hook.after_train_iter(runner, step, None, losses)
    runner.iter = 2
    for hook in hooks:
        with pytest.raises(RuntimeError, match='meta'):
            hook.after_train_iter(runner, 2, None, losses)


@pytest.mark.parametrize(('wrong', 'noticed'), [(0, 2), (2, 2), (3, 4)])
def test_a_wrong_loss_is_named_by_its_own_step(wrong, noticed, monkeypatch):
    monkeypatch.setattr(DeviceScalars, 'on_cpu', False)
    runner, hook = make_runner(f'wrong_{wrong}'), FiniteHook()
    for step in range(5):
        runner.iter = step
        losses = dict(loss_cls=torch.tensor(float('nan') if step == wrong else 1.0))
        if step == noticed:
            with pytest.raises(ValueError, match=f'loss_cls is nan in step {wrong + 1} '):
                hook.after_train_iter(runner, step, None, losses)
            return
        hook.after_train_iter(runner, step, None, losses)
