"""Calibration of logits at test time by irrelevant videos, the anchors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ga2mm.models.encoded_clips import EncodedClips

PREFIX = 'anchors.'
FEATURES, FROZEN, BIAS = f'{PREFIX}features', f'{PREFIX}frozen', f'{PREFIX}bias'
"""Names of a calibration's tensors in a model file, and what they begin with."""


class AnchorCalibration:
    """Subtraction of each class's bias, estimated from anchors, from the logits of videos at test time.

    A model gives some classes high logits whatever a video shows. Anchors show none of the classes, so their
    mean logit of a class estimates this bias, without labels and without training::

        corrected logit of class c = logit of class c - strength · bias of class c
        bias of class c = weighted mean over the clips of the anchors of their logits of class c

    Logits are the recognizer's: cosines times the logit scale (100 for OpenAI's CLIPs), after averaging with
    the frozen CLIP's logits, for each clip or crop before those of a video are averaged. Bias and logits have
    the same scale, so ``strength`` has no unit. The correction of a class does not depend on the other
    classes or on the other videos of a batch.

    If text features and pooling do not depend on the clip, logits are linear in the video's feature. Then the
    bias is that of one vector, the mean of the anchors' unit features, and only this vector is kept.
    Otherwise the anchors are compared with each list of classes once.

    Source: contextual calibration of language models (arXiv 2102.09690), which divides probabilities by those
    of an input without content. Design choices: irrelevant videos as such inputs, the mean of logits instead
    of probabilities, ``strength``.

    Args:
        strength: Share of the bias that is subtracted, 0 to 1; 0 changes nothing, and no anchor is read.
        dataset: Config of the anchors: any source of :mod:`ga2mm.anchors`, with the pipeline of the test.
            None if a model file has the anchors' features.
        videos: Maximum number of anchors. They are spread evenly over the dataset; from several weighted
            sources each gives its share.
        batch_size, num_workers: As in a dataloader.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        strength: float,
        dataset: dict[str, Any] | None = None,
        videos: int = 256,
        batch_size: int = 8,
        num_workers: int = 0,
    ) -> None:
        key = 'model.test_cfg.anchor_calibration'
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
            raise ValueError(f'{key}.strength={strength!r}: give a number from 0 to 1')
        for name, value, least in (
            ('videos', videos, 1),
            ('batch_size', batch_size, 1),
            ('num_workers', num_workers, 0),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f'{key}.{name}={value!r}: give a whole number, {least} or more')
        self.strength = float(strength)
        self.dataset = dataset
        self.videos = videos
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.forget()

    def forget(self) -> None:
        """Forget the anchors, whose features are no longer valid when the weights change."""
        self._anchors: list[tuple[EncodedClips, Tensor]] = []
        self._biases: dict[tuple[str, ...], Tensor] = {}
        self._by_name: dict[str, Tensor] = {}

    @property
    def seen(self) -> bool:
        """Whether the bias is known."""
        return bool(self._anchors or self._by_name)

    def see(self, anchors: Sequence[tuple[EncodedClips, Tensor]]) -> None:
        """Keep what the biases need of the anchors, in place of earlier ones.

        Args:
            anchors: Batches of clips, each with the weights (B,) of its clips in the mean. The weights of all
                batches have the sum 1.
        """
        self.forget()
        if anchors and all(clips.linear for clips, _ in anchors):
            anchors = [(_mean(anchors), torch.ones(1, device=anchors[0][0].features.device))]
        self._anchors = list(anchors)

    @torch.no_grad()
    def bias(self, class_names: Sequence[str], compare: Callable[[EncodedClips], Tensor]) -> Tensor:
        """Give the bias (classes,) of each class, computed once for a list of names.

        Args:
            class_names: The current classes of the model.
            compare: Gives the logits (B, classes) of clips for these classes.

        Raises:
            ValueError: The model has not seen the anchors; or the prompts depend on the clip, the model is
                from a model file, and a class is not one of the file's.
        """
        names = tuple(class_names)
        if names not in self._biases:
            if self._by_name:
                self._biases[names] = self._of_file(names)
            elif self._anchors:
                parts = [weights.double() @ compare(clips).double() for clips, weights in self._anchors]
                self._biases[names] = torch.stack(parts).sum(dim=0).float()
            else:
                raise ValueError(
                    'model.test_cfg.anchor_calibration is set, but the model has not seen the anchors: load '
                    'it with ga2mm.load, or add AnchorCalibrationHook to default_hooks'
                )
        return self._biases[names]

    def _of_file(self, names: tuple[str, ...]) -> Tensor:
        new = [name for name in names if name not in self._by_name]
        if new:
            raise ValueError(
                f'the model file has no anchor calibration for the class {new[0]!r}, since its text prompts '
                'depend on the clip: export the model with these classes, or with '
                'model.test_cfg.anchor_calibration=None'
            )
        return torch.stack([self._by_name[name] for name in names])

    def tensors(
        self, class_names: Sequence[str], compare: Callable[[EncodedClips], Tensor]
    ) -> dict[str, Tensor]:
        """Give what a model file needs: mean features for any classes, or else biases of its classes.

        The arguments are those of :meth:`bias`.
        """
        if self._anchors and self._anchors[0][0].linear:
            clips = self._anchors[0][0]
            found = {FEATURES: clips.features, FROZEN: clips.frozen}
        else:
            found = {BIAS: self.bias(class_names, compare)}
        return {name: value.cpu() for name, value in found.items() if value is not None}

    def restore(
        self,
        tensors: Mapping[str, Tensor],
        class_names: Sequence[str],
        embed_dim: int,
        device: str | torch.device,
    ) -> None:
        """Restore the anchors from the tensors of a model file.

        Args:
            tensors: Output of :meth:`tensors`.
            class_names: Classes of the file.
            embed_dim: Dimensions of the features of the model.
            device: Device of the model.

        Raises:
            ValueError: The tensors do not fit together.
        """
        self.forget()
        kept = {name: value.float().to(device) for name, value in tensors.items()}
        shapes = {name: tuple(value.shape) for name, value in kept.items()}
        if shapes == {BIAS: (len(class_names),)}:
            self._by_name = dict(zip(class_names, kept[BIAS], strict=True))
        elif (
            FEATURES in kept and shapes.items() <= {FEATURES: (1, embed_dim), FROZEN: (1, embed_dim)}.items()
        ):
            clips = EncodedClips(kept[FEATURES], frozen=kept.get(FROZEN))
            self._anchors = [(clips, torch.ones(1, device=device))]
        else:
            raise ValueError(f'tensors of the shapes {shapes} are not those of a calibration by anchors')


def _mean(anchors: Sequence[tuple[EncodedClips, Tensor]]) -> EncodedClips:
    """Give the weighted mean of the features of clips, as one clip."""

    def mean(name: str) -> Tensor:
        parts = [weights.double() @ getattr(clips, name).double() for clips, weights in anchors]
        return torch.stack(parts).sum(dim=0, keepdim=True).float()

    return EncodedClips(mean('features'), frozen=None if anchors[0][0].frozen is None else mean('frozen'))
