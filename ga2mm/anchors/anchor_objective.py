"""What is demanded of anchors: negatives, strategies and the features they see."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModule
from torch import Tensor, nn

from ga2mm.anchors.negatives import read_negatives
from ga2mm.registry import ANCHOR_STRATEGIES
from ga2mm.utils import numbered


@dataclass
class BatchFeatures:
    """Unit features of one batch, as an anchor strategy sees them.

    *Prompted* features carry gradient to the prompts of their tower, and to the tower itself where the CLIP
    is tuned; in a frozen tower without prompts they are the frozen ones. *Frozen* features come from the CLIP
    without prompts, with the weights that it was loaded with, and carry no gradient. What may be None is
    computed only if a strategy names it in ``uses``.

    Attributes:
        clips: Labelled clips, prompted, (clips, embed_dim).
        classes: Classes, prompted, (classes, embed_dim); with a conditional text prompt as each clip has
            them, (clips + anchors, classes, embed_dim), those of the anchor videos last.
        logit_scale: The scale of the logits, a scalar.
        videos: Anchor videos, prompted, (anchors, embed_dim), or None.
        negatives: Negatives, frozen, (negatives, embed_dim), or None.
        prompted_negatives: Negatives, prompted, (negatives, embed_dim), or None; with a conditional text
            prompt as each anchor video has them, (anchors, negatives, embed_dim).
        frozen_clips: Labelled clips, frozen, (clips, embed_dim), or None.
        frozen_classes: Classes, frozen, (classes, embed_dim), or None.
        frozen_videos: Anchor videos, frozen, (anchors, embed_dim), or None.
    """

    clips: Tensor
    classes: Tensor
    logit_scale: Tensor
    videos: Tensor | None = None
    negatives: Tensor | None = None
    prompted_negatives: Tensor | None = None
    frozen_clips: Tensor | None = None
    frozen_classes: Tensor | None = None
    frozen_videos: Tensor | None = None

    @property
    def clip_classes(self) -> Tensor:
        """Classes as labelled clips have them, (classes, embed_dim) or (clips, classes, embed_dim)."""
        return self.classes if self.classes.dim() == 2 else self.classes[: len(self.clips)]

    @property
    def video_classes(self) -> Tensor:
        """Classes as anchor videos have them, (classes, embed_dim) or (anchors, classes, embed_dim)."""
        return self.classes if self.classes.dim() == 2 else self.classes[len(self.clips) :]


@dataclass(frozen=True)
class TuningSetup:
    """What decides whether a strategy can have a gradient.

    Attributes:
        vision_learns: Whether the vision tower has prompts or is tuned.
        text_learns: Whether the text tower has prompts or is tuned.
        num_negatives: Number of negatives.
        num_classes: Number of classes; None as long as it is not known.
    """

    vision_learns: bool
    text_learns: bool
    num_negatives: int
    num_classes: int | None = None

    @property
    def learns(self) -> bool:
        """Whether any tower has prompts or is tuned."""
        return self.vision_learns or self.text_learns


class AnchorStrategy(BaseModule):
    """One demand on the anchors; register subclasses in ``ANCHOR_STRATEGIES``.

    Attribute ``uses`` names the entries of :class:`BatchFeatures` that the strategy reads, apart from
    ``clips``, ``classes`` and ``logit_scale``, which are always there.

    Attribute ``given_by_recognizer`` names constructor arguments that configs leave out: ``'embed_dim'``. A
    strategy may have parameters: they are learnt and saved, and left out in testing.

    Args:
        weight: Factor of the strategy's term.
    """

    uses: tuple[str, ...] = ()
    given_by_recognizer: tuple[str, ...] = ()

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def no_effect(self, setup: TuningSetup) -> list[str]:
        """What has no gradient in this setup, and why; empty where all of the strategy has one.

        Each entry continues the strategy's name: ``'has no gradient: ...'``. Weight 0 is not asked about.
        """
        return []

    def logit_shift(self, features: BatchFeatures) -> Tensor | None:
        """What to add to the logits of labelled clips, of shape (classes,) or (1,); None for nothing."""
        return None

    def loss(self, features: BatchFeatures) -> Tensor | None:
        """A scalar loss without ``weight``; None where the strategy acts on the logits only."""
        return None


class AnchorObjective(BaseModule):
    """Negative prompts and strategies (config key ``model.anchors``).

    A strategy, or a term of one, that cannot have a gradient with these prompts and negatives is named in a
    warning: when the model is built, or at the first loss where the number of classes decides.

    Args:
        strategies: Configs of anchor strategies; their terms add up. Of several of one type each is logged
            with its number: ``loss_anchor_Margin_1``.
        negatives: Names that go where a class name goes: ``['else']``, or a dict of arguments of
            :func:`~ga2mm.anchors.negatives.read_negatives`. Needed where a strategy uses them.
        log_grad_norm: Log the norm of each strategy's gradient, at the cost of a backward pass for each.
        vision_learns, text_learns: Whether the tower has prompts or is tuned. Given by the recognizer.
        embed_dim: Number of dimensions of the features. Given by the recognizer.

    Raises:
        FileNotFoundError: There is no such file of negatives.
        ValueError: There is no strategy, a strategy uses negatives and there are none, or they are wrong.
    """

    def __init__(
        self,
        strategies: Sequence[dict[str, Any]],
        negatives: Sequence[str] | dict[str, Any] = (),
        log_grad_norm: bool = False,
        *,
        vision_learns: bool,
        text_learns: bool,
        embed_dim: int,
    ) -> None:
        super().__init__()
        if isinstance(negatives, str) or not strategies:
            raise ValueError(
                'model.anchors needs a list of negatives and a list of strategies, such as '
                "negatives=['else'], strategies=[dict(type='FeatureConsistency')]"
            )
        self.strategies = nn.ModuleList(
            _build_strategy(strategy, embed_dim=embed_dim) for strategy in strategies
        )
        if not negatives and (self.uses('negatives') or self.uses('prompted_negatives')):
            raise ValueError("model.anchors needs a list of negatives, such as negatives=['else']")
        self.negatives: list[str] = []
        self.negative_templates: tuple[str, ...] = ()
        if negatives:
            source = negatives if isinstance(negatives, dict) else dict(names=negatives)
            self.negatives, self.negative_templates = read_negatives(**source)
        self.log_grad_norm = log_grad_norm
        self.names = numbered([type(strategy).__name__ for strategy in self.strategies])
        self._setup = TuningSetup(vision_learns, text_learns, len(self.negatives))
        self._warned: set[str] = set()
        self._warn_of_no_effect(self._setup)

    def uses(self, name: str) -> bool:
        """Whether any strategy uses this entry of :class:`BatchFeatures`."""
        return any(name in strategy.uses for strategy in self.strategies)

    @property
    def needs_anchor_clips(self) -> bool:
        """Whether any strategy looks at anchor clips."""
        return self.uses('videos') or self.uses('frozen_videos')

    @property
    def needs_teacher(self) -> bool:
        """Whether any strategy looks at features of the frozen CLIP."""
        return any(map(self.uses, ('negatives', 'frozen_clips', 'frozen_classes', 'frozen_videos')))

    def logit_shifts(self, features: BatchFeatures) -> dict[str, Tensor]:
        """What strategies add to the logits of labelled clips, weighted, (classes,) or (1,), by name."""
        shifts = {}
        for name, strategy in self._named():
            shift = strategy.logit_shift(features)
            if shift is not None:
                shifts[name] = strategy.weight * shift
        return shifts

    def losses(self, features: BatchFeatures) -> dict[str, Tensor]:
        """The strategies' losses, weighted, as ``loss_anchor_<name>``."""
        self._warn_of_no_effect(replace(self._setup, num_classes=features.classes.shape[-2]))
        losses = {}
        for name, strategy in self._named():
            loss = strategy.loss(features)
            if loss is not None:
                losses[f'loss_anchor_{name}'] = strategy.weight * loss
        return losses

    def grad_norms(
        self, losses: dict[str, Tensor], shifts: dict[str, Tensor], parameters: Iterable[nn.Parameter]
    ) -> dict[str, Tensor]:
        """Euclidean norms of the strategies' gradients, weighted, as ``grad_norm_<name>``.

        A strategy that shifts the logits is taken with what reaches the prompts through its shift. The
        gradients are means over all processes, as those that the optimizer sees.

        Args:
            losses: All losses of the batch: ``loss_cls`` and those of :meth:`losses`.
            shifts: What :meth:`logit_shifts` gave and was added to the logits.
            parameters: All that is learnt.
        """
        parameters = list(parameters)
        norms = {}
        for name in self.names:
            term = losses.get(f'loss_anchor_{name}', losses['loss_cls'].new_zeros(()))
            if name in shifts and shifts[name].requires_grad:
                (at_shift,) = torch.autograd.grad(losses['loss_cls'], shifts[name], retain_graph=True)
                term = term + (at_shift * shifts[name]).sum()
            gradient = _gradient(term, parameters)
            all_reduce(gradient, op='mean')
            norms[f'grad_norm_{name}'] = gradient.norm()
        return norms

    def _named(self) -> Iterable[tuple[str, AnchorStrategy]]:
        return zip(self.names, self.strategies, strict=True)

    def _warn_of_no_effect(self, setup: TuningSetup) -> None:
        for name, strategy in self._named():
            reasons = strategy.no_effect(setup) if strategy.weight else ['has no gradient: its weight is 0']
            for warning in [f'{name} {reason}' for reason in reasons]:
                if warning not in self._warned:
                    self._warned.add(warning)
                    warnings.warn(f'model.anchors: {warning}', stacklevel=3)


def _build_strategy(config: dict[str, Any], **known: Any) -> AnchorStrategy:
    """A strategy, told what it asks for in ``given_by_recognizer``."""
    kind = ANCHOR_STRATEGIES.get(config['type']) if isinstance(config['type'], str) else config['type']
    asked_for = {name: known[name] for name in getattr(kind, 'given_by_recognizer', ())}
    return ANCHOR_STRATEGIES.build(dict(config, _scope_='ga2mm', **asked_for))


def _gradient(value: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    """The gradient of a scalar with respect to all parameters as one vector."""
    if not value.requires_grad:
        return value.new_zeros(sum(parameter.numel() for parameter in parameters))
    gradients = torch.autograd.grad(value, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in gradients])
