"""Still images as videos of one frame: opening them, their datasets, and whole runs."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from ga2mm.anchors import AnchorVideoDataset
from ga2mm.apis import check_train_config
from ga2mm.apis.run import _check_selection
from ga2mm.datasets import (
    ActionVideoDataset,
    CoOpSplitDataset,
    ImageFolderDataset,
    UnreadableVideoError,
    read_coop_split,
)
from ga2mm.registry import DATASETS
from ga2mm.structures import get_gt_label
from tests.helpers import running
from tests.helpers.running import miniature, train

CLASSES = ['crane', 'finch', 'heron', 'owl', 'wren']
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]
UNREADABLE = dict(
    missing='no such file', empty='the file is empty', text='is not an image', truncated='cannot be decoded'
)


def make_pipeline(clip_len: int = 1) -> list[dict]:
    return [
        dict(type='OpenImage'),
        dict(type='UniformSample', clip_len=clip_len),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(32, 32), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]


def write_image(path: Path, colour: tuple[int, int, int], seed: int = 0, **arguments) -> None:
    """An image of 48 x 40 pixels of nearly one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-30, 31, (40, 48, 3))
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path, **arguments)


@pytest.fixture(scope='session')
def birds(tmp_path_factory) -> Path:
    """``train`` and ``test`` with 6 and 3 images of each of five classes."""
    root = tmp_path_factory.mktemp('birds')
    for part, count in (('train', 6), ('test', 3)):
        for colour, name in zip(COLOURS, CLASSES, strict=True):
            for number in range(count):
                suffix = 'png' if number % 2 else 'JPG'
                seed = number + 100 * (part == 'test')
                write_image(root / part / name / f'{name}_{number}.{suffix}', colour, seed)
    (root / 'train' / 'owl' / 'notes.txt').write_text('not an image')
    (root / 'train' / '.cache').mkdir()
    return root


@pytest.fixture(scope='session')
def unreadable(tmp_path_factory) -> Path:
    """A folder of a readable image and of unreadable ones."""
    folder = tmp_path_factory.mktemp('unreadable')
    for name in ('good', 'truncated'):
        write_image(folder / f'{name}.jpg', COLOURS[0])
    content = (folder / 'truncated.jpg').read_bytes()
    (folder / 'truncated.jpg').write_bytes(content[: len(content) // 2])
    (folder / 'empty.jpg').write_bytes(b'')
    (folder / 'text.jpg').write_text('404 not found')
    return folder


def listed(folder: Path, lines: list[str], tmp_path: Path, **arguments) -> ActionVideoDataset:
    """The dataset of a list of images."""
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    config = dict(
        ann_file=str(tmp_path / 'list.txt'),
        pipeline=make_pipeline(),
        label_map=CLASSES,
        split='all',
        data_prefix=dict(video=str(folder)),
    )
    return ActionVideoDataset(**config | arguments)


def of_folder(folder: Path, split: str = 'all', **arguments) -> ImageFolderDataset:
    return ImageFolderDataset(folder, make_pipeline(), split, lazy_init=True, **arguments)


def files(dataset: ActionVideoDataset) -> list[tuple[str, int]]:
    """Give (file name, label) of every image, faster than MMEngine's method."""
    return [(Path(info['filename']).name, info['label']) for info in dataset.load_data_list()]


# Opening


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'bmp'])
def test_image_is_a_clip_of_one_frame(suffix, tmp_path):
    write_image(tmp_path / f'a b.{suffix}', COLOURS[2])
    item = listed(tmp_path, [f'a b.{suffix} 2'], tmp_path)[0]
    assert item['inputs'].shape == (1, 3, 1, 32, 32) and item['inputs'].dtype == torch.uint8
    means = item['inputs'].float().mean(dim=(0, 2, 3, 4)).tolist()
    assert means == pytest.approx([30, 30, 200], abs=12)  # red, green, blue
    sample = item['data_samples']
    assert get_gt_label(sample).tolist() == [2]
    assert (sample.filename, sample.readable) == (f'{tmp_path}/a b.{suffix}', True)


@pytest.mark.parametrize('mode', ['RGBA', 'L', 'P', 'CMYK'])
def test_image_of_any_mode_has_three_channels(mode, tmp_path):
    suffix = 'jpg' if mode == 'CMYK' else 'png'
    image = Image.new('RGB', (48, 40), (90, 90, 90))
    image = image.quantize(2) if mode == 'P' else image.convert(mode)
    image.save(tmp_path / f'a.{suffix}')
    assert image.mode == mode
    inputs = listed(tmp_path, [f'a.{suffix} 0'], tmp_path)[0]['inputs']
    assert inputs.shape == (1, 3, 1, 32, 32)
    assert float((inputs.float() - 90).abs().max()) < 6


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    write_image(tmp_path / 'a.jpg', COLOURS[0], exif=exif)
    pipeline = make_pipeline()
    del pipeline[3]
    assert listed(tmp_path, ['a.jpg 0'], tmp_path, pipeline=pipeline)[0]['inputs'].shape[-2:] == (48, 40)


def test_longer_clips_repeat_the_image(birds, tmp_path):
    (tmp_path / 'anchors.txt').write_text('owl/owl_1.png\n')
    prefix = dict(video=str(birds / 'train'))
    anchors = AnchorVideoDataset(str(tmp_path / 'anchors.txt'), make_pipeline(clip_len=4), prefix)
    inputs = anchors[0]['inputs']
    assert inputs.shape == (1, 3, 4, 32, 32)
    assert torch.equal(inputs, inputs[:, :, :1].expand_as(inputs))


@pytest.mark.parametrize('name', UNREADABLE)
def test_unreadable_image_is_named_with_its_reason(name, unreadable, tmp_path):
    dataset = listed(unreadable, [f'{name}.jpg 0'], tmp_path, on_unreadable='fail')
    with pytest.raises(UnreadableVideoError, match=UNREADABLE[name]) as caught:
        dataset[0]
    assert caught.value.path == str(unreadable / f'{name}.jpg') and '\n' not in str(caught.value)


def test_unreadable_image_is_replaced_in_training_and_wrong_in_testing(unreadable, tmp_path):
    lines = ['truncated.jpg 0', 'good.jpg 0']
    item = listed(unreadable, lines, tmp_path)[0]
    assert item['data_samples'].filename == str(unreadable / 'good.jpg')
    assert item['data_samples'].unreadable[0].startswith(f'{unreadable}/truncated.jpg: cannot be decoded (')
    item = listed(unreadable, lines, tmp_path, test_mode=True)[0]
    assert item['data_samples'].readable is False
    assert item['inputs'].shape == (1, 3, 1, 32, 32) and not item['inputs'].any()


# Folders


def test_folders_are_classes_in_the_order_of_their_names(birds):
    dataset = of_folder(birds / 'train')
    assert dataset.metainfo['classes'] == tuple(CLASSES) and dataset.metainfo['split'] == 'all'
    assert len(dataset) == len(files(dataset)) == 30
    assert files(dataset)[18:20] == [('owl_0.JPG', 3), ('owl_1.png', 3)]
    assert dataset[18]['data_samples'].filename == str(birds / 'train' / 'owl' / 'owl_0.JPG')


def test_first_half_of_the_folders_is_base_and_the_rest_novel(birds):
    base = of_folder(birds / 'train', 'base')
    novel = of_folder(birds / 'test', 'novel', test_mode=True)
    assert base.metainfo['classes'] == ('crane', 'finch', 'heron') and len(files(base)) == 18
    assert novel.metainfo['classes'] == ('owl', 'wren') and novel.metainfo['split'] == 'novel'
    assert files(novel) == [
        ('owl_0.JPG', 0), ('owl_1.png', 0), ('owl_2.JPG', 0),
        ('wren_0.JPG', 1), ('wren_1.png', 1), ('wren_2.JPG', 1),
    ]  # fmt: skip
    with pytest.raises(ValueError, match='novel classes are never trained on'):
        of_folder(birds / 'train', 'novel')
    with pytest.raises(ValueError, match=r"split='new'; use one of"):
        of_folder(birds / 'train', 'new')


def test_shots_depend_on_the_seed_alone(birds, tmp_path):
    shutil.copytree(birds / 'train', tmp_path / 'elsewhere')
    drawn = {shots: files(of_folder(birds / 'train', shots=shots)) for shots in (1, 2, 4, 6)}
    for shots, images in drawn.items():
        labels = [label for _, label in images]
        assert [labels.count(label) for label in range(5)] == [shots] * 5
    assert set(drawn[1]) < set(drawn[2]) < set(drawn[4]) < set(drawn[6])
    assert files(of_folder(tmp_path / 'elsewhere', shots=2)) == drawn[2]
    assert files(of_folder(birds / 'train', shots=2, seed=2)) != drawn[2]
    assert files(of_folder(birds / 'train', 'base', shots=2)) == drawn[2][:6]


def test_bad_folders_and_shots_are_refused(birds, tmp_path):
    with pytest.raises(ValueError, match="class 'crane' has 6 images, fewer than shots=7; lower shots"):
        files(of_folder(birds / 'train', shots=7))
    with pytest.raises(ValueError, match='shots=0; draw at least 1'):
        of_folder(birds / 'train', shots=0)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        of_folder(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='class folder'):
        of_folder(birds / 'train' / 'owl')
    (tmp_path / 'empty' / 'owl').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='no image in the folders of 1 classes'):
        files(of_folder(tmp_path / 'empty'))
    (tmp_path / 'empty' / 'Owl').mkdir()
    with pytest.raises(ValueError, match="empty/owl: class name 'owl' is already in .*/empty/Owl as 'Owl'"):
        of_folder(tmp_path / 'empty')


def test_links_to_folders_are_followed_once_and_named_if_they_lead_nowhere(birds, tmp_path):
    shutil.copytree(birds / 'test' / 'owl', tmp_path / 'owl')
    (tmp_path / 'owl' / '._owl_0.JPG').touch()  # as archives of macOS leave them
    (tmp_path / 'owl' / 'again').symlink_to(tmp_path / 'owl')
    (tmp_path / 'owl' / 'more').symlink_to(birds / 'train' / 'wren')
    images = files(of_folder(tmp_path))
    assert len(images) == len(set(images)) == 3 + 6
    (tmp_path / 'wren').symlink_to('nowhere')
    with pytest.raises(FileNotFoundError, match='wren: the link is broken; repair or remove it'):
        of_folder(tmp_path)


def config_of(birds: Path, train_split: str = 'base', test: str = 'test') -> dict:
    """The datasets of a base-to-novel run on the folders."""

    def dataset(part: str, split: str, **arguments) -> dict:
        common = dict(type='ImageFolderDataset', folder=str(birds / part), pipeline=make_pipeline())
        return dict(common, split=split, **arguments)

    loader = dict(batch_size=6, num_workers=0, persistent_workers=False, sampler=dict(type='DefaultSampler'))
    return dict(
        train_dataloader=dict(loader, dataset=dataset('train', train_split, shots=4)),
        val_dataloader=dict(loader, dataset=dataset('test', train_split, test_mode=True)),
        test_dataloader={
            split: dict(loader, dataset=dataset(test, split, test_mode=True)) for split in ('base', 'novel')
        },
    )


def test_lists_are_checked_as_those_of_videos(birds):
    def errors(**arguments) -> list[str]:
        findings = check_train_config(Config(config_of(birds, **arguments)))
        return [finding.message for finding in findings if finding.level == 'error']

    assert errors() == []
    (shared,) = errors(test='train')
    assert shared.startswith(f'12 videos are in both the training list {birds / "train"} and the test list')
    (both,) = errors(train_split='all')
    assert both.startswith("2 novel classes are base classes too: 'owl' ('owl')")


# CoOp's split files


def write_split(path: Path, classes: int = 5, images: int = 6, **changes) -> Path:
    """A split file whose first images have class 2, so that labels are not sorted."""
    order = [(label + 2) % classes for label in range(classes)]
    rows = {
        subset: [
            [f'{CLASSES[label]}/{CLASSES[label]}_{number}.png', label, CLASSES[label]]
            for number in range(images)
            for label in order
        ]
        for subset in ('train', 'val', 'test')
    }
    path.write_text(json.dumps({**rows, **changes}))
    return path


def of_split(path: Path, split: str = 'all', subset: str = 'train', **arguments) -> CoOpSplitDataset:
    return CoOpSplitDataset(path, subset, make_pipeline(), split, lazy_init=True, **arguments)


def test_first_half_of_the_labels_is_base_and_the_rest_novel_from_zero(tmp_path):
    path = write_split(tmp_path / 'split.json')
    everything = of_split(path)
    assert everything.metainfo['classes'] == tuple(CLASSES) and len(files(everything)) == 30
    base = of_split(path, 'base', 'test', test_mode=True)
    novel = of_split(path, 'novel', 'test', test_mode=True)
    assert base.metainfo['classes'] == ('crane', 'finch', 'heron')
    assert novel.metainfo['classes'] == ('owl', 'wren') and novel.metainfo['split'] == 'novel'
    for dataset in (base, novel):
        classes = dataset.metainfo['classes']
        expected = {(f'{name}_{i}.png', label) for label, name in enumerate(classes) for i in range(6)}
        assert set(files(dataset)) == expected and len(files(dataset)) == len(expected)
    with pytest.raises(ValueError, match='novel classes are never trained on'):
        of_split(path, 'novel')


@pytest.mark.parametrize('seed', [1, 2])
def test_shots_are_those_of_coops_code(seed, tmp_path):
    path = write_split(tmp_path / 'split.json', images=20)
    # As CoOp: seed, then random.sample of each class, in the order of the file.
    random.seed(seed)
    rows = json.loads(path.read_text())['train']
    expected = []
    for label in dict.fromkeys(label for _, label, _ in rows):
        expected += random.sample([row for row in rows if row[1] == label], 4)
    expected = [(Path(image).name, label) for image, label, _ in expected]
    assert files(of_split(path, shots=4, seed=seed)) == expected
    base = [(image, label) for image, label in expected if label < 3]
    assert files(of_split(path, 'base', shots=4, seed=seed)) == base


def test_class_with_fewer_images_gives_all(tmp_path):
    path = write_split(tmp_path / 'split.json')
    assert len(files(of_split(path, shots=16))) == 30


def test_wrong_arguments_are_refused(tmp_path):
    path = write_split(tmp_path / 'split.json')
    with pytest.raises(ValueError, match="subset='dev'; use one of"):
        of_split(path, subset='dev')
    with pytest.raises(ValueError, match="subset='test' with test_mode=False"):
        of_split(path, subset='test')
    with pytest.raises(ValueError, match="shots=4 with subset='val'"):
        of_split(path, subset='val', shots=4, test_mode=True)
    with pytest.raises(ValueError, match='shots=0'):
        of_split(path, shots=0)
    with pytest.raises(FileNotFoundError):
        of_split(tmp_path / 'missing.json')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(train='none'), 'not an object with the lists'),
        (dict(test=[]), "'test' is empty"),
        (dict(val=[['a.jpg', 0]]), r'val\[0\]: .* is not \[path, label of 0 or more, class name\]'),
        (dict(val=[['a.jpg', '0', 'crane']]), r'val\[0\]: .* is not'),
        (dict(val=[['a.jpg', True, 'crane']]), r'val\[0\]: .* is not'),
        (dict(val=[['a.jpg', -1, 'crane']]), r'val\[0\]: .* is not'),
        (dict(val=[['a.jpg', 1, 'crane']]), r"val\[0\]: label 1 is 'crane', but 'finch' in .*train\[4\]"),
        (dict(val=[['a.jpg', 5, 'crane']]), r"val\[0\]: class name 'crane' is already in .*train\[3\]"),
        (dict(val=[['a.jpg', 6, 'emu']]), 'no image has label 5, but one has 6'),
        (
            dict(val=[['a.jpg', 5, 'Crane ']]),
            r"val\[0\]: class name 'Crane ' is already in .*train\[3\] as",
        ),
        (dict(val=[['a\0.jpg', 0, 'crane']]), r"val\[0\]: 'a\\x00.jpg' is not a path"),
        (dict(val=[['', 0, 'crane']]), r"val\[0\]: '' is not a path"),
        (dict(val=[['a' * 10_000_000, 0, 'crane']]), r"val\[0\]: 'a{80}...' is not a path"),
        (dict(val=[['a.jpg', 'a' * 10_000_000, 'crane']]), r'val\[0\]: .{,90} is not \[path'),
        (
            dict(val=[['a.jpg', 5, '\ud800']]),
            r"val\[0\]: class name '\\ud800' has a tab or control character",
        ),
    ],
)
def test_broken_split_file_is_refused(changes, message, tmp_path):
    path = write_split(tmp_path / 'split.json', **changes)
    with pytest.raises(ValueError, match=message) as caught:
        read_coop_split(path, 'test')
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    'content',
    [b'', b'[1, 2]', b'{"train": [', b'\xff\xfe{}', b'[' * 100_000, b'9' * 5000, b'{"val": [], "val": []}'],
)
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / 'split.json').write_bytes(content)
    with pytest.raises(ValueError, match='give a file split_zhou_<Dataset>.json'):
        read_coop_split(tmp_path / 'split.json', 'train')


# Runs


def test_folders_from_end_to_end(birds, tmp_path):
    cfg = miniature('deep_prompts', tmp_path, epochs=2, model__cls_head__template='a photo of a {}.')
    for key, loader in config_of(birds).items():
        cfg[key] = loader
    runner = train(cfg)
    assert len(running.losses(runner)) == 4  # 2 epochs of 12 images in batches of 6
    metrics = running.test(cfg, tmp_path / 'epoch_2.pth')
    assert {'base/acc/top1', 'novel/acc/top1', 'hm', 'generalized/hm'} <= metrics.keys()
    sets = json.loads((tmp_path / 'test_metrics.json').read_text())['sets']
    assert (sets['base']['videos'], sets['novel']['class_names']) == (9, ['owl', 'wren'])


def test_miniature_world_as_images(in_miniature_folder, monkeypatch, tmp_path):
    monkeypatch.setenv('GA2MM_PROTOCOL', 'images_base2novel')
    cfg = miniature('ga2', tmp_path)
    trained_on = train(cfg).train_dataloader.dataset
    tested_on = DATASETS.build(cfg.test_dataloader.novel.dataset)
    for item in (trained_on[0], trained_on[len(trained_on)], tested_on[0]):  # a clip, an anchor, a test clip
        assert item['inputs'].shape == (1, 3, 1, 32, 32)
    assert (tmp_path / 'epoch_1.pth').is_file()


@pytest.mark.parametrize(
    ('validation', 'test'),
    [
        (dict(ann_file='s.json', subset='val'), dict(ann_file='s.json', subset='test')),
        (dict(folder='birds/val'), dict(folder='birds/test')),
    ],
)
def test_a_best_checkpoint_is_not_chosen_on_test_images(validation, test):
    checkpoint = dict(checkpoint=dict(save_best='acc/top1'))
    loaders = dict(test_dataloader=dict(base=dict(dataset=test)), val_dataloader=dict(dataset=validation))
    _check_selection(Config(dict(default_hooks=checkpoint, **loaders)))
    loaders['val_dataloader'] = dict(dataset=test)
    with pytest.raises(ValueError, match="on the test set 'base'"):
        _check_selection(Config(dict(default_hooks=checkpoint, **loaders)))
