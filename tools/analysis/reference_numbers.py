"""Outputs and gradients of ga2mm for the inputs of stored reference numbers, and their errors."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from open_clip import SimpleTokenizer
from safetensors.torch import save_file
from torch import Tensor

from ga2mm.engine.gaussian_average_hook import gaussian_weights
from ga2mm.models import CLIPRecognizer, ConditionalPrompt, ProjectedPrompt, VideoTokens
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from ga2mm.structures import set_gt_label

VALUE_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
HEAD_WIDTH = 64
TEMPLATE = 'a video of a person {}.'
MODES = ('one_negative', 'negative_per_class')
CLIP_GEOMETRY = (
    'embed_dim',
    'image_size',
    'vision_layers',
    'vision_width',
    'patch_size',
    'text_width',
    'text_layers',
)


def compare_ga2_clip(reference: dict[str, np.ndarray]) -> Iterator[tuple[str, float, float]]:
    """Yield name, relative error and tolerance of every tensor of GA2-CLIP."""
    tensors = numbers_of(reference)
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
    """Build the recognizer of GA2-CLIP from a config."""
    vision_depth, vision_length, text_depth, text_length = (int(value) for value in tensors['geometry'][7:11])
    hard_prompt = folder / 'hard_prompt.safetensors'
    write_hard_prompt(hard_prompt, tensors['hard_prompt'], 'reference', 'reference')

    model: CLIPRecognizer = MODELS.build(
        dict(
            type='CLIPRecognizer',
            backbone=backbone(tensors, folder),
            cls_head=dict(
                type='CoupledPromptHead',
                class_names=names,
                template=TEMPLATE,
                vision_prompt=dict(type='DeepPrompt', length=vision_length, depth=vision_depth),
                text_prompt=dict(type='DeepPrompt', length=text_length, depth=text_depth),
                coupling=dict(
                    type='HardPromptCoupling',
                    hard_prompt=str(hard_prompt),
                    allow_other_clip=True,
                    dropout=0.0,
                ),
            ),
            anchors=dict(negatives=negatives, strategies=[dict(type='ReleasedAnchor')]),
            data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCHW'),
        )
    )
    load_learned(model, tensors, learned_parameters(model))
    return model


def learned_parameters(model: CLIPRecognizer) -> Iterator[tuple[Tensor, int | None, str]]:
    """Yield each learnable tensor: parameter, index of the layer (None for all) and released name."""
    text, vision = model.cls_head.text_prompt, model.cls_head.vision_prompt
    linear = model.cls_head.coupling.mapping[0]
    yield linear.weight, None, 'prompt_learner.proj_b2n_VPT.0.weight'
    yield linear.bias, None, 'prompt_learner.proj_b2n_VPT.0.bias'
    first = (('prompt_learner.ctx_VPT', text, 'text'), ('image_encoder.VPT', vision, 'image'))
    for name, prompt, tower in first:
        yield prompt.soft_prompt, 0, name
        for layer in range(1, len(prompt.soft_prompt)):
            deeper = f'{tower}_encoder.transformer.resblocks.{layer}.VPT_shallow'
            yield prompt.soft_prompt, layer, deeper


def run(model: CLIPRecognizer, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Run one training step; give features, logits, loss and gradients under the reference's names."""
    anchor = model.objectives['loss_anchor_ReleasedAnchor']
    seen: list[Tensor] = []
    hook = anchor.register_forward_pre_hook(lambda module, args: seen.append(anchor.shift(args[0])))
    logits, losses = training_step(model, clips, [*labels.tolist(), -1])
    hook.remove()
    loss = losses['loss_cls'] + losses['loss_anchor_ReleasedAnchor']
    loss.backward()
    head, clip = model.cls_head, model.backbone
    frames = clip.encode_frames(clips.flatten(0, 1), head.vision_prompt())
    tokens = head.text_encoder.tokenize(head.class_names)
    results = {
        'frame_features': frames.unflatten(0, clips.shape[:2]),
        'class_features': clip.encode_tokens(tokens, head.text_encoder.prompts()),
        'scaled_logits': logits + seen[0],
        'loss': loss,
    }
    for parameter, index, name in learned_parameters(model):
        results[f'grad/{name}'] = parameter.grad if index is None else parameter.grad[index]
    return results


def compare_prompt_learner(reference: dict[str, np.ndarray]) -> Iterator[tuple[str, float, float]]:
    """Yield name, relative error and tolerance of every tensor of a method of the zoo."""
    tensors = numbers_of(reference)
    with tempfile.TemporaryDirectory() as folder:
        model = build_prompt_learner(reference, tensors, Path(folder))
    results = run_prompt_learner(model, tensors)
    if 'templates' in reference:
        results.update(teacher(model, reference, tensors))
    stored = {key: value for key, value in tensors.items() if key.startswith(('out/', 'grad/'))}
    for key in stored | results:
        both = key in stored and key in results
        error = relative_error(results[key], stored[key]) if both else math.inf
        yield key.removeprefix('out/'), error, GRADIENT_TOLERANCE


def build_prompt_learner(
    reference: dict[str, np.ndarray], tensors: dict[str, Tensor], folder: Path
) -> CLIPRecognizer:
    """Build the recognizer of a method of the zoo, inferred from the learnt tensors in the file."""
    names = [str(name) for name in reference['geometry_names']]
    geometry = dict(zip(names, tensors['geometry'].tolist(), strict=True))
    words = str(reference['init_words']).replace('_', ' ')
    text_prompt, vision_prompt = (
        dict(type='DeepPrompt', length=geometry[f'{tower}_length'], depth=geometry[f'{tower}_depth'])
        if geometry[f'{tower}_depth']
        else None
        for tower in ('text_prompt', 'vision_prompt')
    )
    if 'learned/prompt_learner.meta_net.linear1.weight' in tensors:
        del text_prompt['depth']
        text_prompt['type'] = 'ConditionalPrompt'
    if 'learned/prompt_learner.proj.weight' in tensors:
        vision_prompt = dict(type='ProjectedPrompt')
    ids = SimpleTokenizer().encode(words)
    if text_prompt and ids == tensors['tokenized_prompts'][0, 1 : 1 + len(ids)].tolist():
        text_prompt['init_words'] = words
    templates, losses = f'{words} {{}}.', []
    if 'templates' in reference:
        templates = [str(template) for template in reference['templates']]
        text, image = tensors['loss_weights_text_image'].tolist()
        weights = dict(text_weight=0.0, video_weight=0.0, logits_weight=0.0)
        terms = (dict(text_weight=text), dict(video_weight=image), dict(logits_weight=1.0))
        losses = [dict(type='SelfConsistency', **{**weights, **term}) for term in terms]
    model: CLIPRecognizer = MODELS.build(
        dict(
            type='CLIPRecognizer',
            backbone=backbone(tensors, folder),
            cls_head=dict(
                type='CoupledPromptHead',
                class_names=[str(name) for name in reference['class_names']],
                template=templates,
                text_prompt=text_prompt,
                vision_prompt=vision_prompt,
            ),
            losses=losses,
            data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCHW'),
        )
    )
    load_learned(model, tensors, prompt_learner_parameters(model))
    return model


def prompt_learner_parameters(model: CLIPRecognizer) -> Iterator[tuple[Tensor, int | None, str]]:
    """Yield each learnable tensor of a method of the zoo, like :func:`learned_parameters`."""
    text, vision = model.cls_head.text_prompt, model.cls_head.vision_prompt
    projected = isinstance(vision, ProjectedPrompt)
    prompts = []
    if text is not None:
        deeper = 'text_encoder.transformer.resblocks.{}.VPT_shallow'
        prompts.append(('prompt_learner.ctx', text, deeper))
    if projected:
        for layer, projection in enumerate(vision.projections):
            name = f'compound_prompt_projections.{layer - 1}' if layer else 'proj'
            yield projection.weight, None, f'prompt_learner.{name}.weight'
            yield projection.bias, None, f'prompt_learner.{name}.bias'
    elif vision is not None:
        prompts.append(('image_encoder.VPT', vision, 'image_encoder.transformer.resblocks.{}.VPT_shallow'))
    for first, prompt, deeper in prompts:
        yield prompt.soft_prompt, 0, first
        for layer in range(1, len(prompt.soft_prompt)):
            compound = f'prompt_learner.compound_prompts_text.{layer - 1}'
            yield prompt.soft_prompt, layer, compound if projected else deeper.format(layer)
    if isinstance(text, ConditionalPrompt):
        for number, linear in ((1, text.meta_net[0]), (2, text.meta_net[2])):
            yield linear.weight, None, f'prompt_learner.meta_net.linear{number}.weight'
            yield linear.bias, None, f'prompt_learner.meta_net.linear{number}.bias'


def run_prompt_learner(model: CLIPRecognizer, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run one training step; give features, logits, losses and gradients under the reference's names."""
    images = tensors['images']
    logits, losses = training_step(model, images.unsqueeze(1), tensors['labels'].tolist())
    total, _ = model.parse_losses(losses)
    total.backward()
    head, clip = model.cls_head, model.backbone
    features = clip.encode_frames(images, () if head.vision_prompt is None else head.vision_prompt())
    videos = VideoTokens(model(images.unsqueeze(1)), features.unsqueeze(1))
    encoder = head.text_encoder
    condition = encoder.condition(videos)
    if head.text_prompt is None:
        texts = clip.encode_tokens(clip.tokenize(sentences(head, encoder.templates[0])))
    else:
        prompts = encoder.prompts(head.class_names, condition)
        texts = clip.encode_tokens(encoder.tokenize(head.class_names), prompts)
    results = {
        'out/image_features_raw': features,
        'out/image_features': videos.features,
        'out/text_features_raw': texts,
        'out/text_features': encoder.encode(head.class_names, condition),
        'out/logits': logits,
        'out/logit_scale': clip.logit_scale,
        'out/loss/cross_entropy': losses['loss_cls'],
        'out/loss/total': total,
    }
    if 'loss_SelfConsistency_1' in losses:
        weights = tensors['loss_weights_text_image'].tolist()
        for number, (name, weight) in enumerate(zip(('text_l1', 'image_l1'), weights, strict=True), start=1):
            results[f'out/loss/{name}'] = losses[f'loss_SelfConsistency_{number}']
            results[f'out/loss/{name}_unweighted'] = results[f'out/loss/{name}'] / weight
        results['out/loss/kl'] = losses['loss_SelfConsistency_3']
        results['out/loss/kl_sum'] = results['out/loss/kl'] * logits.numel()
    for parameter, index, name in prompt_learner_parameters(model):
        results[f'grad/{name}'] = parameter.grad if index is None else parameter.grad[index]
    return results


def teacher(
    model: CLIPRecognizer, reference: dict[str, np.ndarray], tensors: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Give PromptSRC's frozen features and logits and its epoch weights under the reference's names."""
    head, clip = model.cls_head, model.backbone
    templates = head.text_encoder.templates
    raw = [clip.encode_tokens(clip.tokenize(sentences(head, template))) for template in templates]
    texts = head.text_encoder.encode_in_templates(head.class_names)
    images = torch.nn.functional.normalize(clip.encode_frames(tensors['images']), dim=-1)
    results = {
        'out/teacher/text_features_raw': torch.stack(raw).mean(dim=0),
        'out/teacher/text_features': texts,
        'out/teacher/image_features': images,
        'out/teacher/logits': head(images, texts, clip.logit_scale),
        'out/gpa_weights': gaussian_weights(*tensors['gpa_mean_std_epochs'].tolist()),
    }
    for key in reference:
        if key.startswith('out/gpa_weights_'):
            epochs, mean, std = key.removeprefix('out/gpa_weights_').replace('epochs', '').split('_')
            results[key] = gaussian_weights(float(mean), float(std), int(epochs))
    return results


def sentences(head: torch.nn.Module, template: str) -> list[str]:
    """Fill a head's class names into a template."""
    return [template.format(name.replace('_', ' ')) for name in head.class_names]


def numbers_of(reference: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Select the numeric arrays of a file."""
    return {key: torch.from_numpy(value) for key, value in reference.items() if value.dtype.kind in 'fi'}


def backbone(tensors: dict[str, Tensor], folder: Path) -> dict[str, Any]:
    """Write the weights of the reference's CLIP to a file in ``folder``, and give its config."""
    geometry = dict(zip(CLIP_GEOMETRY, tensors['geometry'].tolist(), strict=False))
    weights = folder / 'clip.safetensors'
    state_dict = {
        key.removeprefix('clip/'): value.contiguous()
        for key, value in tensors.items()
        if key.startswith('clip/')
    }
    state_dict['token_embedding.ids'] = tensors['token_rows'].int()
    state_dict['token_embedding.rows'] = tensors['token_embedding_rows']
    save_file(state_dict, weights, {'quick_gelu': 'true'})
    return dict(
        type='OpenCLIP',
        pretrained=str(weights),
        arch=dict(
            embed_dim=geometry['embed_dim'],
            quick_gelu=True,
            vision_cfg=dict(
                image_size=geometry['image_size'],
                layers=geometry['vision_layers'],
                width=geometry['vision_width'],
                patch_size=geometry['patch_size'],
                head_width=HEAD_WIDTH,
            ),
            text_cfg=dict(
                width=geometry['text_width'],
                heads=geometry['text_width'] // HEAD_WIDTH,
                layers=geometry['text_layers'],
            ),
        ),
    )


def load_learned(
    model: CLIPRecognizer,
    tensors: dict[str, Tensor],
    parameters: Iterator[tuple[Tensor, int | None, str]],
) -> None:
    """Load the learnt tensors of the reference; file and model must have the same tensors."""
    learned = {key: value for key, value in tensors.items() if key.startswith('learned/')}
    with torch.no_grad():
        for parameter, index, name in parameters:
            (parameter if index is None else parameter[index]).copy_(learned.pop(f'learned/{name}'))
    if learned:
        raise ValueError(f'{", ".join(learned)}: learnt there, and nothing of ga2mm corresponds')


def training_step(
    model: CLIPRecognizer, inputs: Tensor, labels: list[int]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Give scaled logits and losses of a batch in training mode; an anchor has the label -1."""
    samples = []
    for label in labels:
        sample = ActionDataSample(metainfo=dict(is_anchor=label < 0))
        set_gt_label(sample, label)
        samples.append(sample)
    seen: list[Tensor] = []
    hook = model.cls_head.loss_cls.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    losses = model.train()(inputs, samples, mode='loss')
    hook.remove()
    return seen[0], losses


def relative_error(value: Tensor, stored: Tensor) -> float:
    """Compute largest difference / largest magnitude; infinite for different shapes and for NaN."""
    if value.shape != stored.shape:
        return float('inf')
    error = float((value.detach() - stored).abs().max() / stored.abs().max())
    return error if math.isfinite(error) else float('inf')
