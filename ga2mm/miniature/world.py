"""The miniature world: classes, rendering of scenes, and captions.

A scene has at most one object, with a shape, a colour, a texture and an action, on a background. Scenes are
rendered as frames of 32 x 32 RGB pixels by signed distance functions, in batches, with NumPy.

A frame-wise CLIP cannot see the order of frames, so every action also leaves a cue *inside* a
single frame: a trail (sliding, rising, falling), arcs (spinning), a path (orbiting), an outline
(growing), a halo (glowing), a ground line (bouncing), bars at both sides (shaking), a thread from above
(swinging), rays (bursting) or streaks below (dripping).

Design choices for the classes of a draw:

* A class is named "{shape} {action}", a composition that the tiny CLIP has never seen. Base and novel classes
  have disjoint sets of six shapes, in pairs that share two actions, so every class has a twin that differs
  in the action only, and one that differs in the shape only.
* Colour, texture and background are not in the name. Every class has a typical colour and background, which
  its videos have with probability :data:`ATTRIBUTE_PROBABILITY`, in training and test, for base and for novel
  classes. This is a shortcut: a model can separate the base classes by colour alone, and such a model
  cannot use the names of novel classes.
* A draw has six actions, each in two base and two novel classes. The twelve classes of each half have
  distinct colours; classes of one action share a background. The novel classes have the same colours and
  backgrounds as the base classes, shifted by one action: a model that has learnt that spinning objects are
  red and on snow is wrong on the novel classes. Attributes drawn independently for both halves reduce novel
  accuracy far less.
* Four shapes are reserved for the pool of irrelevant videos and occur in no class.

The world says nothing about real videos. Its purpose is that a whole method runs in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

WORLD_VERSION = 2
"""Increase it whenever the pixels, classes or captions of the same seed change."""

IMAGE_SIZE = 32
FRAMES = 8
ATTRIBUTE_PROBABILITY = 0.98

CLASS_SHAPES = (
    'circle', 'square', 'triangle', 'star', 'cross', 'ring',
    'heart', 'moon', 'diamond', 'bar', 'dome', 'hourglass',
    'corner', 'arch', 'wave', 'dumbbell',
)  # fmt: skip
RESERVED_SHAPES = ('arrow', 'window', 'drop', 'oval')
SHAPES = CLASS_SHAPES + RESERVED_SHAPES

ACTIONS = (
    'sliding', 'rising', 'falling', 'spinning', 'orbiting',
    'growing', 'glowing', 'bouncing', 'shaking',
    'swinging', 'bursting', 'dripping',
)  # fmt: skip

COLOURS = {
    'red': (0.90, 0.12, 0.12),
    'orange': (1.00, 0.55, 0.05),
    'yellow': (0.98, 0.92, 0.15),
    'green': (0.15, 0.78, 0.20),
    'teal': (0.00, 0.52, 0.50),
    'cyan': (0.30, 0.95, 0.98),
    'blue': (0.12, 0.25, 0.92),
    'purple': (0.50, 0.12, 0.72),
    'pink': (1.00, 0.55, 0.78),
    'brown': (0.42, 0.22, 0.06),
    'white': (1.00, 1.00, 1.00),
    'black': (0.02, 0.02, 0.02),
}
BACKGROUNDS = {
    'grass': (0.36, 0.50, 0.32),
    'sand': (0.68, 0.60, 0.44),
    'water': (0.36, 0.48, 0.64),
    'stone': (0.50, 0.50, 0.52),
    'brick': (0.58, 0.36, 0.31),
    'snow': (0.78, 0.80, 0.84),
    'night': (0.20, 0.20, 0.30),
    'wood': (0.52, 0.40, 0.27),
    'sky': (0.60, 0.74, 0.88),
    'metal': (0.62, 0.62, 0.66),
    'carpet': (0.46, 0.26, 0.42),
    'tiles': (0.74, 0.70, 0.58),
}
TEXTURES = ('plain', 'striped', 'dotted', 'checkered')

NOTHING = -1
"""Index of a missing attribute."""
BLOB = len(SHAPES)
"""Index of an irregular shape without a name; used only to train the tiny CLIP."""


def held_out(shape: np.ndarray | int, action: np.ndarray | int) -> np.ndarray:
    """Tell which pairs of shape and action, indices, the tiny CLIP has never seen: a quarter of them."""
    shape, action = np.asarray(shape), np.asarray(action)
    return (shape >= 0) & (shape < BLOB) & (action >= 0) & ((shape + action) % 4 == 0)


@dataclass(frozen=True)
class Style:
    """Image degradations: the domain shift between the tiny CLIP's images and the videos.

    Args:
        noise: standard deviation of the pixel noise, for pixel values from 0 to 1.
        clutter: number of smudges (short strokes of random colour) in the image.
        contrast: lowest and highest contrast of a video, 1 = unchanged.
        tint: standard deviation of the colour cast, one per video.
        jitter: standard deviation of the camera's position in each frame, for an image of width 2.
        brightness: factor on every pixel.
        blur: share of a 3 x 3 binomial blur mixed in, 0 to 1.
    """

    noise: float
    clutter: int
    contrast: tuple[float, float]
    tint: float
    jitter: float
    brightness: float = 1.0
    blur: float = 0.0


CLEAN = Style(noise=0.02, clutter=0, contrast=(0.85, 1.0), tint=0.02, jitter=0.0)
"""The style of clean frames: half of the images that the tiny CLIP is trained on."""

STYLES = {
    'mild': Style(noise=0.40, clutter=5, contrast=(0.5, 0.7), tint=0.02, jitter=0.03),
    'strong': Style(
        noise=0.45, clutter=8, contrast=(0.5, 0.7), tint=0.06, jitter=0.05, brightness=0.85, blur=0.3
    ),
}
"""Styles of the videos. Design choice: ``mild`` has noise, smudges, low contrast and a shaky camera, all of
which the tiny CLIP has seen, so much that zero-shot recognition has about a fifth of its answers wrong;
``strong`` has more of them and other colours, brightness and sharpness."""


def get_style(name: str) -> Style:
    """Give the style of a name; raise a ValueError if it is unknown."""
    if name not in STYLES:
        raise ValueError(f'unknown style {name!r}, choose one of {", ".join(STYLES)}')
    return STYLES[name]


# --------------------------------------------------------------------------------------- classes


@dataclass(frozen=True)
class ClassSpec:
    """One class. Its name has shape and action; colour and background are typical, but not in the name."""

    shape: str
    action: str
    colour: str
    background: str

    @property
    def name(self) -> str:
        return f'{self.shape} {self.action}'


@dataclass(frozen=True)
class ClassDraw:
    """The twelve base and twelve novel classes of a draw; labels are indices into the tuples."""

    base: tuple[ClassSpec, ...]
    novel: tuple[ClassSpec, ...]


def _with_habits(pairs: list[tuple[str, str]], rng: np.random.Generator) -> tuple[ClassSpec, ...]:
    """Shuffle the (shape, action) pairs and assign colours and backgrounds independently."""
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    habits = []
    for values in (list(COLOURS), list(BACKGROUNDS)):
        rounds = -(-len(pairs) // len(values))
        habits.append([values[i] for _ in range(rounds) for i in rng.permutation(len(values))])
    return tuple(
        ClassSpec(*pair, colour, background) for pair, colour, background in zip(pairs, *habits, strict=False)
    )


def source_classes() -> tuple[ClassSpec, ...]:
    """Give the 20 fixed classes of the source dataset, none of which is in any draw.

    Every class shape occurs once or twice and every action at least once.
    """
    rng = np.random.default_rng([WORLD_VERSION, 20])
    shapes = [int(i) for _ in range(2) for i in rng.permutation(len(CLASS_SHAPES))][:20]
    actions = [int(i) for _ in range(4) for i in rng.permutation(len(ACTIONS))]
    pairs: list[tuple[int, int]] = []
    for shape in shapes:
        action = next(a for a in actions if (shape, a) not in pairs and not held_out(shape, a))
        actions.remove(action)
        pairs.append((shape, action))
    return _with_habits([(SHAPES[shape], ACTIONS[action]) for shape, action in pairs], rng)


def class_draw(draw: int) -> ClassDraw:
    """Give the base and novel classes of a draw, which its number alone determines.

    Raises:
        ValueError: ``draw`` is not an integer of at least 0.
    """
    if isinstance(draw, bool) or not isinstance(draw, (int, np.integer)) or draw < 0:
        raise ValueError(f'a draw is an integer from 0, not {draw!r}')
    rng = np.random.default_rng([WORLD_VERSION, 30, int(draw)])
    backgrounds = [list(BACKGROUNDS)[i] for i in rng.permutation(len(BACKGROUNDS))[:6]]
    colours = [list(COLOURS)[i] for i in rng.permutation(len(COLOURS))]
    halves: tuple[list[ClassSpec], list[ClassSpec]] = ([], [])
    for number, group in enumerate(rng.permutation(4)[:3]):
        # Four shapes and three actions, whose compositions are all held out.
        shapes = rng.permutation([i for i in range(len(CLASS_SHAPES)) if i % 4 == group])
        actions = rng.permutation([i for i in range(len(ACTIONS)) if held_out(group, i)])[:2]
        for half in range(2):
            for twin, shape in enumerate(shapes[2 * half : 2 * half + 2]):
                for habit, action in enumerate(actions, 2 * number):
                    habit = (habit + half) % 6
                    look = colours[2 * habit + twin], backgrounds[habit]
                    halves[half].append(ClassSpec(SHAPES[shape], ACTIONS[action], *look))
    return ClassDraw(*(tuple(half[i] for i in rng.permutation(12)) for half in halves))


# ---------------------------------------------------------------------------------------- scenes


@dataclass(frozen=True)
class Scenes:
    """A batch of scenes as int arrays of shape (N,): indices into the tuples and dicts above.

    ``shape`` is :data:`NOTHING` for a scene without an object (its other attributes but the background are
    then ignored) and :data:`BLOB` for an object without a name. ``action`` is :data:`NOTHING` for an object
    that does nothing and lies anywhere, at any angle; only the training of the tiny CLIP has such objects.
    """

    shape: np.ndarray
    action: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    background: np.ndarray

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, rows: slice | np.ndarray) -> Scenes:
        """Select scenes by a slice or an index array."""
        return Scenes(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def random_scenes(
    shapes: tuple[str, ...], count: int, rng: np.random.Generator, empty: float = 0.0
) -> Scenes:
    """Draw ``count`` scenes with independent attributes and shapes from ``shapes``.

    A share ``empty`` of them, rounded to whole scenes, has no object.
    """
    shape = rng.choice([SHAPES.index(s) for s in shapes], count)
    shape[rng.permutation(count)[: round(empty * count)]] = NOTHING
    return Scenes(
        shape=shape,
        action=rng.integers(len(ACTIONS), size=count),
        colour=rng.integers(len(COLOURS), size=count),
        texture=_random_textures(count, rng),
        background=rng.integers(len(BACKGROUNDS), size=count),
    )


def _random_textures(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw textures; half of the objects are plain."""
    return np.where(rng.random(count) < 0.5, 0, rng.integers(len(TEXTURES), size=count))


def class_scenes(
    classes: tuple[ClassSpec, ...], per_class: int, rng: np.random.Generator
) -> tuple[Scenes, np.ndarray]:
    """Draw ``per_class`` scenes of every class, in the order of classes, and their labels (N,)."""
    labels = np.repeat(np.arange(len(classes)), per_class)

    def habit(names: tuple[str, ...], own: list[str]) -> np.ndarray:
        index = np.array([names.index(name) for name in own])[labels]
        other = rng.integers(len(names), size=len(labels))
        return np.where(rng.random(len(labels)) < ATTRIBUTE_PROBABILITY, index, other)

    scenes = Scenes(
        shape=np.array([SHAPES.index(c.shape) for c in classes])[labels],
        action=np.array([ACTIONS.index(c.action) for c in classes])[labels],
        colour=habit(tuple(COLOURS), [c.colour for c in classes]),
        texture=_random_textures(len(labels), rng),
        background=habit(tuple(BACKGROUNDS), [c.background for c in classes]),
    )
    return scenes, labels


# ------------------------------------------------------------------------------------- rendering
# Signed distance functions of arrays x (to the right) and y (upwards) of equal shape. The radius of an object
# is about 1. Distances are negative inside and need to be accurate near the outline only.


def _box(x, y, half_width, half_height):
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _star(x, y):
    fifth = np.pi / 5
    angle = np.abs((np.arctan2(x, y) + fifth) % (2 * fifth) - fifth)
    radius = np.hypot(x, y)
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    inner = 0.42
    normal = np.array([inner * np.sin(fifth), 1 - inner * np.cos(fifth)])
    normal /= np.linalg.norm(normal)
    return (along - 1) * np.float32(normal[0]) + across * np.float32(normal[1])


def _heart(x, y):
    x = np.abs(x)
    lobe = np.hypot(x - 0.45, y - 0.35) - 0.5
    point = np.maximum(0.72 * x - 0.69 * y - 0.63, np.maximum(y - 0.35, x - 0.95))
    return np.minimum(lobe, point)


def _arrow(x, y):
    head = np.maximum(0.75 * x + 0.66 * np.abs(y) - 0.72, -x)
    return np.minimum(head, _box(x + 0.45, y, 0.5, 0.24))


def _drop(x, y):
    ball = np.hypot(x, y + 0.35) - 0.6
    tip = np.maximum(0.91 * np.abs(x) + 0.41 * y - 0.41, -y - 0.1)
    return np.minimum(ball, tip)


def _corner(x, y):
    return np.minimum(_box(x + 0.55, y, 0.27, 0.85), _box(x, y + 0.58, 0.82, 0.27))


def _arch(x, y):
    bow = np.maximum(np.abs(np.hypot(x, y - 0.1) - 0.66) - 0.22, 0.1 - y)
    return np.minimum(bow, _box(np.abs(x) - 0.66, y + 0.38, 0.22, 0.5))


def _dumbbell(x, y):
    return np.minimum(np.hypot(np.abs(x) - 0.62, y) - 0.42, _box(x, y, 0.6, 0.13))


_DISTANCES = {
    'circle': lambda x, y: np.hypot(x, y) - 0.85,
    'square': lambda x, y: _box(x, y, 0.76, 0.76),
    'triangle': lambda x, y: np.maximum(-y - 0.6, 0.87 * np.abs(x) + 0.5 * y - 0.5),
    'star': _star,
    'cross': lambda x, y: np.minimum(_box(x, y, 0.27, 0.95), _box(x, y, 0.95, 0.27)),
    'ring': lambda x, y: np.abs(np.hypot(x, y) - 0.68) - 0.22,
    'heart': _heart,
    'moon': lambda x, y: np.maximum(np.hypot(x, y) - 0.95, 0.78 - np.hypot(x - 0.5, y)),
    'diamond': lambda x, y: 0.87 * np.abs(x) + 0.5 * np.abs(y) - 0.5,
    'bar': lambda x, y: _box(x, y, 1.05, 0.27),
    'dome': lambda x, y: np.maximum(np.hypot(x, y + 0.4) - 0.98, -y - 0.4),
    'hourglass': lambda x, y: np.maximum(np.abs(y) - 0.9, 0.78 * np.abs(x) - 0.62 * np.abs(y) - 0.08),
    'corner': _corner,
    'arch': _arch,
    'wave': lambda x, y: np.maximum(np.abs(y - 0.42 * np.sin(4.2 * x)) * 0.7 - 0.17, np.abs(x) - 1.05),
    'dumbbell': _dumbbell,
    'arrow': _arrow,
    'window': lambda x, y: np.abs(np.maximum(np.abs(x), np.abs(y)) - 0.68) - 0.17,
    'drop': _drop,
    'oval': lambda x, y: (np.hypot(x, y / 0.5) - 1) * 0.6,
}


def _shape_distance(shape: np.ndarray, x: np.ndarray, y: np.ndarray, wave: np.ndarray):
    """Compute the distance to the object's outline, (N, H, W), in units of the object's size."""
    distance = np.full_like(x, 9.0)
    for index in np.unique(shape[shape != NOTHING]):
        rows = shape == index
        if index == BLOB:
            angle = np.arctan2(y[rows], x[rows])
            outline = np.full_like(angle, 0.72)
            for height, phase, order in zip(wave[rows, :3].T, wave[rows, 3:].T, (2, 3, 4), strict=True):
                swing = np.sin(order * angle + 6 * phase[:, None, None])
                outline += 0.12 * height[:, None, None] * swing
            distance[rows] = np.hypot(x[rows], y[rows]) - outline
        else:
            distance[rows] = _DISTANCES[SHAPES[index]](x[rows], y[rows])
    return distance


def _background(index: np.ndarray, x: np.ndarray, y: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Draw backgrounds, (N, H, W, 3): each has a flat colour and a texture."""
    pattern = np.zeros_like(x)
    for number, name in enumerate(BACKGROUNDS):
        rows = index == number
        u, v = x[rows], y[rows]
        if name == 'grass':
            pattern[rows] = 0.08 * np.sin(11 * u + 2 * np.sin(5 * v))
        elif name == 'sand':
            pattern[rows] = 0.05 * np.sin(13 * u + 2 * v) * np.sin(12 * v - 3 * u)
        elif name == 'water':
            pattern[rows] = 0.08 * np.sin(7 * v + np.sin(4 * u + 3 * time[rows, None, None]))
        elif name == 'stone':
            pattern[rows] = 0.07 * np.sign(np.sin(4.5 * u) * np.sin(4.5 * v))
        elif name == 'brick':
            shift = 0.5 * (np.floor(v / 0.4) % 2)
            joint = ((v / 0.4) % 1 < 0.25) | ((u / 0.8 + shift) % 1 < 0.12)
            pattern[rows] = np.where(joint, 0.12, -0.02)
        elif name == 'night':
            pattern[rows] = -0.08 * v
        elif name == 'wood':
            pattern[rows] = 0.08 * np.sin(6 * u + 0.5 * np.sin(3 * v))
        elif name == 'sky':
            pattern[rows] = 0.07 * np.sin(3 * u + np.sin(2 * v)) * np.sin(3.5 * v)
        elif name == 'metal':
            pattern[rows] = 0.05 * np.sin(14 * (u + v))
        elif name == 'carpet':
            pattern[rows] = 0.06 * np.sign(np.sin(10 * u)) * np.sign(np.sin(10 * v))
        elif name == 'tiles':
            pattern[rows] = np.where(((u / 0.6) % 1 < 0.15) | ((v / 0.6) % 1 < 0.15), -0.16, 0.03)
    flat = np.array(list(BACKGROUNDS.values()), np.float32)[index]
    return flat[:, None, None] + pattern[..., None]


def _painted(texture: np.ndarray, paint: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the colour of each pixel of the objects, (N, H, W, 3), of paint (N, 3) and a texture.

    ``x`` and ``y`` are coordinates from the object's centre, in half images.
    """
    mark = np.zeros_like(x)
    for index, name in enumerate(TEXTURES):
        rows = texture == index
        u, v = x[rows], y[rows]
        if name == 'striped':
            mark[rows] = np.sin(2 * np.pi * v / 0.25) > 0
        elif name == 'dotted':
            mark[rows] = np.hypot((u + 0.125) % 0.25 - 0.125, (v + 0.125) % 0.25 - 0.125) < 0.085
        elif name == 'checkered':
            mark[rows] = (np.floor(u / 0.19) + np.floor(v / 0.19)) % 2
    light = paint.mean(1) < 0.45  # dark objects have light marks
    other = np.where(light[:, None], 0.25 + 0.75 * paint, 0.7 * paint)
    return paint[:, None, None] + mark[..., None] * (other - paint)[:, None, None]


_PIXEL = 2.0 / IMAGE_SIZE


def _cover(distance: np.ndarray) -> np.ndarray:
    """Compute the share of each pixel inside an outline; distances are in units of half an image."""
    return np.clip(0.5 - distance / _PIXEL, 0, 1)


def _paint(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Blend colours, (N, 3) or (N, H, W, 3), into images (N, H, W, 3) by alpha (N, H, W), in place."""
    colour = colour[:, None, None] if colour.ndim == 2 else colour
    image += alpha[..., None] * (colour - image)


def _motion(action, time, start, size, sign, phase):
    """Compute the pose of the object: centre x and y, angle and size, each of shape (N,)."""
    x, y, angle = start[:, 0].copy(), start[:, 1].copy(), 0.3 * phase
    size = size.copy()
    still = action == NOTHING
    x[still], y[still], angle[still] = 3.5 * x[still], 3.5 * y[still], np.pi * phase[still]
    for index, name in enumerate(ACTIONS):
        rows = action == index
        t, s = time[rows], sign[rows]
        if name == 'sliding':
            x[rows] = 0.3 * x[rows] + s * (0.9 * t - 0.35)
        elif name == 'rising':
            y[rows] = 0.3 * y[rows] + 0.9 * t - 0.35
        elif name == 'falling':
            y[rows] = 0.3 * y[rows] - 0.9 * t + 0.35
        elif name == 'spinning':
            angle[rows] = np.pi * (phase[rows] + s * t)
        elif name == 'orbiting':
            turn = np.pi * (phase[rows] + 1.5 * s * t)
            size[rows] *= 0.85
            x[rows] = 0.3 * x[rows] + 0.45 * np.cos(turn)
            y[rows] = 0.3 * y[rows] + 0.45 * np.sin(turn)
        elif name == 'growing':
            size[rows] *= 0.7 + 0.4 * t
        elif name == 'bouncing':
            y[rows] = -0.75 + size[rows] + 0.6 * np.abs(np.sin(np.pi * (1.5 * t + phase[rows])))
        elif name == 'shaking':
            x[rows] += 0.08 * np.sin(20 * t + 3 * phase[rows])
        elif name == 'swinging':
            angle[rows] = 0.6 * np.sin(np.pi * (2 * t + phase[rows]))
            x[rows] = 0.3 * x[rows] + 1.1 * np.sin(angle[rows])
            y[rows] = 1 - 1.1 * np.cos(angle[rows])
        elif name == 'bursting':
            size[rows] *= 0.8 + 0.1 * t
    return x, y, angle, size


def _cue(action, px, py, x, y, size, distance, start, sign, phase, time) -> np.ndarray:
    """Compute the opacity of the cues that actions leave within a frame, (N, H, W)."""
    alpha = np.zeros_like(distance)
    wide = (slice(None), None, None)
    for index, name in enumerate(ACTIONS):
        rows = action == index
        dx, dy, s = px[rows] - x[rows][wide], py[rows] - y[rows][wide], size[rows][wide]
        if name in ('sliding', 'rising', 'falling'):
            if name == 'sliding':
                behind, aside = -dx * sign[rows][wide], dy
            else:
                behind, aside = (-dy if name == 'rising' else dy), dx
            strip = _cover(np.maximum(np.abs(aside) - 0.55 * s, -behind))
            alpha[rows] = 0.7 * strip * np.clip(1 - behind / 1.3, 0, 1)
        elif name == 'spinning':
            radius, turn = np.hypot(dx, dy), np.arctan2(dy, dx)
            arcs = np.cos(2 * (turn - np.pi * (phase[rows] + sign[rows] * time[rows])[wide])) > 0.1
            alpha[rows] = 0.85 * arcs * _cover(np.abs(radius - 1.35 * s) - 0.05)
        elif name == 'orbiting':
            centre = 0.3 * start[rows]
            radius = np.hypot(px[rows] - centre[:, 0][wide], py[rows] - centre[:, 1][wide])
            alpha[rows] = 0.8 * _cover(np.abs(radius - 0.45) - 0.03)
        elif name == 'growing':
            alpha[rows] = 0.8 * _cover(np.abs(distance[rows] - 0.2) - 0.04)
        elif name == 'glowing':
            pulse = 0.75 + 0.25 * np.sin(6 * time[rows] + 3 * phase[rows])
            alpha[rows] = pulse[wide] * np.exp(-np.maximum(distance[rows], 0) / 0.3)
        elif name == 'bouncing':
            alpha[rows] = 0.85 * _cover(np.abs(py[rows] + 0.84) - 0.06)
        elif name == 'shaking':
            gap = np.abs(np.abs(dx) - 1.5 * s - 0.05 * np.sin(12 * dy))
            alpha[rows] = 0.85 * _cover(np.maximum(gap - 0.05, np.abs(dy) - 0.8 * s))
        elif name == 'swinging':
            along = np.clip((py[rows] - y[rows][wide]) / (1 - y[rows][wide]), 0, 1)
            thread = x[rows][wide] + along * (0.3 * start[rows, 0] - x[rows])[wide]
            alpha[rows] = 0.85 * _cover(np.maximum(np.abs(px[rows] - thread) - 0.04, -dy))
        elif name == 'bursting':
            radius, turn = np.hypot(dx, dy) / s, np.arctan2(dy, dx)
            rays = np.cos(8 * turn + 3 * phase[rows][wide]) > 0.3
            alpha[rows] = 0.85 * rays * _cover(s * (np.abs(radius - 1.5) - 0.25))
        elif name == 'dripping':
            drops = np.abs((dx / s + 0.25) % 0.5 - 0.25) < 0.13
            fall = (0.55 + 0.35 * time[rows])[wide] * (1 + 0.3 * np.cos(9 * dx / s))
            inside = np.maximum(np.abs(dx) - 0.8 * s, np.abs(dy + fall) - fall)
            alpha[rows] = 0.8 * drops * _cover(inside)
    return alpha


def render(scenes: Scenes, style: Style, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Render every scene at each of its times.

    ``rng`` determines everything that a scene does not specify (place, size, direction, smudges, noise,
    ...), so equal arguments and equally seeded generators give equal pixels.

    Args:
        scenes, style: N scenes, and the style of the images.
        times: Float array of shape (N, T), from 0 (start of the action) to 1 (its end).
        rng: Source of randomness.

    Returns:
        uint8 array of shape (N, T, 32, 32, 3), RGB.
    """
    count, length = times.shape
    f32 = np.float32

    def draw(low, high, *shape):
        return rng.uniform(low, high, (count, *shape)).astype(f32)

    def spread(values):  # one value per scene -> one value per frame
        return np.repeat(values, length, axis=0)

    start, size = spread(draw(-0.12, 0.12, 2)), spread(draw(0.52, 0.64))
    sign, phase = spread(np.sign(draw(-1, 1))), spread(draw(-1, 1))
    wave, shift, time = spread(draw(-1, 1, 6)), spread(draw(0, 6, 2)), times.astype(f32).reshape(-1)
    shade = spread(draw(-0.05, 0.05, 3))
    shape, action, colour, texture, background = (
        spread(getattr(scenes, field.name)) for field in fields(scenes)
    )
    action = np.where(shape == NOTHING, NOTHING, action)
    camera = rng.normal(0, style.jitter, (count * length, 2, 1, 1)).astype(f32)

    axis = ((np.arange(IMAGE_SIZE) + 0.5) * _PIXEL - 1).astype(f32)
    px = axis[None, None, :] + camera[:, 0] + np.zeros((1, IMAGE_SIZE, 1), f32)
    py = -axis[None, :, None] + camera[:, 1] + np.zeros((1, 1, IMAGE_SIZE), f32)
    palette = np.array(list(COLOURS.values()), f32)
    image = _background(background, px + shift[:, :1, None], py + shift[:, 1:, None], time)

    for _ in range(style.clutter):
        place, half = spread(draw(-0.9, 0.9, 2)), spread(draw(0.05, 0.3))
        turn, paint = spread(draw(0, 3.2)), spread(palette[rng.integers(len(palette), size=count)])
        across, along = _turned(px - place[:, 0, None, None], py - place[:, 1, None, None], turn)
        beyond = np.maximum(np.abs(across) - half[:, None, None], 0)
        _paint(image, paint, 0.8 * _cover(np.hypot(beyond, along) - 0.09))

    x, y, angle, size = _motion(action, time, start, size, sign, phase)
    across, along = _turned(px - x[:, None, None], py - y[:, None, None], angle)
    scale = size[:, None, None]
    distance = scale * _shape_distance(shape, across / scale, along / scale, wave)
    paint = palette[colour] + shade
    _paint(image, paint, _cue(action, px, py, x, y, size, distance, start, sign, phase, time))
    _paint(image, _painted(texture, paint, across, along), _cover(distance))

    contrast = spread(draw(*style.contrast))[:, None, None, None]
    tint = spread(rng.normal(0, style.tint, (count, 1, 1, 3)).astype(f32))
    image = (0.5 + contrast * (image - 0.5) + tint) * style.brightness
    return _filmed(image, style, rng).reshape(count, length, IMAGE_SIZE, IMAGE_SIZE, 3)


def _filmed(images: np.ndarray, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Apply a style's blur and noise to images (N, H, W, 3), and give them as uint8."""
    if style.blur:
        images = images + style.blur * (_smoothed(images) - images)
    images = images + style.noise * rng.standard_normal(images.shape, dtype=np.float32)
    return (np.clip(images, 0, 1) * 255 + 0.5).astype(np.uint8)


def _turned(x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give coordinates (N, H, W) in axes that are rotated by angles (N,)."""
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    return cos * x + sin * y, cos * y - sin * x


def _smoothed(images: np.ndarray) -> np.ndarray:
    """Average each pixel of images (N, H, W, C) with its neighbours in both directions."""
    for dim in (1, 2):
        pad = np.pad(images, [(1, 1) if d == dim else (0, 0) for d in range(4)], mode='edge')
        left, middle, right = (np.take(pad, range(k, k + IMAGE_SIZE), axis=dim) for k in range(3))
        images = 0.25 * left + 0.5 * middle + 0.25 * right
    return images


def video_times(count: int) -> np.ndarray:
    """Give the times of the frames of ``count`` videos, (count, 8), evenly spaced from 0 to 1."""
    return np.tile(np.linspace(0, 1, FRAMES, dtype=np.float32), (count, 1))


# -------------------------------------------------------------------------------------- captions

SHAPE_WORDS = {
    'circle': ('circle', 'disc', 'ball'),
    'square': ('square', 'box'),
    'cross': ('cross', 'plus'),
    'ring': ('ring', 'hoop'),
    'moon': ('moon', 'crescent'),
    'diamond': ('diamond', 'rhombus'),
    'bar': ('bar', 'stick'),
    'dome': ('dome', 'half circle'),
    'drop': ('drop', 'tear'),
    'oval': ('oval', 'egg'),
    'corner': ('corner', 'angle'),
    'arch': ('arch', 'gate'),
    'dumbbell': ('dumbbell', 'weight'),
}
"""Synonyms of shapes; a shape that is not listed has no synonym."""

ACTION_WORDS = {
    'sliding': ('sliding', 'gliding', 'moving sideways'),
    'rising': ('rising', 'moving up'),
    'falling': ('falling', 'moving down'),
    'spinning': ('spinning', 'rotating', 'turning'),
    'orbiting': ('orbiting', 'circling', 'going around'),
    'growing': ('growing', 'expanding'),
    'glowing': ('glowing', 'shining'),
    'bouncing': ('bouncing', 'jumping'),
    'shaking': ('shaking', 'trembling'),
    'swinging': ('swinging', 'hanging'),
    'bursting': ('bursting', 'exploding'),
    'dripping': ('dripping', 'melting'),
}
BACKGROUND_WORDS = {
    'grass': ('grass', 'green'),
    'sand': ('sand', 'beach'),
    'water': ('water', 'sea'),
    'stone': ('stone', 'gray'),
    'brick': ('brick', 'wall'),
    'snow': ('snow', 'ice'),
    'night': ('night', 'dark'),
    'wood': ('wood', 'wooden'),
    'sky': ('sky', 'cloudy'),
    'metal': ('metal', 'steel'),
    'carpet': ('carpet', 'rug'),
    'tiles': ('tiles', 'floor'),
}
TEXTURE_WORDS = {
    'plain': ('plain', 'smooth'),
    'striped': ('striped', 'stripy'),
    'dotted': ('dotted', 'spotted'),
    'checkered': ('checkered', 'chequered'),
}
TEMPLATES = (
    'a video of {}', 'a video of {}', 'a photo of {}', 'a clip of {}', 'a picture of {}', 'an image of {}',
    'a frame of {}', 'a video showing {}', 'footage of {}', 'this is {}', 'there is {}', '{}', '{}',
    'a bad video of {}', 'a good photo of {}', 'we see {}', 'one can see {}', 'a scene with {}',
)  # fmt: skip
_PREAMBLES = (
    'a video. ',
    'look at this short video. ',
    'here is a small clip with a few frames. ',
    'this is a short video of a simple scene, seen from the front. ',
)
_THINGS = ('object', 'thing', 'shape')
_EMPTY = ('nothing', 'an empty scene', 'an empty background', 'no object')


def _article(words: str) -> str:
    return f'{"an" if words[0] in "aeiou" else "a"} {words}'


def _pick(options, rng: np.random.Generator):
    """Choose an option; the first one, which class names use, with probability 0.5."""
    if len(options) == 1 or rng.random() < 0.5:
        return options[0]
    return options[1 + rng.integers(len(options) - 1)]


def captions(scenes: Scenes, rng: np.random.Generator, long: bool = False) -> tuple[list[str], np.ndarray]:
    """Write one caption per scene, with synonyms, a random template and randomly omitted attributes.

    An object whose shape is omitted is "something" or "an object", one without a name also
    "something else", and a scene without an object is "nothing" or "an empty scene".

    Args:
        scenes: N scenes.
        rng: Source of randomness.
        long: Prepend a sentence without content, so that later positions of the text tower are trained too.

    Returns:
        The captions, and what they state, see :func:`is_true`: int array (N, 5) of the indices of shape,
        action, colour, texture and background, :data:`UNSAID` where a caption omits an attribute.
    """
    written = [
        _caption(*(int(getattr(scenes, field.name)[i]) for field in fields(scenes)), rng, long)
        for i in range(len(scenes))
    ]
    return [text for text, _ in written], np.array([stated for _, stated in written])


UNSAID, OBJECT = -2, -3
"""What a caption states instead of an index: nothing about the attribute; that there is an object."""


def is_true(stated: np.ndarray, scenes: Scenes) -> np.ndarray:
    """Tell which captions are true of which scenes: bool array (scenes, captions).

    ``stated`` is the second result of :func:`captions`. What a caption says of a shape and an action that the
    tiny CLIP must not see together counts as true of both, so that it learns nothing about the pair.
    """
    shown = np.stack([getattr(scenes, field.name) for field in fields(scenes)], 1)
    said, seen = stated[None], shown[:, None]
    fits = (said == UNSAID) | (said == seen)
    fits[..., 0] |= (said[..., 0] == OBJECT) & (seen[..., 0] != NOTHING)
    fits[..., 1:4] &= (said[..., 1:4] == UNSAID) | (seen[..., :1] != NOTHING)
    true = fits.all(-1)
    # The caption's shape with the scene's action, or the other way round, may be held out.
    apart = held_out(said[..., 0], seen[..., 1]) | held_out(seen[..., 0], said[..., 1])
    return true | (apart & fits[..., 2:].all(-1))


def phrases(rng: np.random.Generator) -> dict[str, list[str]]:
    """Write a caption of each value of each attribute alone, with a random synonym and template.

    Returns:
        For each attribute, the captions in the order of its values; those of shapes do not include
        :data:`BLOB` and :data:`NOTHING`.
    """

    def write(pattern: str, words: list[tuple[str, ...]]) -> list[str]:
        texts = [pattern.format(_pick(word, rng)) for word in words]
        if not pattern.startswith('something'):
            texts = [_article(text) for text in texts]
        template = TEMPLATES[rng.integers(len(TEMPLATES))] + rng.choice(['', '.'])
        return [template.format(text) for text in texts]

    thing = rng.choice(_THINGS)
    return {
        'shape': write('{}', [SHAPE_WORDS.get(name, (name,)) for name in SHAPES]),
        'action': write(rng.choice(['something {}', f'{thing} {{}}']), list(ACTION_WORDS.values())),
        'colour': write(f'{{}} {thing}', [(name,) for name in COLOURS]),
        'texture': write(f'{{}} {thing}', list(TEXTURE_WORDS.values())),
        'background': write(
            rng.choice(['something on {}', f'{thing} on {{}}']), list(BACKGROUND_WORDS.values())
        ),
    }


def _caption(
    shape: int, action: int, colour: int, texture: int, background: int, rng: np.random.Generator, long: bool
) -> tuple[str, tuple[int, ...]]:
    kept = rng.random(5) < (0.9, 0.75, 0.55, 0.35, 0.5)
    keep_shape, keep_action, keep_colour, keep_texture, keep_background = kept
    if shape == NOTHING:
        text, stated = _pick(_EMPTY, rng), [NOTHING, *[UNSAID] * 3]
    else:
        keep_action &= action != NOTHING
        verb = _pick(ACTION_WORDS[ACTIONS[action]], rng) if keep_action else ''
        hue = list(COLOURS)[colour] if keep_colour else ''
        look = _pick(TEXTURE_WORDS[TEXTURES[texture]], rng) if keep_texture else ''
        hue = ' '.join(filter(None, (look, hue) if rng.random() < 0.7 else (hue, look)))
        named = keep_shape and shape != BLOB
        other = False
        if named:
            name = SHAPES[shape]
            noun = _pick(SHAPE_WORDS.get(name, (name,)), rng)
        else:
            noun = _THINGS[rng.integers(len(_THINGS))]
        if shape == BLOB and rng.random() < 0.3:
            noun, other = f'unknown {noun}', True
        if not named and rng.random() < 0.6:
            other = shape == BLOB and rng.random() < 0.6
            text = ' '.join(filter(None, ('something else' if other else 'something', hue, verb)))
        elif verb and ' ' not in verb and rng.random() < 0.2:
            text = _article(' '.join(filter(None, (verb, hue, noun))))
        else:
            text = ' '.join(filter(None, (hue, noun, verb)))
            text = text if rng.random() < 0.1 else _article(text)
        values = zip((action, colour, texture), (keep_action, keep_colour, keep_texture), strict=True)
        stated = [shape if named or other else OBJECT, *(v if keep else UNSAID for v, keep in values)]
    if keep_background:
        place = _pick(BACKGROUND_WORDS[list(BACKGROUNDS)[background]], rng)
        text += f' on {place}' if rng.random() < 0.5 else f' on {_article(place)} background'
    stated.append(background if keep_background else UNSAID)
    text = TEMPLATES[rng.integers(len(TEMPLATES))].format(text)
    if long:
        text = _PREAMBLES[rng.integers(len(_PREAMBLES))] + text
    return (text + '.' if rng.random() < 0.7 else text), tuple(stated)
