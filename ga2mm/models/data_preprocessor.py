"""From the frames of a data loader to the inputs of a recognizer, on its device."""

from typing import Any

from mmaction.models import ActionDataPreprocessor
from mmaction.structures import ActionDataSample
from mmengine.structures import BaseDataElement
from torch import Tensor

from ga2mm.registry import MODELS


@MODELS.register_module()
class ClipDataPreprocessor(ActionDataPreprocessor):
    """MMAction2's preprocessor, without waiting for the device and without padding.

    Frames go to the device as they are, uint8, and are normalised there. The copy does not wait for the
    device, which needs ``pin_memory=True`` in the data loader. Data samples stay on the CPU, where the
    recognizer checks their labels. Videos of different shapes, such as other numbers of frames or views,
    stay a list, while MMAction2 pads them with zeros.

    Args:
        **kwargs: As in MMAction2's ``ActionDataPreprocessor``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._non_blocking = True

    def cast_data(self, data: Any) -> Any:
        """Copy tensors to the device; data samples stay where they are."""
        return data if isinstance(data, BaseDataElement) else super().cast_data(data)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Preprocess a batch; in training each sample also gets its frames as they were loaded."""
        if training:
            for sample, frames in zip(data['data_samples'], data['inputs'], strict=True):
                sample.frames = frames
        return super().forward(data, training)

    def preprocess(
        self, inputs: list[Tensor], data_samples: list[ActionDataSample], training: bool = False
    ) -> tuple[Tensor | list[Tensor], list[ActionDataSample]]:
        """Normalise videos and stack them; videos of different shapes become a list, in their order."""
        if len({one.shape for one in inputs}) == 1:
            return super().preprocess(inputs, data_samples, training)
        return [super(ClipDataPreprocessor, self).preprocess([one], [])[0][0] for one in inputs], data_samples
