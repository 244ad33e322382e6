"""The head's classification loss."""

from torch import Tensor, nn

from ga2mm.objectives.objective import BatchFeatures, Objective


class ClassificationLoss(Objective):
    """Classify the labelled clips: cross-entropy, or what the config gives as ``cls_head.loss_cls``.

    The recognizer always has this objective; no config lists it.

    Args:
        loss_cls: MMAction2's loss of logits (clips, classes) and labels (clips,).
    """

    uses = ('logits', 'labels')

    def __init__(self, loss_cls: nn.Module) -> None:
        super().__init__()
        self.loss_cls = loss_cls

    def forward(self, features: BatchFeatures) -> Tensor:
        """Give the mean over the clips, a scalar; cross-entropy is in nats."""
        return self.loss_cls(features.logits, features.labels)
