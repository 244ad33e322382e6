"""Train the tiny CLIP of the miniature world from scratch, in minutes on a CPU.

Run ``python -m ga2mm.miniature.pretrain --out DIR`` to write ``DIR/miniature.safetensors`` and
``DIR/miniature.json``. The package ships the result of the default arguments under ``assets``.

The checkpoint has open_clip's key names and fp16 weights. Captions use fewer than 200 of the 49,408 rows of
the token table. Only these are stored: ``token_embedding.ids`` (int32, sorted) and
``token_embedding.rows`` (fp16). The other rows are untrained; the loader draws them from N(0, 0.02^2) with a
generator seeded 0, see :func:`load_state_dict`.

Design choices: sequences are cut to the longest caption of the batch, which is exact because the text tower
is causal; in training the token table has the used rows only, which reduces the optimizer's work to a
thirtieth without other effects; every eighth batch has long captions, so that the positions behind 16
prompt tokens are trained.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import torch
from open_clip import CLIP, SimpleTokenizer
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.loss import ClipLoss
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from ga2mm.miniature import world
from ga2mm.models.clip.weights import read_weights
from ga2mm.tensor_files import read_safetensors, write_safetensors
from ga2mm.utils import replace_when_written

CONFIG_FILE = Path(__file__).parent / 'assets' / 'miniature.json'
CHECKPOINT_FILE = Path(__file__).parent / 'assets' / 'miniature.safetensors'
ARCH = 'miniature'

STEPS, SEED, BATCH, LEARNING_RATE, WEIGHT_DECAY, WARMUP = 4000, 0, 256, 1e-3, 0.05, 100


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


def normalize(frames: np.ndarray) -> torch.Tensor:
    """Convert uint8 RGB frames (N, H, W, 3) to CLIP's input, float32 (N, 3, H, W)."""
    mean, std = torch.tensor(OPENAI_DATASET_MEAN), torch.tensor(OPENAI_DATASET_STD)
    return ((torch.from_numpy(frames) / 255 - mean) / std).permute(0, 3, 1, 2)


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


def _vocabulary(rng: np.random.Generator) -> torch.Tensor:
    """Give the sorted ids of all tokens that occur in captions."""
    scenes = _scenes(4096, rng)
    return tokenize(world.captions(scenes, rng) + world.captions(scenes, rng, long=True)).unique()


def _scenes(count: int, rng: np.random.Generator) -> world.Scenes:
    """Draw scenes of all shapes; about 1/16 are empty, and 1/16 have an object without a name."""
    scenes = world.random_scenes(world.SHAPES, count, rng)
    kind = rng.integers(16, size=count)
    scenes.shape[kind == 0] = world.NOTHING
    scenes.shape[kind == 1] = world.BLOB
    return scenes


def pretrain(out: str | Path, steps: int = STEPS, seed: int = SEED) -> Path:
    """Train the tiny CLIP on freshly drawn frames and captions and write its checkpoint.

    Args:
        out: Folder for ``miniature.safetensors`` and ``miniature.json``, created if missing.
        steps: Optimizer steps of 256 pairs each.
        seed: Seed of weights, frames and captions.

    Returns:
        Path of the checkpoint.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f'steps must be at least 1, not {steps}')
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([world.WORLD_VERSION, 10, seed])
    ids = _vocabulary(np.random.default_rng(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = build_clip(vocab_size=len(ids))
    decayed = [p for p in clip.parameters() if p.ndim > 1]
    plain = [p for p in clip.parameters() if p.ndim <= 1]
    groups = [dict(params=decayed, weight_decay=WEIGHT_DECAY), dict(params=plain, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * i / steps)))
    )
    loss_function = ClipLoss()

    bar = tqdm(range(steps), desc='pretrain', disable=None)
    for step in bar:
        scenes = _scenes(BATCH, rng)
        frames = world.render(scenes, world.CLEAN, rng.random((BATCH, 1)), rng)[:, 0]
        tokens = tokenize(world.captions(scenes, rng, long=step % 8 == 7))
        tokens = torch.searchsorted(ids, tokens.contiguous()) * (tokens > 0)
        # The backward pass of the fused attention is slow on a CPU.
        with sdpa_kernel(SDPBackend.MATH), torch.autocast('cpu', dtype=torch.bfloat16):
            images, texts = clip.encode_image(normalize(frames)), encode_text(clip, tokens)
        images = torch.nn.functional.normalize(images.float(), dim=-1)
        texts = torch.nn.functional.normalize(texts.float(), dim=-1)
        loss = loss_function(images, texts, clip.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            clip.logit_scale.clamp_(0, math.log(100))
        if step % 50 == 0:
            bar.set_postfix(loss=f'{loss.item():.3f}', scale=f'{clip.logit_scale.exp().item():.1f}')

    path = out / CHECKPOINT_FILE.name
    save_state_dict(clip.state_dict(), ids, path, steps, seed)
    if out.resolve() != CONFIG_FILE.parent.resolve():
        shutil.copyfile(CONFIG_FILE, out / CONFIG_FILE.name)
    return path


def main() -> None:
    """Run the command line, see ``--help``."""
    parser = argparse.ArgumentParser(description='Train the tiny CLIP of the miniature world.')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument('--steps', type=int, default=STEPS, help='optimizer steps (%(default)s)')
    parser.add_argument('--seed', type=int, default=SEED, help='random seed (%(default)s)')
    options = parser.parse_args()
    path = pretrain(options.out, options.steps, options.seed)
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
