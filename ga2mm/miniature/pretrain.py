"""Train the tiny CLIP of the miniature world from scratch, on a CPU or a GPU.

Run ``python -m ga2mm.miniature.pretrain --out DIR`` to write ``DIR/miniature.safetensors`` and
``DIR/miniature.json``. The package ships the result of the default arguments under ``assets``. The training
stores its state in ``DIR/state.pt`` every 500 steps; the same command goes on from there.

The checkpoint has open_clip's key names and fp16 weights. Captions use some 200 of the 49,408 rows of
the token table. Only these are stored: ``token_embedding.ids`` (int32, sorted) and
``token_embedding.rows`` (fp16). The other rows are untrained; the loader draws them from N(0, 0.02^2) with a
generator seeded 0, see :func:`load_state_dict`.

Design choices:

* Half of the images are clean. The others have noise, smudges, low contrast and a shaky camera, differently
  in each eighth of a batch, and the noise grows during the training. A CLIP that knows clean images only
  gains on novel classes when it is tuned, since tuning repairs what it lacks.
* Besides its caption, each image is compared with short captions of all values of each attribute. With whole
  captions alone, which colour and background mostly tell apart, shapes and actions are learnt far slower.
* From :data:`HEAD_FROM` on a linear head, which is not stored, classifies the attributes of the image features
  too. That teaches shapes faster still; the shipped weights had it for the last 4,500 steps.
* Every second batch has few colours, textures and backgrounds, so that shapes and actions matter.
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

STEPS, SEED, BATCH, LEARNING_RATE, WEIGHT_DECAY, WARMUP = 10000, 0, 128, 1e-3, 0.05, 100
NOISE = 0.4
"""Standard deviation of the most noise, at the end of the training."""
HEAD_FROM = 0.55
"""Share of the steps after which the linear head of the attributes learns too."""
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
    """Draw scenes without held-out compositions; 1/16 are empty, 1/16 have an object without a name.

    ``alike``: they share three colours, two textures and two backgrounds.
    """
    scenes = world.random_scenes(world.SHAPES, count, rng)
    kind = rng.integers(16, size=count)
    scenes.shape[kind == 0] = world.NOTHING
    scenes.shape[kind == 1] = world.BLOB
    away = rng.integers(1, 3, size=count) * world.held_out(scenes.shape, scenes.action)
    scenes.action[:] = (scenes.action + away) % len(world.ACTIONS)
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
    """The batch of each step.

    It has uint8 frames (128, 32, 32, 3), row numbers of the tokens of captions (128, length) and of short
    captions of attributes (60, length), which captions are true of which frames (128, 128), the frames'
    targets among the short captions (128, 5), where -1 is none, and short captions to leave out (128, 60). The
    seed and the number of the step determine a batch, so a training that goes on sees what it would have seen.
    """

    def __init__(self, ids: torch.Tensor, steps: int, seed: int) -> None:
        self.ids, self.steps, self.seed = ids, steps, seed

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> tuple[torch.Tensor, ...]:
        rng = np.random.default_rng([world.WORLD_VERSION, 10, self.seed, step])
        scenes = _scenes(BATCH, rng, alike=step % 2 == 1)
        part, frames = BATCH // 8, []
        for number in range(8):
            style = world.CLEAN if number % 2 else _style(rng, NOISE * step / self.steps)
            some = scenes[number * part : (number + 1) * part]
            frames.append(world.render(some, style, rng.random((part, 1)), rng)[:, 0])
        texts, stated = world.captions(scenes, rng, long=step % 8 == 7)
        true = torch.from_numpy(world.is_true(stated, scenes))
        short = [text for group in world.phrases(rng).values() for text in group]
        tokens = [self._rows(texts), self._rows(short)]
        return torch.from_numpy(np.concatenate(frames)), *tokens, true, *_targets(scenes)

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
    steps: int = STEPS,
    seed: int = SEED,
    device: str | None = None,
    stop: int | None = None,
) -> Path:
    """Train the tiny CLIP on freshly drawn frames and captions and write its checkpoint.

    Args:
        out: Folder for ``miniature.safetensors`` and ``miniature.json``, created if missing. A state in it
            of the same ``steps`` and ``seed`` is resumed.
        steps: Optimizer steps of 128 pairs each.
        seed: Seed of weights, frames and captions.
        device: Device of the training; by default a GPU if there is one.
        stop: Stop after this step, with the state stored and no checkpoint.

    Returns:
        Path of the checkpoint, or of the state after ``stop``.

    Raises:
        ValueError: ``steps`` is below 1, or the state in ``out`` is of another training.
    """
    if steps < 1:
        raise ValueError(f'steps must be at least 1, not {steps}')
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    ids = _vocabulary()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = build_clip(vocab_size=len(ids)).to(device)
        head = torch.nn.Linear(clip.visual.output_dim, sum(_GROUPS.values())).to(device)
    decayed = [p for p in clip.parameters() if p.ndim > 1]
    plain = [p for p in clip.parameters() if p.ndim <= 1]
    groups = [
        dict(params=decayed, weight_decay=WEIGHT_DECAY),
        dict(params=plain, weight_decay=0.0),
        dict(params=head.parameters(), weight_decay=WEIGHT_DECAY),
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * i / steps)))
    )
    parts = dict(clip=clip, head=head, optimizer=optimizer, schedule=schedule)
    state, training = folder / 'state.pt', dict(steps=steps, seed=seed, world_version=world.WORLD_VERSION)
    first = _resume(state, training, parts) if state.exists() else 0

    last = min(steps, stop or steps)
    # On a CPU a worker would compete with the training for the cores.
    workers = 0 if device == 'cpu' else min(8, os.cpu_count() or 1)
    batches = DataLoader(
        _Batches(ids, steps, seed), batch_size=None, sampler=range(first, last), num_workers=workers
    )
    bar = tqdm(batches, desc='pretrain', initial=first, total=last, disable=None)
    for step, batch in enumerate(bar, first):
        frames, tokens, short, true, targets, out = (part.to(device, non_blocking=True) for part in batch)
        # On a CPU the backward pass of the fused attention is slow.
        with sdpa_kernel(SDPBackend.MATH), torch.autocast(device, torch.bfloat16, enabled=device != 'cpu'):
            features = [
                clip.encode_image(normalize(frames)),
                encode_text(clip, tokens),
                encode_text(clip, short),
            ]
        features = [part.float() for part in features]
        images, texts, names = (torch.nn.functional.normalize(part, dim=-1) for part in features)
        scale = clip.logit_scale.exp()
        loss = _loss(images, texts, scale, true) + _attribute_loss(scale * images @ names.T, targets, out)
        if step >= HEAD_FROM * steps:
            loss = loss + _attribute_loss(head(features[0]), targets, out)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*clip.parameters(), *head.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            clip.logit_scale.clamp_(0, math.log(100))
        if step % 50 == 0:
            bar.set_postfix(loss=f'{loss.item():.3f}', scale=f'{clip.logit_scale.exp().item():.1f}')
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == last:
            with replace_when_written(state) as temporary:
                torch.save(
                    dict(step=step + 1, training=training, **{k: v.state_dict() for k, v in parts.items()}),
                    temporary,
                )
    if last < steps:
        return state

    path = folder / CHECKPOINT_FILE.name
    save_state_dict(clip.state_dict(), ids, path, steps, seed)
    if folder.resolve() != CONFIG_FILE.parent.resolve():
        shutil.copyfile(CONFIG_FILE, folder / CONFIG_FILE.name)
    return path


def _resume(path: Path, training: dict, parts: dict) -> int:
    """Load the state of a training into its parts, and give the number of steps done."""
    state = torch.load(path, map_location='cpu', weights_only=True)
    if state['training'] != training:
        raise ValueError(
            f'{path} is the state of a training with {state["training"]}, not {training}: '
            'repeat its arguments, or choose another folder'
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state['step']


def main() -> None:
    """Run the command line, see ``--help``."""
    parser = argparse.ArgumentParser(description='Train the tiny CLIP of the miniature world, or go on.')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument('--steps', type=int, default=STEPS, help='optimizer steps (%(default)s)')
    parser.add_argument('--seed', type=int, default=SEED, help='random seed (%(default)s)')
    parser.add_argument('--device', help='device, such as cuda (a GPU if there is one)')
    parser.add_argument('--stop', type=int, help='stop after this step; the same command goes on')
    path = pretrain(**vars(parser.parse_args()))
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
