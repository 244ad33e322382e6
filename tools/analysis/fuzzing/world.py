"""A run of a second or two on the miniature world, which provides a checkpoint and a config."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ga2mm.miniature.dataset import generate_draw, generate_irrelevant
from ga2mm.models import OpenCLIP
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt

ROOT = Path(__file__).parents[3]

KEYS = (
    *('default_scope', 'default_hooks', 'env_cfg', 'log_processor', 'visualizer', 'log_level', 'randomness'),
    *('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'),
    *('train_cfg', 'val_cfg', 'test_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
)
"""Keys of a config that a run reads; the other keys are intermediate values."""


class World:
    """A miniature world, a config of one epoch on it, and the checkpoint of its run.

    Args:
        folder: Shared folder of these files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / 'config.py'
        self.checkpoint = folder / 'run' / 'epoch_1.pth'

    def prepare(self) -> None:
        """Write all files unless they exist. The config has no base configs."""
        if self.checkpoint.exists():
            return
        data, hard_prompts = self.folder / 'data' / 'miniature', self.folder / 'hard_prompts'
        generate_draw(data, 0, shots=1, test_videos=1, val_videos=1)
        generate_irrelevant(data, videos=8)
        prompt = torch.randn(4, 96, generator=torch.Generator().manual_seed(0))
        identity = OpenCLIP('miniature', 'miniature').identity
        write_hard_prompt(hard_prompts / 'miniature_source.safetensors', prompt, identity, 'fuzz')
        cfg = Config.fromfile(ROOT / 'configs' / 'ga2' / 'miniature_ga2.py').to_dict()
        cfg = _replace({key: cfg[key] for key in KEYS if key in cfg}, 'data/miniature', str(data))
        cfg = _replace(cfg, 'hard_prompts/', f'{hard_prompts}/')
        cfg['train_cfg'].update(max_epochs=1, val_interval=1)
        cfg['default_hooks']['checkpoint']['interval'] = 1
        cfg['randomness'] = dict(seed=0)
        for loader in (cfg['train_dataloader'], cfg['val_dataloader'], *cfg['test_dataloader'].values()):
            loader.update(num_workers=0, persistent_workers=False)
        self.config.write_text(as_python(cfg))
        run_tool('train.py', self.config, '--work-dir', self.checkpoint.parent)


def as_python(cfg: dict[str, Any]) -> str:
    """Format a config as a Python file."""
    return ''.join(f'{key} = {value!r}\n' for key, value in cfg.items())


def run_tool(name: str, *args: Any) -> None:
    """Run a script of ``tools/`` in this process, like its command does.

    Raises:
        SystemExit: The script rejects its input; the error has its one-line message.
    """
    os.environ['LOCAL_RANK'] = '0'  # otherwise the tools set it
    sys.argv = [name, *map(str, args)]
    runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')


def _replace(value: Any, old: str, new: str) -> Any:
    """Replace a text in all values of a config."""
    if isinstance(value, dict):
        return {key: _replace(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace(inner, old, new) for inner in value)
    return value.replace(old, new) if isinstance(value, str) else value
