"""What the recognizer needs to know of a loss beside the head's."""

from torch import nn


class AuxiliaryLoss(nn.Module):
    """A loss on the labelled clips of a batch, with any prompts, with anchors or without.

    Register subclasses in ``MODELS`` and list them in ``model.losses``. ``forward`` gives the weighted loss,
    a scalar. Its arguments, in float32, are what ``uses`` names of

    - ``'clips'``: Unit features (clips, embed_dim) of the labelled clips, prompted, the means over frames.
    - ``'classes'``: Unit features of the classes, prompted, (classes, embed_dim); with a conditional text
      prompt as each clip has them, (clips, classes, embed_dim).
    - ``'frozen_classes'``: Those of the frozen CLIP, (classes, embed_dim); computed only if they are used.
    - ``'labels'``: The clips' classes (clips,), integers from 0.
    - ``'logit_scale'``: The scale of the logits, a scalar.

    Args:
        loss_weight: Factor of the loss.
    """

    uses: tuple[str, ...] = ()

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
