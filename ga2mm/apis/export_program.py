"""Export a model as a program that runs without ga2mm: ``torch.export`` (.pt2) and ONNX (.onnx)."""

import copy
import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from ga2mm.apis.prediction_pipeline import PredictionPipeline
from ga2mm.models import CLIPRecognizer
from ga2mm.models.clip.block import QUICK, Prompts
from ga2mm.models.clip.vision_tower import encode_frames
from ga2mm.models.video_encoder import VideoTokens, mean_over_frames
from ga2mm.utils import replace_when_written
from ga2mm.version import __version__

SUFFIXES = ('.pt2', '.onnx')
"""Suffixes of the files: ``torch.export`` and ONNX."""

METADATA = 'ga2mm'
"""Name of the JSON text in a file: an extra file of a .pt2 file, a metadata property of an ONNX file."""

INPUT, OUTPUTS = 'frames', ('logits', 'probabilities')

ONNX_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')

ONNX_LIMIT = 2**31 - 2**20
"""Maximum size of one ONNX file in bytes, with room for the graph."""

TOLERANCE = 1e-4
"""Maximum difference of probabilities between the model and its exported program."""

PROBE_FRAMES = 64
"""Number of frames of the video that shows how many frames a pipeline samples."""


class VideoProgram(nn.Module):
    """The prediction of a recognizer for fixed classes, from uint8 frames to probabilities.

    Class features, prompts, the logit scale and the correction by anchors are constants. The recognizer is
    not changed.

    Args:
        recognizer: The recognizer, with classes. It must be in float32 on the CPU.

    Raises:
        ValueError: The class features depend on the clip, or the model has no classes.
    """

    def __init__(self, recognizer: CLIPRecognizer) -> None:
        super().__init__()
        head, clip = recognizer.cls_head, recognizer.backbone
        if not head.class_names:
            raise ValueError('the model names no classes: give some (classes, --classes "one, another")')
        _check_prompts(recognizer)
        mean, std = _mean_std(recognizer)
        self.register_buffer('mean', mean)
        self.register_buffer('std', std)
        prompts = () if head.vision_prompt is None else head.vision_prompt()
        self.tower = _Tower(clip.model.visual, prompts)
        self.temporal = copy.deepcopy(recognizer.temporal)
        self.register_buffer('classes', head.text_encoder.encode(head.class_names).clone())
        self.register_buffer('scale', clip.logit_scale.float().clone())
        self.share = recognizer.frozen_share
        if self.share:
            self.frozen_tower = _Tower(recognizer.teacher.model.visual, ())
            frozen = recognizer.frozen_text_encoder.encode_in_templates(head.class_names)
            self.register_buffer('frozen_classes', frozen.clone())
        self.register_buffer('correction', recognizer.correction())
        self.requires_grad_(False)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits and probabilities (B, classes) of clips of uint8 RGB frames (B, T, 3, H, W)."""
        frames = (frames.float() - self.mean) / self.std
        logits = self._compare(self._pool(self.tower(frames)), self.classes)
        if self.share:
            frozen = self._compare(mean_over_frames(self.frozen_tower(frames)), self.frozen_classes)
            logits = (1 - self.share) * logits + self.share * frozen
        if self.correction is not None:
            logits = logits - self.correction
        return logits, logits.softmax(dim=-1)

    def _pool(self, features: Tensor) -> Tensor:
        if self.temporal is None:
            return mean_over_frames(features)
        return self.temporal(features, self.classes)

    def _compare(self, feats: Tensor, classes: Tensor) -> Tensor:
        guided = feats.dim() == 3  # the classes guide the temporal model: (B, classes, embed_dim)
        return self.scale * ((feats * classes).sum(dim=-1) if guided else feats @ classes.t())


class _Tower(nn.Module):
    """A copy of a vision tower, with fixed prompts."""

    def __init__(self, visual: nn.Module, prompts: Prompts) -> None:
        super().__init__()
        self.visual = copy.deepcopy(visual)
        for block in self.visual.transformer.resblocks:
            if isinstance(block.mlp.gelu, QuickGELU):
                block.mlp.gelu = _Activation()
        self.depth = len(prompts)
        for index, prompt in enumerate(prompts):
            self.register_buffer(f'prompt_{index}', None if prompt is None else prompt.detach().clone())

    def forward(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (B, T, 3, H, W) to features (B, T, embed_dim), not normalised."""
        prompts = [getattr(self, f'prompt_{index}') for index in range(self.depth)]
        features, _ = encode_frames(self.visual, frames.flatten(0, 1), prompts)
        return features.unflatten(0, (-1, frames.shape[1]))


class _Activation(nn.Module):
    """QuickGELU as a module of its own, so that linear layers stay plain and can be quantized.

    ``run_block`` multiplies the weights of layers before and after OpenCLIP's ``QuickGELU`` by factors.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * torch.sigmoid(QUICK * tokens)


def export_program(
    recognizer: CLIPRecognizer, path: str | Path, int8: bool = False, none_below: float | None = None
) -> dict[str, Any]:
    """Write the prediction of a model as a program that runs without ga2mm.

    The program takes ``frames``, uint8 RGB (B, T, 3, H, W) with any B, and gives ``logits`` and
    ``probabilities`` (B, classes). It normalises the frames itself. A float32 program is compared with the
    model before it is kept.

    Args:
        recognizer: From :func:`~ga2mm.load`, with classes, on the CPU.
        path: The file to write, ending in ``.pt2`` or ``.onnx``. It is written whole or not at all.
        int8: Quantize the weights of an ONNX file to int8, and activations as they are computed
            (``quantize_dynamic`` of ONNX Runtime), for the CPU.
        none_below: Threshold of :func:`~ga2mm.calibrate_threshold` for these classes; for the metadata.

    Returns:
        The metadata of the file: ``classes``; ``frames``, ``height`` and ``width`` of a clip; ``clips``, the
        number of clips and crops of a video in the test pipeline, and ``average_clips``, how the model
        averages them ('prob' or 'score'); ``none_below``; ``clip``, the identity of the CLIP; ``ga2mm``, the
        version.

    Raises:
        OSError: The file cannot be written.
        ValueError: The suffix is another one, a package is missing, the prompts of the model depend on the
            clip, the model is too large for an ONNX file, or the program differs from the model.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f'{path}: give the program a name that ends in {" or ".join(SUFFIXES)}')
    if int8 and path.suffix != '.onnx':
        raise ValueError(f'{path}: int8 is for ONNX files: give a name that ends in .onnx')
    if path.suffix == '.onnx':
        check_onnx_packages()
    with torch.no_grad():
        program = VideoProgram(recognizer).eval()
        metadata = _metadata(recognizer, none_below)
        frames = _probe(metadata)
        expected = probabilities(recognizer, frames)
        with replace_when_written(path) as temporary:
            if path.suffix == '.pt2':
                found = _write_pt2(program, frames, metadata, temporary)
            else:
                found = _write_onnx(program, frames, metadata, temporary, int8)
            difference = float(np.abs(found - expected).max())
            if not difference <= TOLERANCE and not int8:
                raise ValueError(
                    f'{path} is not written: its probabilities differ from those of the model by '
                    f'{difference:.1e}, more than {TOLERANCE:.0e}'
                )
    return metadata


def check_onnx_packages() -> None:
    """Raise a ValueError if a package that writes or runs ONNX files is missing."""
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"ONNX files need {', '.join(missing)}, not installed here: pip install 'ga2mm[onnx]'"
        )


def open_onnx(path: str | Path) -> Any:
    """Open an ONNX file as an ``onnxruntime.InferenceSession`` on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def _check_prompts(recognizer: CLIPRecognizer) -> None:
    """Raise a ValueError if the text prompts depend on the clip."""
    learner = recognizer.cls_head.text_prompt
    if learner is None:
        return
    clip = recognizer.backbone
    patches = int(np.prod(clip.model.visual.grid_size))
    layers = [torch.zeros(1, patches, clip.vision_width)] * clip.vision_layers
    videos = VideoTokens(torch.zeros(1, clip.embed_dim), torch.zeros(1, 1, clip.embed_dim), layers)
    if learner.condition(videos) is not None:
        raise ValueError(
            f'the prompts of {type(learner).__name__} depend on the clip, so the model has no fixed class '
            'features and cannot be exported as a program: predict with ga2mm, or train another method'
        )


def _mean_std(recognizer: CLIPRecognizer) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation (3, 1, 1) by which the model normalises frames.

    Raises:
        ValueError: The data preprocessor swaps channels.
    """
    preprocessor = recognizer.data_preprocessor
    if getattr(preprocessor, 'to_rgb', False):
        raise ValueError('model.data_preprocessor.to_rgb=True: a program takes RGB frames; set it to False')
    mean = getattr(preprocessor, 'mean', torch.zeros(3))
    std = getattr(preprocessor, 'std', torch.ones(3))
    return mean.reshape(-1, 1, 1).clone(), std.reshape(-1, 1, 1).clone()


def _metadata(recognizer: CLIPRecognizer, none_below: float | None) -> dict[str, Any]:
    """Describe the program of a model."""
    height, width = recognizer.backbone.image_size
    clips, frames = _clip_shape(recognizer, (height, width))
    return dict(
        classes=list(recognizer.cls_head.class_names),
        frames=frames,
        height=height,
        width=width,
        clips=clips,
        average_clips=recognizer.cls_head.average_clips,
        none_below=none_below,
        clip=recognizer.backbone.identity,
        ga2mm=__version__,
    )


def _clip_shape(recognizer: CLIPRecognizer, size: tuple[int, int]) -> tuple[int, int]:
    """Give the number of clips of a video and the number of frames of a clip, as the test pipeline does."""
    pipeline = PredictionPipeline(recognizer.cfg)
    if pipeline.opens_images:
        return 1, 1
    shape = pipeline.read_frames(np.zeros((PROBE_FRAMES, *size, 3), np.uint8), 'probe')['inputs'].shape
    return (shape[0], shape[2]) if len(shape) == 5 else (1, shape[0])


def _probe(metadata: dict[str, Any]) -> Tensor:
    """Give two clips of smooth coloured noise, which trace and check a program."""
    shape = (2, metadata['frames'], 3, metadata['height'], metadata['width'])
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def probabilities(recognizer: CLIPRecognizer, frames: Tensor) -> np.ndarray:
    """Give the probabilities (B, classes) that the model itself gives for clips of uint8 frames.

    Args:
        recognizer: The recognizer, with classes.
        frames: RGB frames (B, T, 3, H, W).
    """
    clips = list(frames)
    if recognizer.data_preprocessor.format_shape == 'NCTHW':
        clips = [clip.transpose(0, 1)[None] for clip in clips]
    batch = recognizer.data_preprocessor(dict(inputs=clips, data_samples=[]))
    logits, _ = recognizer.extract_feat(batch['inputs'], stage='head')
    return logits.softmax(dim=-1).numpy()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes, which say nothing to a user, off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)


def _exported(program: VideoProgram, frames: Tensor) -> torch.export.ExportedProgram:
    with _quiet():
        return torch.export.export(program, (frames,), dynamic_shapes=({0: torch.export.Dim('batch')},))


def _write_pt2(program: VideoProgram, frames: Tensor, metadata: dict[str, Any], path: Path) -> np.ndarray:
    """Write a .pt2 file, and give its probabilities of the frames."""
    exported = _exported(program, frames)
    text = json.dumps(metadata, ensure_ascii=False)
    with _quiet(), path.open('wb') as file:
        torch.export.save(exported, file, extra_files={METADATA: text})
    with _quiet(), path.open('rb') as file:
        return torch.export.load(file).module()(frames)[1].numpy()


def _write_onnx(
    program: VideoProgram, frames: Tensor, metadata: dict[str, Any], path: Path, int8: bool
) -> np.ndarray:
    """Write an ONNX file, and give its probabilities of the frames.

    Raises:
        ValueError: The model is too large for an ONNX file.
    """
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    size = sum(value.nbytes for value in program.state_dict().values())
    if size > ONNX_LIMIT:
        raise ValueError(
            f'the model has {size / 1e9:.1f} GB, an ONNX file at most 2 GB: give a name that ends in .pt2'
        )
    exported = _exported(program, frames)
    with _quiet():
        names = dict(input_names=[INPUT], output_names=list(OUTPUTS))
        made = torch.onnx.export(exported, dynamo=True, verbose=False, **names)
        # Parts of the packed weights of attention become constants, which can be quantized.
        fold_constants(made.model, input_size_limit=ONNX_LIMIT, output_size_limit=ONNX_LIMIT)
        remove_unused_nodes(made.model)
    made.model.metadata_props[METADATA] = json.dumps(metadata, ensure_ascii=False)
    with TemporaryDirectory() as folder:
        whole = Path(folder) / 'whole.onnx'
        made.save(whole)
        if int8:
            whole = _quantize(whole)
        shutil.copyfile(whole, path)
    return open_onnx(path).run([OUTPUTS[1]], {INPUT: frames.numpy()})[0]


def _quantize(whole: Path) -> Path:
    """Write an ONNX file with int8 weights next to one with float32 weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = whole.with_name('int8.onnx')
    with _quiet():
        quantize_dynamic(whole, path, ['MatMul', 'Gemm'], per_channel=True, weight_type=QuantType.QInt8)
    return path
