"""Train the tiny CLIP of the miniature world from scratch, on a CPU or a GPU.

Run ``python -m ga2mm.miniature.pretrain --out DIR`` to write ``DIR/miniature.safetensors`` and
``DIR/miniature.json``. The package ships the result of the default arguments under ``assets``. The training
stores its state in ``DIR/state.pt`` every 500 steps; the same command goes on from there.

The checkpoint has open_clip's key names and fp16 weights. Captions use some 200 of the 49,408 rows of
the token table. Only these are stored: ``token_embedding.ids`` (int32, sorted) and
``token_embedding.rows`` (fp16). The other rows are untrained; the loader draws them from N(0, 0.02^2) with a
generator seeded 0, see :func:`load_state_dict`.

Design choices:

* There are two stages, each with AdamW from its start. In the first, only the vision tower learns: a linear
  head, which is not stored, classifies the attributes of its features. In the second, images are also
  compared with the captions of the batch, and with short captions of all values of each attribute. With
  captions alone, which colour and background mostly tell apart, shapes and actions are learnt far slower.
* Half of the images are clean. The others have noise, smudges, low contrast and a shaky camera, differently
  in each eighth of a batch, and the noise grows during the training. A CLIP that knows clean images only
  gains on novel classes when it is tuned, since tuning repairs what it lacks.
* One of four objects does nothing and lies anywhere, at any angle, so that a shape is also learnt without the
  cue of an action and in poses that it has in held-out compositions only, such as those of spinning.
* Half of the batches have few colours, textures and backgrounds, so that shapes and actions matter.
* A caption that is true of another image of the batch is no negative of it. Nor is one that differs only in a
  composition of shape and action that is held out: else the tiny CLIP would learn that it cannot be.
* Sequences are cut to the longest caption of the batch, which is exact because the text tower is causal. In
  training the token table has the used rows only, which reduces the optimizer's work to a thirtieth without
  other effects. Every eighth batch has long captions, so that the positions behind 16 prompt tokens are
  trained.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import torch
from open_clip import CLIP, SimpleTokenizer
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ga2mm.miniature import world
from ga2mm.models.clip.weights import read_weights
from ga2mm.tensor_files import read_safetensors, write_safetensors
from ga2mm.utils import replace_when_written

CONFIG_FILE = Path(__file__).parent / 'assets' / 'miniature.json'
CHECKPOINT_FILE = Path(__file__).parent / 'assets' / 'miniature.safetensors'
ARCH = 'miniature'

STEPS = (16000, 8000)
"""Steps of the two stages."""
SEED, BATCH, LEARNING_RATE, WEIGHT_DECAY, WARMUP = 0, 256, 1e-3, 0.05, 100
NOISE = (0.2, 0.4)
"""Standard deviation of the most noise at the end of each stage."""
SAVE_EVERY = 500


# ------------------------------------------------------------------------------------ checkpoint


def build_clip(vocab_size: int | None = None) -> CLIP:
    """Build the tiny CLIP with random weights; ``vocab_size`` is by default that of CLIP's vocabulary."""
    config = json.loads(CONFIG_FILE.read_text())
    if vocab_size is not None:
        config['text_cfg']['vocab_size'] = vocab_size
    return CLIP(**config)


def save_state_dict(
    state: dict[str, torch.Tensor], ids: torch.Tensor, path: Path, steps: int, seed: int
) -> None:
    """Write the compact checkpoint atomically.

    Args:
        state: Weights of a CLIP whose token table has the rows of ``ids`` only.
        ids: Token ids of those rows, sorted, shape (rows,).
        path: The file.
        steps, seed: Steps and seed of the training, stored as metadata.
    """
    tensors = {key: value.detach().half() for key, value in state.items()}
    tensors['token_embedding.rows'] = tensors.pop('token_embedding.weight')
    tensors['token_embedding.ids'] = ids.to(torch.int32)
    metadata = {
        'arch': ARCH,
        'quick_gelu': 'false',
        'seed': str(seed),
        'steps': str(steps),
        'world_version': str(world.WORLD_VERSION),
    }
    with replace_when_written(path) as temporary:
        write_safetensors(temporary, tensors, metadata)


def load_state_dict(path: str | Path = CHECKPOINT_FILE) -> dict[str, torch.Tensor]:
    """Read a compact checkpoint into a full fp32 state dict for ``build_clip()``.

    Rows of the token table that are not stored are drawn from N(0, 0.02^2) with a generator seeded 0.

    Raises:
        ValueError: the file is not a checkpoint of this tiny CLIP.
    """
    _, metadata = read_safetensors(path, f'{ARCH} checkpoint', 'train one with ga2mm.miniature.pretrain')
    if metadata.get('arch') != ARCH:
        raise ValueError(f'{path} is not a {ARCH} checkpoint: its metadata say arch={metadata.get("arch")!r}')
    return {key: value.float() for key, value in read_weights(path).state_dict.items()}


# ---------------------------------------------------------------------------------------- towers


def normalize(frames: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Convert uint8 RGB frames (N, H, W, 3) to CLIP's input, float32 (N, 3, H, W)."""
    frames = torch.as_tensor(frames)
    mean, std = (frames.new_tensor(v, dtype=torch.float32) for v in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    return ((frames / 255 - mean) / std).permute(0, 3, 1, 2)


_tokenizer = cache(SimpleTokenizer)
_word_ids = cache(lambda word: _tokenizer().encode(word))


def tokenize(texts: list[str]) -> torch.Tensor:
    """Give token ids (N, length), zero behind the end token, cut to the longest text.

    The ids are the same as open_clip's tokenizer's, but cached by word, because that tokenizer is slow.
    """
    start, end = _tokenizer().sot_token_id, _tokenizer().eot_token_id
    rows = [[start, *(i for word in text.split() for i in _word_ids(word)), end] for text in texts]
    length = max(map(len, rows))
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


def encode_text(clip: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Compute text features (N, embed_dim), not normalized, of tokens of any length up to the context.

    The end token must have the largest id of its row, as in CLIP's vocabulary.
    """
    length = tokens.shape[1]
    x = clip.token_embedding(tokens) + clip.positional_embedding[:length]
    x = clip.transformer(x, attn_mask=clip.attn_mask[:length, :length])
    x = clip.ln_final(x[torch.arange(len(x)), tokens.argmax(1)])
    return x @ clip.text_projection


# -------------------------------------------------------------------------------------- training


def _vocabulary() -> torch.Tensor:
    """Give the sorted ids of all tokens that occur in captions."""
    rng = np.random.default_rng(0)
    scenes = _scenes(8192, rng)
    texts = [text for long in (False, True) for text in world.captions(scenes, rng, long)[0]]
    return tokenize(texts).unique()


def _scenes(count: int, rng: np.random.Generator, alike: bool = False) -> world.Scenes:
    """Draw scenes without held-out compositions; 1/16 are empty, 1/16 have no named object, 1/4 no action.

    ``alike``: they share three colours, two textures and two backgrounds.
    """
    scenes = world.random_scenes(world.SHAPES, count, rng)
    kind = rng.integers(16, size=count)
    scenes.shape[kind == 0] = world.NOTHING
    scenes.shape[kind == 1] = world.BLOB
    scenes.action[rng.integers(4, size=count) == 0] = world.NOTHING
    away = rng.integers(1, 4, size=count) * world.held_out(scenes.shape, scenes.action)
    scenes.action[away > 0] = (scenes.action + away)[away > 0] % len(world.ACTIONS)
    if alike:
        for values, number, some in (
            (scenes.colour, len(world.COLOURS), 3),
            (scenes.texture, len(world.TEXTURES), 2),
            (scenes.background, len(world.BACKGROUNDS), 2),
        ):
            values[:] = rng.permutation(number)[rng.integers(some, size=count)]
    return scenes


def _style(rng: np.random.Generator, noise: float) -> world.Style:
    """Draw a style with at most as much noise as ``noise``, a standard deviation."""
    return world.Style(
        noise=float(rng.uniform(0.02, max(noise, 0.02))),
        clutter=int(rng.integers(6)),
        contrast=(0.6, 1.0),
        tint=0.03,
        jitter=0.03,
    )


class _Batches(Dataset):
    """The batch of each step of both stages.

    It has uint8 frames (256, 32, 32, 3), the frames' targets among the values of all attributes (256, 5),
    where -1 is none, and the values to leave out (256, 60). In the second stage there are also row numbers of
    the tokens of captions (256, length) and of short captions of the values (60, length), and which captions
    are true of which frames (256, 256). The seed and the number of the step determine a batch, so a training
    that goes on sees what it would have seen.
    """

    def __init__(self, ids: torch.Tensor, steps: tuple[int, int], seed: int) -> None:
        self.ids, self.steps, self.seed = ids, steps, seed

    def __len__(self) -> int:
        return sum(self.steps)

    def __getitem__(self, step: int) -> tuple[torch.Tensor, ...]:
        rng = np.random.default_rng([world.WORLD_VERSION, 10, self.seed, step])
        stage = int(step >= self.steps[0])
        share = (step - stage * self.steps[0] + 1) / self.steps[stage]
        noise = np.interp(stage + share, (0, 1, 2), (0, *NOISE))
        scenes = _scenes(BATCH, rng, alike=rng.random() < 0.5)
        part, frames = BATCH // 8, []
        for number in range(8):
            style = world.CLEAN if number % 2 else _style(rng, noise)
            some = scenes[number * part : (number + 1) * part]
            frames.append(world.render(some, style, rng.random((part, 1)), rng)[:, 0])
        batch = torch.from_numpy(np.concatenate(frames)), *_targets(scenes)
        if stage == 0:
            return batch
        texts, stated = world.captions(scenes, rng, long=step % 8 == 7)
        short = [text for group in world.phrases(rng).values() for text in group]
        true = torch.from_numpy(world.is_true(stated, scenes))
        return *batch, self._rows(texts), self._rows(short), true

    def _rows(self, texts: list[str]) -> torch.Tensor:
        tokens = tokenize(texts)
        return torch.searchsorted(self.ids, tokens.contiguous()) * (tokens > 0)


_GROUPS = {
    'shape': len(world.SHAPES),
    'action': len(world.ACTIONS),
    'colour': len(world.COLOURS),
    'texture': len(world.TEXTURES),
    'background': len(world.BACKGROUNDS),
}
"""Number of short captions of each attribute."""


def _targets(scenes: world.Scenes) -> tuple[torch.Tensor, torch.Tensor]:
    """Give each scene's value of each attribute, or -1, and the short captions to leave out."""
    targets = np.stack([getattr(scenes, name) for name in _GROUPS], 1)
    targets[:, 0][scenes.shape == world.BLOB] = -1
    targets[:, 1:4][scenes.shape == world.NOTHING] = -1
    out = np.zeros((len(scenes), sum(_GROUPS.values())), bool)
    shapes, actions = np.arange(_GROUPS['shape']), np.arange(_GROUPS['action'])
    out[:, : len(shapes)] = world.held_out(shapes, scenes.action[:, None])
    out[:, len(shapes) :][:, : len(actions)] = world.held_out(scenes.shape[:, None], actions)
    return torch.from_numpy(targets), torch.from_numpy(out)


def _loss(images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Compute CLIP's loss of unit features (N, D) without negatives that are true, (images, texts)."""
    own = torch.eye(len(images), dtype=torch.bool, device=images.device)
    logits = (scale * images @ texts.T).masked_fill(true & ~own, -math.inf)
    labels = torch.arange(len(images), device=images.device)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


def _attribute_loss(logits: torch.Tensor, targets: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Compute the sum over attributes of the cross-entropy of logits of all their values (N, 60)."""
    parts = logits.masked_fill(out, -math.inf).split(list(_GROUPS.values()), 1)
    cross_entropy = torch.nn.functional.cross_entropy
    return sum(cross_entropy(part, y, ignore_index=-1) for part, y in zip(parts, targets.T, strict=True))


def pretrain(
    out: str | Path,
    steps: tuple[int, int] = STEPS,
    seed: int = SEED,
    device: str | None = None,
    stop: int | None = None,
    bfloat16: bool = False,
) -> Path:
    """Train the tiny CLIP on freshly drawn frames and captions and write its checkpoint.

    Args:
        out: Folder for ``miniature.safetensors`` and ``miniature.json``, created if missing. A state in it
            of the same ``steps`` and ``seed`` is resumed.
        steps: Optimizer steps of the two stages, of 256 images each.
        seed: Seed of weights, frames and captions.
        device: Device of the training; by default a GPU if there is one.
        stop: Stop after this step, counted over both stages, with the state stored and no checkpoint.
        bfloat16: Multiply in bfloat16, which is faster on GPUs and on processors that have it.

    Returns:
        Path of the checkpoint, or of the state after ``stop``.

    Raises:
        ValueError: A stage has less than 1 step, or the state in ``out`` is of another training.
    """
    if min(steps) < 1:
        raise ValueError(f'steps must be at least 1 for each stage, not {steps}')
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    ids = _vocabulary()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = build_clip(vocab_size=len(ids)).to(device)
        head = torch.nn.Linear(clip.visual.output_dim, sum(_GROUPS.values())).to(device)
    training = dict(steps=list(steps), seed=seed, world_version=world.WORLD_VERSION)
    state = _read_state(folder / 'state.pt', training)
    if state:
        clip.load_state_dict(state['clip'])
        head.load_state_dict(state['head'])

    batches = _Batches(ids, steps, seed)
    # On a CPU a worker would compete with the training for the cores.
    workers = 0 if device == 'cpu' else min(8, os.cpu_count() or 1)
    for stage, end in enumerate(np.cumsum(steps).tolist()):
        begin = end - steps[stage]
        optimizer, schedule = _optimizer(clip, head, steps[stage], fused=device != 'cpu')
        done = state.get('step', 0)
        if begin < done < end:
            optimizer.load_state_dict(state['optimizer'])
            schedule.load_state_dict(state['schedule'])
        part = range(max(begin, done), min(end, stop or end))
        loader = DataLoader(batches, batch_size=None, sampler=part, num_workers=workers)
        bar = tqdm(loader, desc=f'stage {stage + 1}', initial=part.start, total=end, disable=None)
        for step, batch in zip(part, bar, strict=True):
            loss = _step_loss(clip, head, [value.to(device, non_blocking=True) for value in batch], bfloat16)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*clip.parameters(), *head.parameters()], 1.0)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                clip.logit_scale.clamp_(0, math.log(100))
            if step % 50 == 0:
                bar.set_postfix(loss=f'{loss.item():.3f}', scale=f'{clip.logit_scale.exp().item():.1f}')
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == part.stop:
                parts = dict(clip=clip, head=head, optimizer=optimizer, schedule=schedule)
                parts = {name: value.state_dict() for name, value in parts.items()}
                with replace_when_written(folder / 'state.pt') as temporary:
                    torch.save(dict(step=step + 1, training=training, **parts), temporary)
    if stop and stop < sum(steps):
        return folder / 'state.pt'

    path = folder / CHECKPOINT_FILE.name
    save_state_dict(clip.state_dict(), ids, path, sum(steps), seed)
    if folder.resolve() != CONFIG_FILE.parent.resolve():
        shutil.copyfile(CONFIG_FILE, folder / CONFIG_FILE.name)
    return path


def _optimizer(
    clip: CLIP, head: torch.nn.Linear, steps: int, fused: bool
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Make the optimizer of a stage, with a warm-up and a cosine over its steps."""
    parameters = [*clip.parameters(), *head.parameters()]
    groups = [
        dict(params=[p for p in parameters if p.ndim > 1], weight_decay=WEIGHT_DECAY),
        dict(params=[p for p in parameters if p.ndim <= 1], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=fused)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * i / steps)))
    )
    return optimizer, schedule


def _step_loss(
    clip: CLIP, head: torch.nn.Linear, batch: list[torch.Tensor], bfloat16: bool = False
) -> torch.Tensor:
    """Compute the loss of a batch of :class:`_Batches`."""
    frames, targets, out, *texts = batch
    # On a CPU the backward pass of the fused attention is slow.
    attention = sdpa_kernel(SDPBackend.MATH) if frames.device.type == 'cpu' else nullcontext()
    with attention, torch.autocast(frames.device.type, torch.bfloat16, enabled=bfloat16):
        images = clip.encode_image(normalize(frames))
        features = [encode_text(clip, tokens) for tokens in texts[:2]]
    loss = _attribute_loss(head(images.float()), targets, out)
    if texts:
        images, captions, names = (
            torch.nn.functional.normalize(part.float(), dim=-1) for part in (images, *features)
        )
        scale = clip.logit_scale.exp()
        loss = loss + _loss(images, captions, scale, texts[2])
        loss = loss + _attribute_loss(scale * images @ names.T, targets, out)
    return loss


def _read_state(path: Path, training: dict) -> dict:
    """Read the state of a training; give an empty one if there is none."""
    if not path.exists():
        return {}
    state = torch.load(path, map_location='cpu', weights_only=True)
    if state['training'] != training:
        raise ValueError(
            f'{path} is the state of a training with {state["training"]}, not {training}: '
            'repeat its arguments, or choose another folder'
        )
    return state


def main() -> None:
    """Run the command line, see ``--help``."""
    parser = argparse.ArgumentParser(description='Train the tiny CLIP of the miniature world, or go on.')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument(
        '--steps', type=int, nargs=2, default=STEPS, help='optimizer steps of the two stages (%(default)s)'
    )
    parser.add_argument('--seed', type=int, default=SEED, help='random seed (%(default)s)')
    parser.add_argument('--device', help='device, such as cuda (a GPU if there is one)')
    parser.add_argument('--stop', type=int, help='stop after this step; the same command goes on')
    parser.add_argument(
        '--bfloat16', action='store_true', help='faster on GPUs and on processors with avx512_bf16'
    )
    path = pretrain(**vars(parser.parse_args()))
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
