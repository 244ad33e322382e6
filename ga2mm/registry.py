"""Registries of scope ``ga2mm``.

Each is a child of MMAction2's registry of the same name, so a config of ours uses MMAction2's names
without a prefix, and a config of MMAction2's uses ours as ``ga2mm.CLIPRecognizer``. What stands in
``locations`` is imported the first time something is looked up, not at ``import ga2mm``; MMAction2's
modules stand there too, because a child's look-up does not import its parent's.
"""

from mmaction import registry as mmaction
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='ga2mm', locations=list(locations))


# Recognizers, CLIPs, prompt learners, heads and objectives.
MODELS = _child(mmaction.MODELS, 'mmaction.models', 'ga2mm.models', 'ga2mm.objectives', 'ga2mm.experimental')
MODEL_WRAPPERS = _child(mmaction.MODEL_WRAPPERS, 'mmaction.models')
WEIGHT_INITIALIZERS = _child(mmaction.WEIGHT_INITIALIZERS, 'mmaction.models')
TASK_UTILS = _child(mmaction.TASK_UTILS, 'mmaction.models')

# Labelled videos, anchor videos, how they are read and how they come into batches.
DATASETS = _child(mmaction.DATASETS, 'mmaction.datasets', 'ga2mm.datasets', 'ga2mm.anchors')
DATA_SAMPLERS = _child(mmaction.DATA_SAMPLERS, 'mmaction.engine', 'ga2mm.anchors')
TRANSFORMS = _child(mmaction.TRANSFORMS, 'mmaction.datasets.transforms', 'ga2mm.datasets')

# Hooks, loops, optimization.
RUNNERS = _child(mmaction.RUNNERS, 'mmaction.engine')
RUNNER_CONSTRUCTORS = _child(mmaction.RUNNER_CONSTRUCTORS, 'mmaction.engine')
HOOKS = _child(mmaction.HOOKS, 'mmaction.engine', 'ga2mm.engine')
LOOPS = _child(mmaction.LOOPS, 'mmaction.engine', 'ga2mm.engine')
OPTIMIZERS = _child(mmaction.OPTIMIZERS, 'mmaction.engine')
OPTIM_WRAPPERS = _child(mmaction.OPTIM_WRAPPERS, 'mmaction.engine', 'ga2mm.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(mmaction.OPTIM_WRAPPER_CONSTRUCTORS, 'mmaction.engine')
PARAM_SCHEDULERS = _child(mmaction.PARAM_SCHEDULERS, 'mmaction.engine')
LOG_PROCESSORS = _child(mmaction.LOG_PROCESSORS, 'mmaction.engine')

# Metrics and pictures.
METRICS = _child(mmaction.METRICS, 'mmaction.evaluation', 'ga2mm.evaluation')
EVALUATOR = _child(mmaction.EVALUATOR, 'mmaction.evaluation')
VISUALIZERS = _child(mmaction.VISUALIZERS, 'mmaction.visualization')
VISBACKENDS = _child(mmaction.VISBACKENDS, 'mmaction.visualization')
INFERENCERS = _child(mmaction.INFERENCERS, 'mmaction.apis')

# Objectives that look at anchors. This one has no parent: the idea is ours.
ANCHOR_STRATEGIES = Registry(
    'anchor strategy', scope='ga2mm', locations=['ga2mm.objectives', 'ga2mm.experimental']
)
