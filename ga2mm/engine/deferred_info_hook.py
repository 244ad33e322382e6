"""MMEngine's runtime information, without waiting for the device in each step."""

from typing import Any

from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from ga2mm.engine.device_scalars import DeviceScalars
from ga2mm.registry import HOOKS


@HOOKS.register_module()
class DeferredInfoHook(RuntimeInfoHook):
    """MMEngine's ``RuntimeInfoHook``, which reads losses from a GPU only when the log needs them.

    The message hub then gets the values of all steps since the last log. On the CPU it gets them in each
    step.
    """

    def __init__(self) -> None:
        self._scalars = DeviceScalars()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Keep the values of this step; give all values to the message hub if the log needs them."""
        outputs = outputs or {}
        self._scalars.add(runner.iter, {key: one for key, one in outputs.items() if isinstance(one, Tensor)})
        others = {key: one for key, one in outputs.items() if not isinstance(one, Tensor)}
        super().after_train_iter(runner, batch_idx, data_batch, others)
        if self._scalars.are_due(runner, batch_idx):
            for _, values in self._scalars.read():
                super().after_train_iter(runner, batch_idx, None, values)
