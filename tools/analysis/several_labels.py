"""Measure several labels at once on the miniature world: the colour and the action of each video.

The frozen miniature CLIP gives independent probabilities for the names of all colours and actions. Each video
has one colour and one action; the level of irrelevant videos comes from scenes without an object.

    python tools/analysis/several_labels.py
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ga2mm.utils import one_line_errors

EMPTY = 64
"""Number of scenes without an object for the threshold, and as many to test it."""


def write_videos(folder: Path, scenes: Any, style: str, rng: Any) -> list[Path]:
    """Write a video of each scene."""
    from ga2mm.miniature import world
    from ga2mm.miniature.dataset import write_video

    folder.mkdir()
    frames = world.render(scenes, world.get_style(style), world.video_times(len(scenes)), rng)
    paths = [folder / f'{number:04}.mkv' for number in range(len(scenes))]
    for path, clip in zip(paths, frames, strict=True):
        write_video(path, clip)
    return paths


def measure(folder: Path, style: str, videos: int, seed: int = 0) -> dict[str, float]:
    """Give mean average precision by kind of label, and precision and recall of labels, in per cent.

    Args:
        folder: A new folder for the videos.
        style: Style of the miniature world.
        videos: Number of videos with an object.
        seed: Seed of the scenes.
    """
    import numpy as np
    from sklearn.metrics import average_precision_score

    from ga2mm.apis import VideoClassifier
    from ga2mm.apis.zero_shot import zero_shot_config
    from ga2mm.miniature import world

    rng = np.random.default_rng(seed)
    folder.mkdir()
    scenes = world.random_scenes(world.CLASS_SHAPES, videos, rng)
    empty = world.random_scenes(world.CLASS_SHAPES, 2 * EMPTY, rng, empty=1.0)
    shown = write_videos(folder / 'videos', scenes, style, rng)
    irrelevant = write_videos(folder / 'empty', empty, style, rng)

    colours, actions = list(world.COLOURS), list(world.ACTIONS)
    names = [*(f'{colour} object' for colour in colours), *(f'object {action}' for action in actions)]
    classifier = VideoClassifier(zero_shot_config(None, 'miniature'), classes=names, device='cpu')
    classifier.calibrate(irrelevant[:EMPTY])
    found = classifier([*shown, *irrelevant[EMPTY:]], batch_size=32, several=True, top=len(names))
    probabilities = np.array([
        [{one['label']: one['probability'] for one in video['top']}[name] for name in names]
        for video in found['predictions']
    ])  # fmt: skip
    scores, level = probabilities[:videos], probabilities[videos:]
    truth = np.zeros(scores.shape, dtype=bool)
    truth[np.arange(videos), scenes.colour] = True
    truth[np.arange(videos), len(colours) + scenes.action] = True

    def precision(columns: slice) -> float:
        return average_precision_score(truth[:, columns], scores[:, columns], average='macro')

    given = scores > 0.5
    values = {
        'mAP of colours': precision(slice(0, len(colours))),
        'mAP of actions': precision(slice(len(colours), None)),
        'mAP': precision(slice(None)),
        'mAP by chance': truth.mean(),
        'precision': (given & truth).sum() / max(1, given.sum()),
        'recall': (given & truth).sum() / truth.sum(),
        'empty scenes with a label': (level > 0.5).any(axis=1).mean(),
    }
    return {key: 100 * float(value) for key, value in values.items()} | {
        'labels a video': float(given.sum(axis=1).mean())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--videos', type=int, default=480, help='videos of each style')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rows = {}
    for style in ('mild', 'strong'):
        with TemporaryDirectory() as folder:
            rows[style] = measure(Path(folder) / style, style, args.videos, args.seed)
    columns = list(rows['mild'])
    print(f'| style | {" | ".join(columns)} |\n|{" --- |" * (1 + len(columns))}')
    for style, values in rows.items():
        print(f'| {style} | {" | ".join(f"{value:.1f}" for value in values.values())} |')


if __name__ == '__main__':
    with one_line_errors():
        main()
