"""Training in several processes of this machine, which share each batch."""

import copy
import os
import socket
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from torch.multiprocessing import start_processes
from torch.multiprocessing.spawn import ProcessException

from ga2mm.apis.run import train
from ga2mm.engine import ends_distributed


def check_processes(processes: int) -> None:
    """Check that there is a GPU for each process; without a GPU all run on the CPU.

    Raises:
        ValueError: There are fewer GPUs, or no processes.
    """
    gpus = torch.cuda.device_count()
    if processes < 1:
        raise ValueError(f'--processes {processes}: give 1 or more')
    if 0 < gpus < processes:
        raise ValueError(f'--processes {processes}: PyTorch sees {gpus} GPUs here, one for each process')


def shared(cfg: Config, processes: int) -> Config:
    """Give a config in which the processes share the batch of one process, so that steps stay the same.

    Raises:
        ValueError: The batch, or the anchors of a batch, cannot be divided by the number of processes.
    """
    cfg = copy.deepcopy(cfg)
    loader = cfg.train_dataloader
    sizes = [(loader, 'batch_size', 'clips')]
    if loader.get('batch_sampler'):
        sizes.append((loader.batch_sampler, 'num_anchors', 'anchor clips'))
    for holder, key, what in sizes:
        size = holder[key]
        if size % processes:
            fitting = ', '.join(str(number) for number in range(1, size + 1) if size % number == 0)
            raise ValueError(
                f'--processes {processes}: {size} {what} a step cannot be shared equally; '
                f'give one of {fitting}'
            )
        holder[key] = size // processes
    return cfg


def train_in_processes(cfg: Config, processes: int, log: Path) -> None:
    """Train in several processes, one on each GPU, or all on the CPU if there is none.

    Args:
        cfg: Config of a run in one process.
        processes: Number of processes.
        log: File for what the processes print.

    Raises:
        ValueError: There are fewer GPUs than processes, the batch cannot be shared, or a process ended with
            an error.
    """
    check_processes(processes)
    cfg = shared(cfg, processes)
    cfg.launcher = 'pytorch'
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    try:
        start_processes(_train, (processes, port, cfg, str(log)), nprocs=processes, start_method='spawn')
    except ProcessException as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f'training process {error.error_index} ended: {reason} ({log})') from error


def _train(rank: int, processes: int, port: int, cfg: Config, log: str) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(processes),
        LOCAL_WORLD_SIZE=str(processes),
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
    )
    with open(log, 'a', encoding='utf-8', buffering=1) as file:
        sys.stdout = sys.stderr = file
        torch.set_num_threads(max(1, torch.get_num_threads() // processes))
        with ends_distributed():
            train(cfg)
