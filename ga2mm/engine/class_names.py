"""The transfer of class names from datasets to the model."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from ga2mm.datasets.label_map import class_names_of
from ga2mm.registry import HOOKS


def set_classes_from(model: nn.Module, dataset: Dataset) -> None:
    """Set the classes of a model to those of a dataset; a model without ``set_classes`` is not changed.

    Raises:
        ValueError: The dataset does not name its classes, and the model has no class names.
    """
    model = model.module if is_model_wrapper(model) else model
    if not hasattr(model, 'set_classes'):
        return
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if classes is not None:
        model.set_classes(classes)
    elif not model.cls_head.class_names:
        raise ValueError(
            f'{type(dataset).__name__} does not name its classes: set label_map (ActionVideoDataset) or '
            'model.cls_head.class_names'
        )


@HOOKS.register_module()
class ClassNamesHook(Hook):
    """Gives the model the class names of the dataset that it trains, validates or tests on.

    The dataset's classes take precedence over ``model.cls_head.class_names``. In training the two must be
    equal; in testing a difference causes a warning.

    Raises:
        ValueError: In training, the validation set or ``model.cls_head.class_names`` has other classes
            than the training set.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Check that config and validation set have the training set's classes, and set them."""
        dataset = runner.train_loop.dataloader.dataset
        classes, configured = _classes_of(dataset), _configured_classes(runner)
        if classes and configured and classes != configured:
            raise ValueError(
                f'the {len(configured)} classes of model.cls_head.class_names differ from the {len(classes)} '
                'of the training set, or their order does: leave class_names out, the dataset names them'
            )
        set_classes_from(runner.model, dataset)
        if runner.val_loop is not None:
            _check_validation(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Check that the validation set has the classes of the training set, and set them."""
        _check_validation(runner)
        set_classes_from(runner.model, runner.val_loop.dataloader.dataset)

    def before_test_epoch(self, runner: Runner) -> None:
        """Set the test set's classes."""
        dataset = runner.test_loop.dataloader.dataset
        classes, configured = _classes_of(dataset), _configured_classes(runner)
        if classes and configured and classes != configured:
            runner.logger.warning(
                f'testing on the {len(classes)} classes of the test set, not on the {len(configured)} of '
                'model.cls_head.class_names'
            )
        set_classes_from(runner.model, dataset)


def _check_validation(runner: Runner) -> None:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    offered = getattr(getattr(model, 'cls_head', None), 'class_names', ())
    classes = _classes_of(runner.val_loop.dataloader.dataset)
    if offered and classes and classes != tuple(offered):
        raise ValueError(
            f'the {len(classes)} classes of the validation set differ from the {len(offered)} of the '
            'training set: validate on base classes (val_dataloader.dataset.label_map), test on novel classes'
        )


def _classes_of(dataset: Dataset) -> tuple[str, ...]:
    return tuple((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())


def _configured_classes(runner: Runner) -> tuple[str, ...]:
    """Give the class names of the head's config."""
    head = (runner.cfg.get('model') or {}).get('cls_head') or {}
    names = head.get('class_names')
    return () if names is None else class_names_of(names, 'model.cls_head.class_names')
