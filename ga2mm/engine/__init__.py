"""Hooks, loops and wrappers that extend MMEngine."""

import mmaction.engine  # noqa: F401  registers MMAction2's hooks and loops

from ga2mm.engine.anchor_calibration_hook import AnchorCalibrationHook, show_anchors
from ga2mm.engine.bfloat16_optim_wrapper import BFloat16OptimWrapper
from ga2mm.engine.checkpoint_safety import (
    AtomicLocalBackend,
    CheckpointSafetyHook,
    latest_checkpoint,
    read_checkpoint,
    state_dict_of,
)
from ga2mm.engine.class_names import ClassNamesHook, set_classes_from
from ga2mm.engine.deferred_info_hook import DeferredInfoHook
from ga2mm.engine.distributed import TestOnlyWrapper, ends_distributed, prepare_distributed
from ga2mm.engine.epoch_seed_hook import EpochSeedHook
from ga2mm.engine.finite_hook import FiniteHook
from ga2mm.engine.gaussian_average_hook import GaussianAverageHook
from ga2mm.engine.progress_hook import ProgressHook, progress_bar
from ga2mm.engine.protocol_test_loop import ProtocolTestLoop
from ga2mm.engine.safe_yaml import SafeYamlHandler
from ga2mm.engine.same_schedule_hook import SameScheduleHook
from ga2mm.engine.unreadable_videos_hook import UnreadableVideosHook
from ga2mm.engine.whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    'AnchorCalibrationHook',
    'AtomicLocalBackend',
    'BFloat16OptimWrapper',
    'CheckpointSafetyHook',
    'ClassNamesHook',
    'DeferredInfoHook',
    'EpochSeedHook',
    'FiniteHook',
    'GaussianAverageHook',
    'ProgressHook',
    'ProtocolTestLoop',
    'SafeYamlHandler',
    'SameScheduleHook',
    'TestOnlyWrapper',
    'UnreadableVideosHook',
    'WholeCheckpointHook',
    'ends_distributed',
    'latest_checkpoint',
    'prepare_distributed',
    'progress_bar',
    'read_checkpoint',
    'set_classes_from',
    'show_anchors',
    'state_dict_of',
]
