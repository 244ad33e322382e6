"""Folders of class folders with videos of the miniature world."""

from pathlib import Path

import numpy as np

from ga2mm.miniature import world
from ga2mm.miniature.dataset import write_video

CLASSES = ('Fußball spielen', 'juggling, three balls', 'tai-chi (slow)', '打篮球')
"""Names of the class folders, in the order of their labels."""


def write_class_folders(folder: Path, clips: int = 4, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write ``clip 1.mkv`` and so on into a folder for each class."""
    rng = np.random.default_rng(0)
    scenes, labels = world.class_scenes(world.class_draw(0).base[: len(classes)], clips, rng)
    frames = world.render(scenes, world.get_style('mild'), world.video_times(len(scenes)), rng)
    for number, (clip, label) in enumerate(zip(frames, labels, strict=True)):
        of_class = folder / classes[label]
        of_class.mkdir(parents=True, exist_ok=True)
        write_video(of_class / f'clip {number % clips + 1}.mkv', clip)
    return folder
