"""Class names travel from datasets to the model here, and nowhere else."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from ga2mm.registry import HOOKS


def set_classes_from(model: nn.Module, dataset: Dataset) -> None:
    """Offer a dataset's classes to a model that takes class names; others are left alone.

    Raises:
        ValueError: The dataset does not name its classes, and the model knows none either.
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

    Raises:
        ValueError: The validation set has other classes than the training set.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Offer the training set's classes."""
        set_classes_from(runner.model, runner.train_loop.dataloader.dataset)

    def before_val_epoch(self, runner: Runner) -> None:
        """Check that validation has the classes of training."""
        dataset = runner.val_loop.dataloader.dataset
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        offered = getattr(getattr(model, 'cls_head', None), 'class_names', ())
        classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
        if offered and classes is not None and tuple(classes) != tuple(offered):
            raise ValueError(
                f'the validation set has {len(classes)} classes, the training set {len(offered)} others: '
                'validate on base classes (val_dataloader.dataset.label_map), novel ones are for the test'
            )
        set_classes_from(runner.model, dataset)

    def before_test_epoch(self, runner: Runner) -> None:
        """Offer the test set's classes."""
        set_classes_from(runner.model, runner.test_loop.dataloader.dataset)
