"""Logits that anchors calibrate in evaluation."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ga2mm.models.encoded_clips import EncodedClips
from ga2mm.models.heads.anchor_calibration import AnchorCalibration


class CalibratedLogits(nn.Module):
    """A model with the logits of :meth:`compare`, which a calibration corrects in evaluation mode.

    Attributes:
        calibration: The calibration; None without one, or with strength 0.
    """

    calibration: AnchorCalibration | None = None

    def set_calibration(self, arguments: dict[str, Any] | None) -> None:
        """Build the calibration from its arguments; call this method in the constructor.

        Raises:
            ValueError: An argument is wrong.
        """
        calibration = None if arguments is None else AnchorCalibration(**arguments)
        self.calibration = calibration if calibration is not None and calibration.strength else None

    @abstractmethod
    def compare(self, clips: EncodedClips) -> Tensor:
        """Give the logits (B, classes) of clips for the current classes, without calibration."""

    def calibrated(self, clips: EncodedClips) -> Tensor:
        """Give the logits (B, classes) of clips, in evaluation mode with the calibration."""
        correction = self.correction()
        return self.compare(clips) if correction is None else self.compare(clips) - correction

    def correction(self) -> Tensor | None:
        """Give what the calibration subtracts from the logits of each class, (classes,); None in training."""
        if self.training or self.calibration is None:
            return None
        return self.calibration.strength * self.calibration.bias(self.cls_head.class_names, self.compare)

    def train(self, mode: bool = True) -> 'CalibratedLogits':
        """Set the mode; in training mode the calibration forgets the anchors, since the weights change."""
        if mode and self.calibration is not None:
            self.calibration.forget()
        return super().train(mode)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Load weights; the calibration forgets the anchors."""
        if self.calibration is not None:
            self.calibration.forget()
        super()._load_from_state_dict(*args, **kwargs)
