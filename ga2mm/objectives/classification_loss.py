"""The head's classification loss."""

from torch import Tensor, nn

from ga2mm.objectives.objective import BatchFeatures, Objective


class ClassificationLoss(Objective):
    """The classification loss of the labelled clips: cross-entropy, or ``cls_head.loss_cls`` of the config.

    The recognizer always has this objective; configs do not list it.

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
