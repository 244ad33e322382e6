"""What MMEngine lacks for distributed runs: machines without a GPU, and models that learn nothing."""

import os
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
    processes are joined here with gloo, and the model wrapper is told to use no device ids.

    Args:
        cfg: The run's config, changed in place.
        test_only: Nothing will be trained, so the model is put into a :class:`TestOnlyWrapper`.

    Raises:
        ValueError: More processes than GPUs were started, or a launcher that needs GPUs has none.
    """
    if cfg.launcher == 'none':
        return
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
        torch.distributed.init_process_group('gloo')
    if not test_only:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=False,
        )


def end_distributed() -> None:
    """Leave together with all other processes, so that none closes its connections under another.

    MMEngine leaves that to the end of the process. Without a launcher there is nothing to do.
    """
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
