"""Measure what the tiny CLIP recognises in single frames: shape, action, colour, texture and background.

Each attribute is chosen among all its values by a name, such as "a video of a star." or "a video of an object
spinning.". *Held-out* frames show compositions of shape and action that the training never showed, *seen*
frames others.

    python tools/analysis/miniature_attributes.py
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ga2mm.miniature import world
from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from open_clip import CLIP

NAMES = {
    'shape': [f'a video of a {name}.' for name in world.SHAPES],
    'action': [f'a video of an object {name}.' for name in world.ACTIONS],
    'colour': [f'a video of a {name} object.' for name in world.COLOURS],
    'texture': [f'a video of a {name} object.' for name in world.TEXTURES],
    'background': [f'a video of something on {name}.' for name in world.BACKGROUNDS],
}


def accuracies(clip: 'CLIP', style: str, held_out: bool, frames: int, seed: int = 0) -> dict[str, float]:
    """Give the accuracy of each attribute, in per cent.

    Args:
        clip: The tiny CLIP.
        style: ``clean`` or a style of the miniature world.
        held_out: Show held-out compositions of shape and action, else the others.
        frames: Number of frames, about.
        seed: Seed of the scenes.
    """
    import torch

    from ga2mm.miniature import pretrain

    rng = np.random.default_rng([seed, 1])
    scenes = world.random_scenes(world.SHAPES, 3 * frames if held_out else 3 * frames // 2, rng)
    scenes = scenes[world.held_out(scenes.shape, scenes.action) == held_out]
    times = rng.random((len(scenes), 1))
    shown = world.CLEAN if style == 'clean' else world.get_style(style)
    images = pretrain.normalize(world.render(scenes, shown, times, rng)[:, 0]).split(500)
    result = {}
    with torch.no_grad():
        images = torch.cat([clip.encode_image(part, normalize=True) for part in images])
        for attribute, names in NAMES.items():
            texts = pretrain.encode_text(clip, pretrain.tokenize(names))
            found = (images @ torch.nn.functional.normalize(texts, dim=-1).T).argmax(1).numpy()
            result[attribute] = 100 * float((found == getattr(scenes, attribute)).mean())
    return result


def main() -> None:
    """Run the command line, see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--checkpoint', type=Path, help='default: that of the package')
    parser.add_argument('--frames', type=int, default=4000, help='frames of each row, about')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    from ga2mm.miniature import pretrain

    clip = pretrain.build_clip()
    clip.load_state_dict(pretrain.load_state_dict(args.checkpoint or pretrain.CHECKPOINT_FILE))
    clip.eval()
    print(f'| frames | compositions | {" | ".join(NAMES)} |\n|{" --- |" * (2 + len(NAMES))}')
    for style in ('clean', *world.STYLES):
        for held_out in (True, False):
            row = accuracies(clip, style, held_out, args.frames, args.seed)
            cells = ' | '.join(f'{value:.1f}' for value in row.values())
            print(f'| {style} | {"held-out" if held_out else "seen"} | {cells} |')


if __name__ == '__main__':
    with one_line_errors():
        main()
