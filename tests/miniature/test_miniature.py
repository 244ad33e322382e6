"""The miniature world: its scenes, its files and the tiny CLIP that ships with it."""

import json

import decord
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ga2mm.miniature import dataset, pretrain, world

SMALL = dict(shots=2, test_videos=2, val_videos=1)


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    """A small draw on disk."""
    return dataset.generate_draw(tmp_path_factory.mktemp('world'), 0, **SMALL)


@pytest.fixture(scope='module')
def clip():
    """The tiny CLIP that ships with the package."""
    model = pretrain.build_clip()
    model.load_state_dict(pretrain.load_state_dict(), strict=True)
    return model.eval()


def read(path):
    return decord.VideoReader(str(path)).get_batch(range(world.FRAMES)).asnumpy()


def contents(folder):
    """Names, texts and pixels; the bytes of a video hold a random id of the container."""
    return {
        path.name: read(path).tobytes() if path.suffix == '.mkv' else path.read_text()
        for path in folder.rglob('*')
        if path.is_file()
    }


# ------------------------------------------------------------------------------------------ world


@pytest.mark.parametrize('style', world.STYLES)
def test_rendering_depends_on_the_seed_alone(style):
    scenes = world.random_scenes(world.SHAPES, 40, np.random.default_rng(0), empty=0.2)
    times = world.video_times(40)
    one, same, other = (
        world.render(scenes, world.get_style(style), times, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert one.shape == (40, 8, 32, 32, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_every_value_of_every_attribute_looks_different():
    def frame(shape=0, action=0, colour=0, texture=0, background=0):
        scene = world.Scenes(*(np.array([i]) for i in (shape, action, colour, texture, background)))
        rng = np.random.default_rng(3)
        return world.render(scene, world.CLEAN, np.full((1, 1), 0.5), rng).astype(float)

    families = (
        [frame(shape=i) for i in (world.NOTHING, *range(len(world.SHAPES)), world.BLOB)],
        [frame(action=i) for i in range(len(world.ACTIONS))],
        [frame(colour=i) for i in range(len(world.COLOURS))],
        [frame(texture=i) for i in range(len(world.TEXTURES))],
        [frame(background=i) for i in range(len(world.BACKGROUNDS))],
    )
    for frames in families:
        for i, one in enumerate(frames):
            assert all(np.abs(one - other).max() > 30 for other in frames[:i])


def test_classes_are_disjoint_over_draws():
    source = {(c.shape, c.action) for c in world.source_classes()}
    assert len(source) == 20 and world.source_classes() == world.source_classes()
    for number in range(10):
        draw = world.class_draw(number)
        assert draw == world.class_draw(number)
        base, novel = ({(c.shape, c.action) for c in part} for part in (draw.base, draw.novel))
        assert len(base) == len(novel) == 12
        assert not (base | novel) & source
        assert not {shape for shape, _ in base} & {shape for shape, _ in novel}
        assert not {shape for shape, _ in base | novel} & set(world.RESERVED_SHAPES)
        pairs = [(world.SHAPES.index(shape), world.ACTIONS.index(action)) for shape, action in base | novel]
        assert all(world.held_out(*pair) for pair in pairs), 'the tiny CLIP has seen a class'
        assert {c.name for c in draw.base} == {f'{shape} {action}' for shape, action in base}
        for part in (draw.base, draw.novel):
            assert len({c.colour for c in part}) == 12
            assert len({c.background for c in part}) == len({c.action for c in part}) == 6
        meaning = {c.background: c.action for c in draw.base}
        for c in draw.novel:  # the shortcut of the base classes misleads on every novel class
            assert meaning[c.background] != c.action
            assert {b.background for b in draw.base if b.colour == c.colour} == {c.background}
    assert world.class_draw(0) != world.class_draw(1)


def test_colour_and_background_are_habits_of_a_class():
    classes = world.class_draw(0).novel
    scenes, labels = world.class_scenes(classes, 500, np.random.default_rng(0))
    own = np.array([list(world.COLOURS).index(c.colour) for c in classes])[labels]
    share = (scenes.colour == own).mean()
    assert abs(share - (0.98 + 0.02 / 12)) < 0.01


def test_captions_tell_what_is_there():
    rng = np.random.default_rng(0)
    scenes = world.random_scenes(('star',), 400, rng, empty=0.25)
    texts, _ = world.captions(scenes, rng)
    empty = scenes.shape == world.NOTHING
    assert not any('star' in text for text, none in zip(texts, empty, strict=True) if none)
    assert any('nothing' in text for text, none in zip(texts, empty, strict=True) if none)
    named = np.mean(['star' in text for text, none in zip(texts, empty, strict=True) if not none])
    assert 0.8 < named < 0.97
    scenes.shape[:] = world.BLOB
    assert any('something else' in text for text in world.captions(scenes, rng)[0])


def test_true_captions():
    """Which captions are true of which scenes follows from their words."""
    rng = np.random.default_rng(0)
    scenes = world.random_scenes(world.SHAPES, 300, rng, empty=0.1)
    scenes.shape[:20] = world.BLOB
    texts, stated = world.captions(scenes, rng)
    true = world.is_true(stated, scenes)
    assert true.diagonal().all(), 'each caption is true of its own scene'
    assert 0.02 < true.mean() < 0.3
    for i, text in enumerate(texts):
        words = set(text.rstrip('.').split())
        for word in words & set(world.COLOURS) - {'green'}:  # a word of grass as well
            assert (scenes.colour[true[:, i]] == list(world.COLOURS).index(word)).all()
        if words & {'nothing', 'empty'}:
            assert (scenes.shape[true[:, i]] == world.NOTHING).all()
        for word in words & {'star', 'heart', 'window'}:  # the scene's action may be held out with the shape
            shape = world.SHAPES.index(word)
            fits = (scenes.shape == shape) | world.held_out(shape, scenes.action)
            fits |= world.held_out(scenes.shape, stated[i, 1])
            assert fits[true[:, i]].all()


def test_no_negative_says_that_a_held_out_composition_cannot_be():
    one = np.array([0])
    scene = world.Scenes(shape=one, action=one + 1, colour=one, texture=one, background=one)
    assert world.held_out(3, 1) and not world.held_out(1, 1)
    said = np.full((2, 5), world.UNSAID)
    said[:, 0] = 3, 1
    assert world.is_true(said, scene).tolist() == [[True, False]]
    said[:, 2] = 1  # another colour: a negative all the same
    assert world.is_true(said, scene).tolist() == [[False, False]]


def test_pretraining_never_shows_a_held_out_composition():
    rng = np.random.default_rng(0)
    for alike in (False, True):
        scenes = pretrain._scenes(2000, rng, alike)
        assert not world.held_out(scenes.shape, scenes.action).any()
        assert len(set(scenes.colour)) == (3 if alike else 12)
        shown = {*zip(scenes.shape.tolist(), scenes.action.tolist(), strict=True)}
        pairs = {(s, a) for s in range(20) for a in range(12) if not world.held_out(s, a)}
        assert pairs <= shown


@pytest.mark.parametrize('draw', [-1, 1.5, True, 'a'])
def test_bad_draw(draw):
    with pytest.raises(ValueError, match='a draw is an integer from 0'):
        world.class_draw(draw)


def test_bad_style_and_counts(tmp_path):
    with pytest.raises(ValueError, match="unknown style 'wild', choose one of mild, strong"):
        dataset.generate_draw(tmp_path, 0, style='wild')
    with pytest.raises(ValueError, match='shots must be at least 1, not 0'):
        dataset.generate_source(tmp_path, shots=0)
    assert not any(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------- dataset


def test_decord_reads_back_what_was_rendered(tmp_path):
    rng = np.random.default_rng(0)
    scenes = world.random_scenes(world.SHAPES, 4, rng)
    for style in world.STYLES.values():
        for clip in world.render(scenes, style, world.video_times(4), rng):
            dataset.write_video(tmp_path / 'a.mkv', clip)
            np.testing.assert_array_equal(read(tmp_path / 'a.mkv'), clip)
    assert [p.name for p in tmp_path.iterdir()] == ['a.mkv']


def test_no_encoder_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, 'CODEC', 'xxxx')
    with pytest.raises(RuntimeError, match='OpenCV cannot write xxxx'):
        dataset.write_video(tmp_path / 'a.mkv', np.zeros((1, 32, 32, 3), np.uint8))
    assert not any(tmp_path.iterdir())


def test_layout_of_a_draw(drawn):
    assert drawn.parts[-2:] == ('mild', 'draw0')
    for name, count in dict(base_train=24, base_val=12, base_test=24, novel_test=24).items():
        lines = [line.split() for line in (drawn / f'{name}.txt').read_text().splitlines()]
        assert len(lines) == count and {int(label) for _, label in lines} == set(range(12))
        assert all((drawn / 'videos' / path).is_file() for path, _ in lines)
    for part in ('base', 'novel'):
        table = (drawn / f'{part}_labels.csv').read_text().splitlines()
        names = [spec.name for spec in getattr(world.class_draw(0), part)]
        assert table == ['id,name', *(f'{i},{name}' for i, name in enumerate(names))]


def test_source_and_irrelevant(tmp_path):
    source = dataset.generate_source(tmp_path, shots=1, test_videos=1)
    assert len((source / 'train.txt').read_text().splitlines()) == 20
    assert len((source / 'labels.csv').read_text().splitlines()) == 21
    pool = dataset.generate_irrelevant(tmp_path)
    lines = (pool / 'videos.txt').read_text().splitlines()
    assert len(lines) == 64 and all(line.endswith('.mkv 0') for line in lines)


def test_irrelevant_videos_of_the_test_are_no_anchors(tmp_path):
    anchors = dataset.generate_irrelevant(tmp_path, videos=4)
    tested = dataset.generate_irrelevant(tmp_path, videos=4, test=True)
    assert (anchors.name, tested.name) == ('irrelevant', 'irrelevant_test')
    pixels = [{read(path).tobytes() for path in folder.rglob('*.mkv')} for folder in (anchors, tested)]
    assert len(pixels[0] | pixels[1]) == 8


def test_reserved_shapes_are_in_the_irrelevant_pool_only():
    rng = np.random.default_rng(0)
    pool = world.random_scenes(world.RESERVED_SHAPES, 64, rng, empty=0.2)
    assert (pool.shape == world.NOTHING).sum() == 13
    reserved = {world.SHAPES.index(shape) for shape in world.RESERVED_SHAPES}
    assert set(pool.shape) == reserved | {world.NOTHING}
    classes = [c for k in range(10) for c in (*world.class_draw(k).base, *world.class_draw(k).novel)]
    scenes, _ = world.class_scenes((*classes, *world.source_classes()), 1, rng)
    assert not set(scenes.shape) & (reserved | {world.NOTHING})


def test_interrupted_generation_is_repeated(tmp_path):
    folder = dataset.generate_draw(tmp_path, 0, **SMALL)
    before = contents(folder)
    stamp = (folder / 'base_train.txt').stat().st_mtime_ns
    dataset.generate_draw(tmp_path, 0, **SMALL)
    assert (folder / 'base_train.txt').stat().st_mtime_ns == stamp, 'a complete folder was touched'

    video = folder / 'videos' / 'base_test_0003.mkv'
    for damage in (
        (folder / dataset.MANIFEST).unlink,
        video.unlink,
        lambda: video.write_bytes(video.read_bytes()[:100]),
        lambda: (folder / dataset.MANIFEST).write_text('{'),
    ):
        damage()
        dataset.generate_draw(tmp_path, 0, **SMALL)
        assert contents(folder) == before


def test_other_arguments_replace_the_folder(tmp_path):
    folder = dataset.generate_draw(tmp_path, 0, **SMALL)
    train = read(folder / 'videos' / 'base_train_0000.mkv')
    dataset.generate_draw(tmp_path, 0, **{**SMALL, 'test_videos': 1})
    manifest = json.loads((folder / dataset.MANIFEST).read_text())
    videos = {f'videos/{p.name}' for p in (folder / 'videos').iterdir()}
    assert videos == {name for name in manifest['files'] if name.startswith('videos/')}
    assert len(videos) == 24 + 12 + 12 + 12 + 24
    np.testing.assert_array_equal(read(folder / 'videos' / 'base_train_0000.mkv'), train)


# --------------------------------------------------------------------------------------- tiny CLIP


def test_checkpoint_is_small_and_says_what_it_is():
    assert pretrain.CHECKPOINT_FILE.stat().st_size <= 3e6
    with safe_open(pretrain.CHECKPOINT_FILE, framework='pt') as file:
        metadata = file.metadata()
        ids = file.get_tensor('token_embedding.ids')
        rows = file.get_slice('token_embedding.rows')
        assert ids.dtype == torch.int32 and rows.get_dtype() == 'F16'
        assert rows.get_shape() == [len(ids), 96]
    assert (metadata['arch'], metadata['quick_gelu']) == ('miniature', 'false')
    assert metadata['world_version'] == str(world.WORLD_VERSION), 'train the tiny CLIP again'
    known = set(ids.tolist())
    texts = ['a video of something else.', 'a video of nothing.', 'an empty scene', 'an object']
    texts += [f'a video of a {s} {a}.' for s in world.SHAPES for a in world.ACTIONS]
    texts += [f'a photo of a {c} object.' for c in world.COLOURS]
    assert set(pretrain.tokenize(texts).flatten().tolist()) <= known


def test_tokenize_and_encode_text_agree_with_open_clip(clip):
    texts = ['a video of a star spinning.', 'nothing', 'an image of a half circle moving down']
    short, full = pretrain.tokenize(texts), pretrain._tokenizer()(texts)
    torch.testing.assert_close(full[:, : short.shape[1]], short)
    with torch.no_grad():
        torch.testing.assert_close(pretrain.encode_text(clip, short), clip.encode_text(full))


@torch.no_grad()
@pytest.mark.parametrize('part', ['base', 'novel'])
def test_zero_shot_accuracy_on_draw_0(clip, part):
    classes = getattr(world.class_draw(0), part)
    rng = np.random.default_rng(0)
    scenes, labels = world.class_scenes(classes, 20, rng)
    frames = world.render(scenes, world.get_style('mild'), world.video_times(len(scenes)), rng)
    images = pretrain.normalize(frames[:, ::2].reshape(-1, 32, 32, 3))
    videos = clip.encode_image(images).view(len(scenes), 4, -1).mean(1)
    texts = pretrain.encode_text(clip, pretrain.tokenize([f'a video of a {c.name}.' for c in classes]))
    logits = torch.nn.functional.normalize(videos, dim=-1) @ torch.nn.functional.normalize(texts, dim=-1).T
    accuracy = (logits.argmax(1).numpy() == labels).mean()
    assert accuracy > 0.45, f'zero-shot accuracy {accuracy:.3f}, chance is 0.083'


def test_pretraining_runs_and_repeats_itself(tmp_path):
    files = [pretrain.pretrain(tmp_path / name, steps=(1, 1)) for name in 'ab']
    one, two = map(pretrain.load_state_dict, files)
    assert all(torch.isfinite(value).all() for value in one.values())
    assert all(torch.equal(one[key], two[key]) for key in one)
    pretrain.build_clip().load_state_dict(one, strict=True)
    assert (tmp_path / 'a' / 'miniature.json').is_file()


@pytest.mark.parametrize('killed_at', [1, 2, 3])
def test_pretraining_goes_on_where_it_was_stopped(killed_at, tmp_path, monkeypatch):
    """In the first stage, between both, and in the second."""
    whole = pretrain.load_state_dict(pretrain.pretrain(tmp_path / 'whole', steps=(2, 2)))
    monkeypatch.setattr(pretrain, 'SAVE_EVERY', 1)
    loss, calls = pretrain._step_loss, iter(range(100))

    def killed(*args):
        if next(calls) == killed_at:
            raise KeyboardInterrupt
        return loss(*args)

    monkeypatch.setattr(pretrain, '_step_loss', killed)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(tmp_path / 'parts', steps=(2, 2))
    monkeypatch.setattr(pretrain, '_step_loss', loss)
    assert not (tmp_path / 'parts' / 'miniature.safetensors').exists()
    parts = pretrain.load_state_dict(pretrain.pretrain(tmp_path / 'parts', steps=(2, 2)))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_pretraining_stops_and_knows_its_state(tmp_path):
    assert pretrain.pretrain(tmp_path, steps=(1, 2), stop=2) == tmp_path / 'state.pt'
    assert not (tmp_path / 'miniature.safetensors').exists()
    with pytest.raises(
        ValueError, match=r"is the state of a training with {'steps': \[1, 2\].*another folder"
    ):
        pretrain.pretrain(tmp_path, steps=(1, 3))


def test_pretraining_refuses_bad_input(tmp_path):
    with pytest.raises(ValueError, match='steps must be at least 1'):
        pretrain.pretrain(tmp_path, steps=(1, 0))
    save_file({'x': torch.zeros(1)}, tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match='is not a miniature checkpoint'):
        pretrain.load_state_dict(tmp_path / 'x.safetensors')
