"""Compare ga2mm with stored reference numbers of GA2-CLIP.

The file holds weights, inputs, outputs and gradients of the released code at a tiny geometry; its layout is
described in tests/data/README.md. Prints the largest relative error of each tensor (largest difference over
largest magnitude) and exits with 1 if one exceeds its tolerance.
"""

import argparse
import math
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from safetensors.torch import save_file
from torch import Tensor

from ga2mm.models import CLIPRecognizer
from ga2mm.models.prompts.hard_prompt import write_hard_prompt
from ga2mm.registry import MODELS
from ga2mm.structures import set_gt_label

VALUE_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
HEAD_WIDTH = 64
TEMPLATE = 'a video of a person {}.'
MODES = ('one_negative', 'negative_per_class')


def main() -> int:
    """Print the comparison; 0 if everything agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, help='reference numbers, an .npz file')
    path = parser.parse_args().file
    try:
        with np.load(path, allow_pickle=False) as file:
            reference = {key: file[key] for key in file.files}
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        sys.exit(f'{path} cannot be read as an .npz file of arrays: {error}')
    if 'geometry' not in reference:
        sys.exit(f'{path} holds no reference numbers: it has no array "geometry"')
    worst = 0.0
    for name, error, tolerance in compare(reference):
        worst = max(worst, error / tolerance)
        print(f'{name:75s} {error:.2e}  {"ok" if error <= tolerance else f"EXCEEDS {tolerance:.0e}"}')
    print('agrees' if worst <= 1 else 'DIFFERS', f'(largest error is {worst:.2f} of its tolerance)')
    return int(not worst <= 1)


def compare(reference: dict[str, np.ndarray]) -> Iterator[tuple[str, float, float]]:
    """Yield name, largest relative error and tolerance of every tensor."""
    tensors = {key: torch.from_numpy(value) for key, value in reference.items() if value.dtype.kind in 'fi'}
    names = [str(name) for name in reference['class_names']]
    num_clips, num_frames = (int(value) for value in tensors['geometry'][-2:])
    clips = tensors['frames'].unflatten(0, (num_clips + 1, num_frames))
    with tempfile.TemporaryDirectory() as folder:
        for mode in MODES:
            negatives = [str(name) for name in reference['negatives']]
            negatives = negatives[:1] if mode == 'one_negative' else negatives
            model = build(tensors, names, negatives, Path(folder))
            results = run(model, clips, tensors['labels'])
            results['negative_features'] = model.backbone.encode_tokens(
                model.backbone.tokenize([TEMPLATE.format(name) for name in negatives])
            )
            stored = {key.removeprefix(f'out/{mode}/'): value for key, value in tensors.items()}
            for key, value in results.items():
                tolerance = GRADIENT_TOLERANCE if key.startswith('grad/') else VALUE_TOLERANCE
                yield f'{mode}/{key}', relative_error(value, stored[key]), tolerance

        model.eval()
        with torch.no_grad():
            logits, _ = model.extract_feat(clips[:num_clips], stage='head')
            frozen = model.backbone.encode_tokens(
                model.backbone.tokenize([TEMPLATE.format(name.replace('_', ' ')) for name in names])
            )
            frames = model.backbone.encode_frames(tensors['frames']).unflatten(0, clips.shape[:2])
        cosines = logits / model.backbone.logit_scale
        yield (
            'eval/cosine_logits',
            relative_error(cosines, tensors['out/eval/cosine_logits']),
            VALUE_TOLERANCE,
        )
        for key, value in (('class_features', frozen), ('frame_features', frames)):
            error = relative_error(value, tensors[f'out/zero_shot/{key}'])
            yield f'zero_shot/{key}', error, VALUE_TOLERANCE


def build(tensors: dict[str, Tensor], names: list[str], negatives: list[str], folder: Path) -> CLIPRecognizer:
    """The recognizer of the reference, built from a config as any other."""
    geometry = [int(value) for value in tensors['geometry']]
    embed_dim, image_size, vision_layers, vision_width, patch_size, text_width, text_layers = geometry[:7]
    vision_depth, vision_length, text_depth, text_length = geometry[7:11]
    weights, hard_prompt = folder / 'clip.safetensors', folder / 'hard_prompt.safetensors'
    state_dict = {
        key.removeprefix('clip/'): value.contiguous()
        for key, value in tensors.items()
        if key.startswith('clip/')
    }
    state_dict['token_embedding.ids'] = tensors['token_rows'].int()
    state_dict['token_embedding.rows'] = tensors['token_embedding_rows']
    save_file(state_dict, weights, {'quick_gelu': 'true'})
    write_hard_prompt(hard_prompt, tensors['hard_prompt'], 'reference', 'reference')

    model: CLIPRecognizer = MODELS.build(
        dict(
            type='CLIPRecognizer',
            backbone=dict(
                type='OpenCLIP',
                pretrained=str(weights),
                arch=dict(
                    embed_dim=embed_dim,
                    quick_gelu=True,
                    vision_cfg=dict(
                        image_size=image_size,
                        layers=vision_layers,
                        width=vision_width,
                        patch_size=patch_size,
                        head_width=HEAD_WIDTH,
                    ),
                    text_cfg=dict(width=text_width, heads=text_width // HEAD_WIDTH, layers=text_layers),
                ),
            ),
            cls_head=dict(
                type='CoupledPromptHead',
                class_names=names,
                template=TEMPLATE,
                vision_prompt=dict(type='DeepPrompt', length=vision_length, depth=vision_depth),
                text_prompt=dict(
                    type='CoupledPrompt',
                    length=text_length,
                    depth=text_depth,
                    hard_prompt=str(hard_prompt),
                    allow_other_clip=True,
                    dropout=0.0,
                ),
            ),
            anchors=dict(negatives=negatives, strategies=[dict(type='ReleasedAnchor')]),
            data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCHW'),
        )
    )
    learned = {key.removeprefix('learned/'): value for key, value in tensors.items()}
    with torch.no_grad():
        for parameter, index, name in learned_parameters(model):
            (parameter if index is None else parameter[index]).copy_(learned[name])
    return model


def learned_parameters(model: CLIPRecognizer) -> Iterator[tuple[Tensor, int | None, str]]:
    """Each learnable tensor: the parameter, the layer in it (None for all of it) and its released name."""
    text, vision = model.cls_head.text_prompt, model.cls_head.vision_prompt
    yield text.mapping[0].weight, None, 'prompt_learner.proj_b2n_VPT.0.weight'
    yield text.mapping[0].bias, None, 'prompt_learner.proj_b2n_VPT.0.bias'
    first = (('prompt_learner.ctx_VPT', text, 'text'), ('image_encoder.VPT', vision, 'image'))
    for name, prompt, tower in first:
        yield prompt.soft_prompt, 0, name
        for layer in range(1, len(prompt.soft_prompt)):
            deeper = f'{tower}_encoder.transformer.resblocks.{layer}.VPT_shallow'
            yield prompt.soft_prompt, layer, deeper


def run(model: CLIPRecognizer, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """One training step's features, logits, loss and gradients under the reference's names."""
    samples = []
    for label in [*labels.tolist(), -1]:
        sample = ActionDataSample(metainfo=dict(is_anchor=label < 0))
        set_gt_label(sample, label)
        samples.append(sample)
    seen: dict[str, Tensor] = {}
    hook = model.cls_head.loss_cls.register_forward_pre_hook(
        lambda module, args: seen.update(scaled_logits=args[0])
    )
    model.train()
    loss = model(clips, samples, mode='loss')['loss_cls']
    hook.remove()
    loss.backward()
    head, clip = model.cls_head, model.backbone
    frames = clip.encode_frames(clips.flatten(0, 1), head.vision_prompts())
    tokens = head.tokenize(clip, head.class_names)
    results = {
        'frame_features': frames.unflatten(0, clips.shape[:2]),
        'class_features': clip.encode_tokens(tokens, head.text_prompt()),
        'scaled_logits': seen['scaled_logits'],
        'loss': loss,
    }
    for parameter, index, name in learned_parameters(model):
        results[f'grad/{name}'] = parameter.grad if index is None else parameter.grad[index]
    return results


def relative_error(value: Tensor, stored: Tensor) -> float:
    """Largest difference over largest magnitude; infinite if the shapes differ or a value is no number."""
    if value.shape != stored.shape:
        return float('inf')
    error = float((value.detach() - stored).abs().max() / stored.abs().max())
    return error if math.isfinite(error) else float('inf')


if __name__ == '__main__':
    sys.exit(main())
