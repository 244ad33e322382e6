"""Inputs for recognizers on the tiny CLIP, and calls of the recognizers."""

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from ga2mm.models import CLIPRecognizer
from ga2mm.structures import get_scores, set_gt_label

NAMES = ['walk', 'climb stairs', 'drink']


def make_clips(count: int = 3, crops: int = 1, num_frames: int = 2, seed: int = 0) -> torch.Tensor:
    """Clips (count, crops, 3, T, 32, 32) that a random CLIP can tell apart."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count * crops, 3, num_frames, 4, 4, generator=generator)
    clips = F.interpolate(coarse, size=(num_frames, 32, 32), mode='nearest') * 2
    return clips.unflatten(0, (count, crops))


def make_samples(*labels: int | None) -> list[ActionDataSample]:
    """Samples with these labels; None for an anchor."""
    samples = []
    for label in labels:
        sample = ActionDataSample(metainfo=dict(is_anchor=label is None))
        if label is not None:
            set_gt_label(sample, label)
        samples.append(sample)
    return samples


@torch.no_grad()
def predict(model: CLIPRecognizer, clips: torch.Tensor) -> torch.Tensor:
    samples = make_samples(*[0] * len(clips))
    return torch.stack([get_scores(sample) for sample in model.eval()(clips, samples, mode='predict')])


def gradients(model: CLIPRecognizer, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        for name, parameter in model.named_parameters()
    }


def largest(tensors: dict[str, torch.Tensor], part: str) -> float:
    values = [float(value.abs().max()) for name, value in tensors.items() if part in name]
    assert values, part
    return max(values)


def count_text_passes(model: CLIPRecognizer) -> list[int]:
    calls: list[int] = []
    model.backbone.text_tower.ln_final.register_forward_hook(lambda *args: calls.append(1))
    return calls


def frames(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))
