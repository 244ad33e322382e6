"""Distributed runs on machines without a GPU."""

import os

import torch
from mmengine.config import Config


def prepare_distributed(cfg: Config) -> None:
    """Make ``cfg.launcher`` work on this machine; call it before the runner is built.

    On GPUs MMEngine does all of it. Without one, MMEngine would ask CUDA for a device, so the processes are
    joined here with gloo, and the model wrapper is told to use no device ids.

    Raises:
        ValueError: More processes than GPUs were started, or a launcher that needs GPUs has none.
    """
    if cfg.launcher == 'none':
        return
    processes = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    if torch.cuda.is_available():
        if processes > torch.cuda.device_count():
            raise ValueError(
                f'{processes} processes were started, but this machine has {torch.cuda.device_count()} GPUs'
            )
        return
    if cfg.launcher != 'pytorch':
        raise ValueError(f"launcher '{cfg.launcher}' needs GPUs; without one use --launcher pytorch")
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=False,
    )
