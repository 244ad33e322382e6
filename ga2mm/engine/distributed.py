"""Distributed runs on machines without a GPU, and of models without learnable parameters."""

import gc
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS  # the root, where the runner looks wrappers up
from torch import nn


@MODEL_WRAPPERS.register_module()
class TestOnlyWrapper(nn.Module):
    """A model wrapper for distributed testing.

    Testing shares no gradients, and PyTorch's own wrapper raises an error for a model without learnable
    parameters, such as CLIP without prompts.

    Args:
        module: The model.
    """

    __test__ = False  # pytest must not collect it

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)

    def val_step(self, data: dict | tuple | list) -> list:
        """Call the model's ``val_step``."""
        return self.module.val_step(data)

    def test_step(self, data: dict | tuple | list) -> list:
        """Call the model's ``test_step``."""
        return self.module.test_step(data)


def prepare_distributed(cfg: Config, test_only: bool = False) -> None:
    """Set up distributed execution on this machine; call it before the runner is built.

    On GPUs MMEngine starts the process group. Without a GPU MMEngine would still ask CUDA for a device, so
    this function starts the group with gloo and configures the model wrapper without device ids. In both
    cases ``env_cfg.dist_cfg.timeout`` is the number of seconds that a process waits for another one.

    Args:
        cfg: The run's config, changed in place.
        test_only: Wrap the model in a :class:`TestOnlyWrapper`, since nothing is trained.

    Raises:
        ValueError: There are more processes than GPUs, the launcher needs GPUs and the machine has none, or
            the timeout is not a valid number of seconds.
    """
    if cfg.launcher == 'none':
        return
    timeout = _timeout(cfg)
    if test_only:
        cfg.model_wrapper_cfg = dict(type='TestOnlyWrapper')
    processes = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    if torch.cuda.is_available():
        if processes > torch.cuda.device_count():
            raise ValueError(
                f'{processes} processes were started, but this machine has {torch.cuda.device_count()} GPUs'
            )
        return
    if cfg.launcher != 'pytorch':
        raise ValueError(f"launcher '{cfg.launcher}' needs GPUs; without one use --launcher pytorch")
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo', timeout=timeout)
    if not test_only:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=False,
        )


@contextmanager
def ends_distributed() -> Iterator[None]:
    """Destroy the process group when the block ends; without a launcher do nothing.

    All processes wait for each other first, so that none closes a connection that another still uses. After
    an error a process leaves at once, and the others, which wait for it, end with an error too.

    The threads of the group end as well: a thread that outlives the group may access Python during its
    shutdown, which aborts the process. References to the group keep its threads alive. A runner and its model
    refer to the group, and an error refers to the runner, so these references are cleared first. Keep no
    reference to the runner outside of the block.

    Raises:
        ConnectionError: Another process has ended or does not answer.
    """
    try:
        yield
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
    except BaseException as error:
        if torch.distributed.is_initialized():
            _forget_variables(error)
            if torch.distributed.get_backend() == 'gloo':  # NCCL would wait for the others
                _destroy_group()
        lost = isinstance(error, RuntimeError) and 'gloo' in str(error)
        if lost or isinstance(error, torch.distributed.DistError):
            raise ConnectionError(
                f'process {os.environ.get("RANK", "?")} waits for a process that ended or does not '
                'answer: read its output; without output, it was killed, stopped or slower than '
                'env_cfg.dist_cfg.timeout seconds'
            ) from error
        raise
    if torch.distributed.is_initialized():
        _destroy_group()


def _timeout(cfg: Config) -> timedelta | None:
    """Read ``env_cfg.dist_cfg.timeout``; None stands for PyTorch's default."""
    seconds = ((cfg.get('env_cfg') or {}).get('dist_cfg') or {}).get('timeout')
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= 10**9:
        raise ValueError(f'env_cfg.dist_cfg.timeout={seconds!r}: give a number of seconds from 1 to 10**9')
    return timedelta(seconds=seconds)


def _destroy_group() -> None:
    gc.collect()
    torch.distributed.destroy_process_group()


def _forget_variables(error: BaseException | None) -> None:
    """Clear the local variables of an error's stack frames; the traceback keeps its line numbers."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        traceback.clear_frames(error.__traceback__)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            frame.f_locals  # noqa: B018  in Python 3.11 and 3.12 this clears a cached dict of the variables
        error = error.__cause__ or error.__context__
