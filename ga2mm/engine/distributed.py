"""What MMEngine lacks for distributed runs: machines without a GPU, and models that learn nothing."""

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
    """Stands where MMEngine expects a distributed wrapper when nothing is learnt.

    Testing shares no gradients, and PyTorch's own wrapper refuses a model without learnable parameters,
    such as CLIP without prompts.

    Args:
        module: The model.
    """

    __test__ = False  # no test case, whatever its name

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the model."""
        return self.module(*args, **kwargs)

    def val_step(self, data: dict | tuple | list) -> list:
        """As the model."""
        return self.module.val_step(data)

    def test_step(self, data: dict | tuple | list) -> list:
        """As the model."""
        return self.module.test_step(data)


def prepare_distributed(cfg: Config, test_only: bool = False) -> None:
    """Make ``cfg.launcher`` work on this machine; call it before the runner is built.

    On GPUs MMEngine does nearly all of it. Without one, MMEngine would ask CUDA for a device, so the
    processes are joined here with gloo, and the model wrapper is told to use no device ids. In both cases
    ``env_cfg.dist_cfg.timeout`` is how many seconds a process waits for another that says nothing.

    Args:
        cfg: The run's config, changed in place.
        test_only: Nothing will be trained, so the model is put into a :class:`TestOnlyWrapper`.

    Raises:
        ValueError: More processes than GPUs were started, a launcher that needs GPUs has none, or the
            timeout is no number of seconds.
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
    """Leave the group of processes when the block ends; without a launcher there is nothing to do.

    All leave together, so that none closes its connections under another. After an error a process leaves
    alone, and the others, which wait for it, end too.

    The threads of the group are gone afterwards. One that lives on may need Python while that is shut down,
    which aborts the process after all its work is done. A runner and its model hold the group and one
    another, and an error holds the runner, so both are let go of first; keep no runner outside of the block.

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
                f'process {os.environ.get("RANK", "?")} waits for another that has ended or does not answer: '
                'what that one printed says why; if nothing, it was killed, stopped or slower than '
                'env_cfg.dist_cfg.timeout seconds'
            ) from error
        raise
    if torch.distributed.is_initialized():
        _destroy_group()


def _timeout(cfg: Config) -> timedelta | None:
    """``env_cfg.dist_cfg.timeout``, None for PyTorch's own."""
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
    """Empty the functions that an error came through; its traceback still names their lines."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        traceback.clear_frames(error.__traceback__)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            frame.f_locals  # noqa: B018  Python 3.11 and 3.12 make the dict that was asked for before empty too
        error = error.__cause__ or error.__context__
