"""Registries of scope ``ga2mm``.

Each is a child of MMAction2's registry of the same name, so our configs use MMAction2's names without a
prefix, and MMAction2's configs use ours as ``ga2mm.CLIPRecognizer``. The first look-up, not ``import
ga2mm``, imports the modules in ``locations``. They include MMAction2's modules, because a look-up in a
child registry does not import the modules of its parent.
"""

from mmaction import registry as mmaction
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

# With it, mmengine.hub and `_base_` find packaged configs by names such as ga2mm::zoo/maple_vit_b16.py.
MODULE2PACKAGE.setdefault('ga2mm', 'ga2mm')


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='ga2mm', locations=list(locations))


# Recognizers, CLIPs, prompt learners, heads and objectives.
MODELS = _child(mmaction.MODELS, 'mmaction.models', 'ga2mm.models', 'ga2mm.objectives', 'ga2mm.experimental')
MODEL_WRAPPERS = _child(mmaction.MODEL_WRAPPERS, 'mmaction.models')
WEIGHT_INITIALIZERS = _child(mmaction.WEIGHT_INITIALIZERS, 'mmaction.models')
TASK_UTILS = _child(mmaction.TASK_UTILS, 'mmaction.models')

# Datasets of labelled and anchor videos, samplers and transforms.
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

# Metrics and visualization.
METRICS = _child(mmaction.METRICS, 'mmaction.evaluation', 'ga2mm.evaluation')
EVALUATOR = _child(mmaction.EVALUATOR, 'mmaction.evaluation')
VISUALIZERS = _child(mmaction.VISUALIZERS, 'mmaction.visualization')
VISBACKENDS = _child(mmaction.VISBACKENDS, 'mmaction.visualization')
INFERENCERS = _child(mmaction.INFERENCERS, 'mmaction.apis')

# Objectives on anchors. This registry has no parent, since MMAction2 has no anchors.
ANCHOR_STRATEGIES = Registry(
    'anchor strategy', scope='ga2mm', locations=['ga2mm.objectives', 'ga2mm.experimental']
)
