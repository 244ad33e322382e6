"""Anchor sources: folders, classes of other datasets, generated clips, and several sources."""

import pickle
import random
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.logging import MMLogger

from ga2mm.anchors import AnchorBatchSampler, class_guard
from ga2mm.anchors.generated_anchors import KINDS, MIXED_VIDEOS
from ga2mm.checks.config_lists import read_config_lists
from ga2mm.checks.split_check import check_lists
from ga2mm.datasets import read_label_map
from ga2mm.models import OpenCLIP
from ga2mm.registry import DATASETS
from ga2mm.structures import get_gt_label
from tests.helpers import running
from tests.helpers.videos import make_pipeline, read_all, write_video

NAMES = running.DATA
UCF101, KINETICS400 = (NAMES / f'{name}_classes.txt' for name in ('ucf101', 'kinetics400'))
VIDEOS = 9


@pytest.fixture(scope='module')
def videos(tmp_path_factory) -> Path:
    """Nine videos in three folders, and files that are not videos."""
    folder = tmp_path_factory.mktemp('anchor videos')
    for number in range(VIDEOS):
        place = folder / ('', 'b', 'a/c')[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        write_video(place / f'v{number}.{("mp4", "AVI")[number == 0]}', ('mp4v', 'MJPG')[number == 0], number)
    (folder / 'b' / '.v1.mp4').write_bytes(b'hidden')
    (folder / 'a' / 'readme.txt').write_text('no video')
    return folder


def make_training(tmp_path: Path, videos: Path, **arguments) -> dict:
    """Config of a labelled dataset of the nine videos."""
    paths = sorted(path.relative_to(videos) for path in videos.rglob('v?.*'))
    assert len(paths) == VIDEOS
    ann_file = tmp_path / 'train.txt'
    ann_file.write_text(''.join(f'{path} {number % 2}\n' for number, path in enumerate(paths)))
    config = dict(
        type='ActionVideoDataset',
        ann_file=str(ann_file),
        pipeline=make_pipeline(),
        label_map=['jump', 'run'],
        split='base',
        data_prefix=dict(video=str(videos)),
    )
    return config | arguments


def make_folder(videos: Path, **arguments) -> dict:
    return dict(type='AnchorVideoFolder', folder=str(videos), pipeline=make_pipeline()) | arguments


def make_classes(tmp_path: Path, names: list[str], **arguments) -> dict:
    """Config of anchors with one listed video per class; the files do not exist."""
    (tmp_path / 'other.txt').write_text(''.join(f'{label}.mp4 {label}\n' for label in range(len(names))))
    (tmp_path / 'other_labels.txt').write_text('\n'.join(names))
    config = dict(
        type='AnchorClassDataset',
        ann_file=str(tmp_path / 'other.txt'),
        label_map=str(tmp_path / 'other_labels.txt'),
        pipeline=make_pipeline(),
    )
    return config | arguments


def kept_classes(dataset) -> list[str]:
    return [dataset.classes[dataset.get_data_info(index)['label']] for index in range(len(dataset))]


@pytest.fixture
def log(tmp_path, request) -> Path:
    """The log file."""
    MMLogger.get_instance(request.node.name, log_file=str(tmp_path / 'log.txt'))
    return tmp_path / 'log.txt'


# A folder


def test_folder_lists_its_videos_sorted(videos):
    dataset = DATASETS.build(make_folder(videos))
    paths = [dataset.get_data_info(index)['filename'] for index in range(len(dataset))]
    expected = ['a/c/v2.mp4', 'a/c/v5.mp4', 'a/c/v8.mp4', 'b/v1.mp4', 'b/v4.mp4', 'b/v7.mp4']
    assert paths == [str(videos / path) for path in (*expected, 'v0.AVI', 'v3.mp4', 'v6.mp4')]
    for item, path in zip(read_all(dataset, num_workers=0), paths, strict=True):
        assert item['inputs'].shape == (1, 3, 4, 32, 32)
        assert (item['data_samples'].filename, item['data_samples'].is_anchor) == (path, True)


def test_unreadable_video_of_a_folder_is_replaced_and_named(tmp_path):
    write_video(tmp_path / 'good.mp4', 'mp4v', seed=0)
    (tmp_path / 'empty.mp4').touch()
    sample = DATASETS.build(make_folder(tmp_path))[0]['data_samples']
    assert sample.filename == str(tmp_path / 'good.mp4')
    assert sample.unreadable == (f'{tmp_path / "empty.mp4"}: the file is empty',)


def test_a_folder_without_videos_is_refused_once_it_is_looked_into(tmp_path):
    (tmp_path / 'notes.txt').touch()
    for folder, error, problem in [
        (tmp_path, ValueError, 'no video in this folder; names of videos end in .avi, '),
        (tmp_path / 'missing', FileNotFoundError, 'missing: no such folder'),
    ]:
        dataset = DATASETS.build(make_folder(folder, lazy_init=True))
        with pytest.raises(error, match=problem):
            dataset.full_init()


def test_links_that_lead_nowhere_and_folders_that_may_not_be_read_are_named(tmp_path):
    write_video(tmp_path / 'good.mp4', 'mp4v', seed=0)
    (tmp_path / 'link.mp4').symlink_to('nowhere')
    dataset = DATASETS.build(make_folder(tmp_path))
    assert [Path(dataset.get_data_info(i)['filename']).name for i in (0, 1)] == ['good.mp4', 'link.mp4']
    with tempfile.TemporaryDirectory() as folder:  # the folders above tmp_path may not be read either
        Path(folder).chmod(0o755)
        (Path(folder) / 'good.mp4').touch()
        (Path(folder) / 'closed').mkdir(mode=0)
        with pytest.raises(PermissionError, match='Permission denied: .*closed'), running.unprivileged():
            DATASETS.build(make_folder(Path(folder)))


# Classes of another dataset


def test_classes_of_the_target_are_left_out_and_logged(tmp_path, log):
    (tmp_path / 'base.csv').write_text('id,name\n0,PlayGuitar\n1,ride horse\n')
    names = ['yoga', 'play_guitar', 'riding horses', 'ride horses', 'push-up']
    targets = [str(tmp_path / 'base.csv'), ['PushUp', 'swim']]
    dataset = DATASETS.build(make_classes(tmp_path, names, target_label_maps=targets))
    assert kept_classes(dataset) == ['yoga', 'riding horses']
    lines = [line.partition(f'{tmp_path / "other.txt"}: ')[2] for line in log.read_text().splitlines()]
    assert lines == [
        "class 'play_guitar' gives no anchors: it is class 'PlayGuitar' of the target (letters: 1.00)",
        "class 'ride horses' gives no anchors: it resembles class 'ride horse' of the target (letters: 0.95)",
        "class 'push-up' gives no anchors: it is class 'PushUp' of the target (letters: 1.00)",
    ]


def test_clip_finds_classes_that_letters_do_not_tell(tmp_path, log, arch, clip, monkeypatch):
    names, targets = ['ride a bike', 'yoga', 'sing', 'jump'], ['Biking', 'EatSoup', 'jump']
    readable = ['Biking', 'Eat Soup', 'jump']
    texts = [f'a video of a person {name}.' for name in (*names[:3], *readable)]
    features = clip.frozen_text_features(texts)
    cosines = features[:3] @ features[3:].t()
    closest, places = cosines.max(dim=1)
    order = closest.argsort(descending=True).tolist()
    # Between the most similar class and the next.
    monkeypatch.setattr(class_guard, 'CLIP_SIMILARITY', float(closest[order[:2]].mean()))
    config = make_classes(
        tmp_path,
        names,
        target_label_maps=[targets],
        clip=dict(type='OpenCLIP', arch=arch, pretrained='random'),
    )
    lazy = DATASETS.build(config | dict(lazy_init=True))
    assert not log.read_text() and set(lazy.dropped) == {'jump'}
    dataset = DATASETS.build(config)
    assert kept_classes(dataset) == [name for name in names[:3] if name != names[order[0]]]
    found = log.read_text().splitlines()[1]
    target = targets[int(places[order[0]])]
    assert f"class '{names[order[0]]}' gives no anchors: it resembles class '{target}' of the target" in found
    assert f"(CLIP's cosine: {float(closest.max()):.3f})" in found
    assert not any(isinstance(value, torch.nn.Module | OpenCLIP) for value in vars(dataset).values())


def test_bad_guards_are_refused(tmp_path):
    def build(**arguments):
        return DATASETS.build(make_classes(tmp_path, ['jump', 'run'], **arguments))

    with pytest.raises(ValueError, match='other.txt: no video is left, because every class is, or resembles'):
        build(target_label_maps=[['Jump', 'swim'], ['RUN']])
    with pytest.raises(ValueError, match="target_label_maps='base.csv': give the list of label maps"):
        build(target_label_maps='base.csv')
    with pytest.raises(ValueError, match=r'target_label_maps=\[\]'):
        build(target_label_maps=[])


# UCF101's classes that are also in Kinetics-400, in the order of UCF101's names.
EQUAL = [
    'Archery', 'Bowling', 'BrushingTeeth', 'CleanAndJerk', 'HammerThrow', 'HighJump',
    'JavelinThrow', 'JugglingBalls', 'Knitting', 'LongJump', 'MoppingFloor', 'PlayingCello',
    'PlayingFlute', 'PlayingGuitar', 'PlayingPiano', 'PlayingViolin', 'PoleVault', 'PullUps',
    'Shotput', 'SkateBoarding', 'SkyDiving', 'TaiChi',
]  # fmt: skip
NEARLY_EQUAL = {
    'BenchPress': 'bench pressing',
    'BlowingCandles': 'blowing out candles',
    'Lunges': 'lunge',
    'PushUps': 'push up',
    'ThrowDiscus': 'throwing discus',
    'WalkingWithDog': 'walking the dog',
}
ALIKE_IN_LETTERS_ALONE = {'ShavingBeard': 'shaving head', 'PlayingGuitar': 'playing bass guitar'}
SAME_IN_OTHER_WORDS = {
    'BabyCrawling': 'crawling baby',
    'BasketballDunk': 'dunking basketball',
    'Biking': 'riding a bike',
    'BodyWeightSquats': 'squat',
    'BoxingPunchingBag': 'punching bag',
    'BreastStroke': 'swimming breast stroke',
    'CliffDiving': 'diving cliff',
    'FrisbeeCatch': 'catching or throwing frisbee',
    'Haircut': 'getting a haircut',
    'HeadMassage': "massaging person's head",
    'HorseRiding': 'riding or walking with horse',
    'HulaHoop': 'hula hooping',
    'JumpRope': 'skipping rope',
    'Kayaking': 'canoeing or kayaking',
    'RockClimbingIndoor': 'rock climbing',
    'RopeClimbing': 'climbing a rope',
    'SalsaSpin': 'salsa dancing',
    'Skijet': 'jetskiing',
    'SoccerJuggling': 'juggling soccer ball',
    'Surfing': 'surfing water',
    'Swing': 'swinging on something',
    'TrampolineJumping': 'bouncing on trampoline',
}


def test_guard_finds_all_of_ucf101_that_kinetics_400_spells_alike(tmp_path):
    """The published recipe takes anchors from Kinetics-400 for UCF101: 22 names are in both."""
    ucf101, kinetics400 = read_label_map(UCF101), read_label_map(KINETICS400)
    assert (len(ucf101), len(kinetics400)) == (101, 400)
    dataset = DATASETS.build(make_classes(tmp_path, kinetics400, target_label_maps=[str(UCF101)]))
    equal = [name for name, reason in dataset.dropped.items() if 'it is class' in reason]
    assert len(EQUAL) == len(equal) == 22
    assert all(f"it is class '{name}' of the target" in ' '.join(dataset.dropped.values()) for name in EQUAL)
    alike = {name: reason for name, reason in dataset.dropped.items() if name not in equal}
    expected = NEARLY_EQUAL | ALIKE_IN_LETTERS_ALONE
    assert set(alike) == set(expected.values())
    assert all(f"it resembles class '{ours}' of" in alike[name] for ours, name in expected.items())
    assert len(dataset) == 400 - 30


def test_other_words_for_the_same_are_not_found_by_letters(tmp_path):
    assert set(SAME_IN_OTHER_WORDS) <= set(read_label_map(UCF101))
    anchors = list(SAME_IN_OTHER_WORDS.values())
    assert set(anchors) <= set(read_label_map(KINETICS400))
    dataset = DATASETS.build(make_classes(tmp_path, anchors, target_label_maps=[str(UCF101)]))
    assert kept_classes(dataset) == anchors


# Generated anchors


def make_generated(kind: str, training: dict, **arguments) -> dict:
    return dict(type='GeneratedAnchors', kind=kind, dataset=training) | arguments


@pytest.fixture
def training(tmp_path, videos) -> dict:
    """The labelled dataset, with augmentation by each of the three sources of random numbers."""
    pipeline = make_pipeline()
    pipeline[4:4] = [
        dict(type='Flip', flip_ratio=0.5),
        dict(type='TorchVisionWrapper', op='RandomGrayscale', p=0.5),
        random_brightness,
    ]
    return make_training(tmp_path, videos, pipeline=pipeline)


def random_brightness(results: dict) -> dict:
    factor = random.uniform(0.5, 1)
    results['imgs'] = [(factor * frame).astype(np.uint8) for frame in results['imgs']]
    return results


@pytest.mark.parametrize('kind', KINDS)
def test_a_generated_anchor_hangs_on_seed_and_index_alone(training, kind):
    dataset = DATASETS.build(make_generated(kind, training))
    assert len(dataset) == VIDEOS
    torch.manual_seed(1)
    read = [item['inputs'] for item in read_all(dataset, num_workers=0)]
    random.seed(2), np.random.seed(2), torch.manual_seed(2)
    again = read_all(pickle.loads(pickle.dumps(dataset)), num_workers=2 if kind == 'mixed' else 0)
    assert all(torch.equal(one, two['inputs']) for one, two in zip(read, again, strict=True))
    assert all((one.shape, one.dtype) == ((1, 3, 4, 32, 32), torch.uint8) for one in read)
    other = DATASETS.build(make_generated(kind, training, seed=1))
    assert not torch.equal(read[0], read[1]) and not torch.equal(read[0], other[0]['inputs'])


def test_generated_anchors_leave_other_random_numbers_alone(training):
    def draw() -> tuple[float, float, float]:
        return random.random(), np.random.random(), float(torch.rand(()))

    dataset = DATASETS.build(make_generated('mixed', training))
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    expected = draw(), draw()
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    first = draw()
    dataset[3]
    assert (first, draw()) == expected


def generate(kind: str, training: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """The unchanged clip 1 and the anchor generated at index 1, as (3, T, H, W), without augmentation."""
    dataset = DATASETS.build(make_generated(kind, training | dict(pipeline=still_pipeline())))
    return dataset.dataset[1]['inputs'][0], dataset[1]['inputs'][0]


def still_pipeline() -> list[dict]:
    pipeline = make_pipeline()
    pipeline[1]['test_mode'] = True
    return pipeline


def patches(clip: torch.Tensor) -> torch.Tensor:
    """(64, 3, T, 4, 4): the patches of a clip of 32 x 32 pixels."""
    return torch.stack([clip[..., y : y + 4, x : x + 4] for y in range(0, 32, 4) for x in range(0, 32, 4)])


def test_noise_and_blank_show_what_they_say(training):
    _, noise = generate('noise', training)
    assert abs(noise.float().mean() - 127.5) < 2 and abs(noise.float().std() - 73.9) < 2
    _, blank = generate('blank', training)
    assert (blank == blank[:, :1, :1, :1]).all()


def test_noise_and_blank_read_no_video(training):
    training['data_prefix'] = dict(video='nowhere')
    for kind in ('noise', 'blank'):
        sample = DATASETS.build(make_generated(kind, training))[0]['data_samples']
        assert (sample.filename, sample.unreadable, sample.is_anchor) == (f'{kind} anchor 0', (), True)


def test_shuffled_patches_are_those_of_the_clip_in_another_order(training):
    clip, shuffled = map(patches, generate('shuffled_patches', training))
    places = [[torch.equal(one, other) for other in clip].index(True) for one in shuffled]
    assert sorted(places) == list(range(64))
    assert places != sorted(places)


def test_a_blended_patch_is_the_mean_of_four_and_a_mixed_clip_that_of_eight(training):
    clip, blended = generate('blended_patches', training)
    assert abs(blended.float().mean() - clip.float().mean()) < 1
    # Of independent values, the mean of four has half the deviation.
    assert float(blended.float().std() / clip.float().std()) == pytest.approx(0.5, abs=0.08)

    config = training | dict(pipeline=still_pipeline(), indices=MIXED_VIDEOS)
    clips = torch.stack([item['inputs'] for item in DATASETS.build(config)])
    mixed = DATASETS.build(make_generated('mixed', config))[1]['inputs']
    assert torch.equal(mixed, clips.double().mean(dim=0).round().to(torch.uint8))


def test_blurred_frames_keep_their_colour_and_lose_their_detail(training):
    clip, blurred = (one.float() for one in generate('blurred', training))
    means = [one.mean(dim=(-2, -1)) for one in (clip, blurred)]
    torch.testing.assert_close(*means, atol=4, rtol=0)

    def step(one: torch.Tensor) -> float:
        return float(one.diff(dim=-1).abs().mean())

    assert 0 < step(blurred) < step(clip) / 8


def test_generated_anchors_name_unreadable_videos(tmp_path, training):
    lines = Path(training['ann_file']).read_text()
    Path(training['ann_file']).write_text(f'missing.mp4 0\n{lines}')
    dataset = DATASETS.build(make_generated('blurred', training))
    sample = dataset[0]['data_samples']
    assert [one.rpartition('/')[2] for one in sample.unreadable] == ['missing.mp4: no such file']


@pytest.mark.parametrize(
    ('kind', 'change', 'problem'),
    [
        ('noises', {}, "generated anchors have kind='noises'; use one of noise, blank, shuffled_patches"),
        ('blurred', dict(test_mode=True, split='novel'), 'train.txt: test_mode=True; anchors are generated'),
        ('blurred', dict(split='novel'), 'novel classes are never trained on'),
        ('mixed', dict(indices=7), 'train.txt: 7 videos, but a mixed anchor needs 8'),
    ],
)
def test_bad_generated_anchors_are_refused(training, kind, change, problem):
    with pytest.raises(ValueError, match=problem):
        DATASETS.build(make_generated(kind, training | change))


def test_frames_that_cannot_be_cut_are_refused(training):
    training['pipeline'][3]['scale'] = (36, 32)
    dataset = DATASETS.build(make_generated('shuffled_patches', training))
    with pytest.raises(ValueError, match='32x36 pixels cannot be cut into 8x8 patches'):
        dataset[0]


# Several sources


def make_weighted(training: dict, videos: Path, weights: list[int]) -> dict:
    sources = [
        make_folder(videos, indices=5),
        make_generated('noise', training),
        make_folder(videos, indices=2),
    ]
    return dict(
        type='AnchorDataset',
        dataset=training,
        anchors=dict(type='WeightedAnchors', sources=sources[: len(weights)], weights=weights),
    )


def draw_anchors(
    dataset, epochs: range, num_anchors: int = 2, rank: int = 0, world_size: int = 1
) -> list[list]:
    """Give the anchor indices of each batch of one process."""
    sampler = DefaultSampler(dataset, seed=3)
    sampler.rank, sampler.world_size = rank, world_size
    sampler.num_samples = -(-len(dataset) // world_size)
    sampler.total_size = world_size * sampler.num_samples
    batches = AnchorBatchSampler(sampler, 4 // world_size, num_anchors)
    drawn = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        drawn += [[index - len(dataset) for index in batch[-num_anchors:]] for batch in batches]
    return drawn


def test_shares_follow_the_weights_and_each_source_has_its_turns(training, videos):
    dataset = DATASETS.build(make_weighted(training, videos, [3, 1, 2]))
    assert dataset.num_anchors == 5 + VIDEOS + 2
    drawn = sum(draw_anchors(dataset, range(30)), [])
    assert len(drawn) == 30 * 3 * 2
    rounds = [drawn[start : start + 6] for start in range(0, len(drawn), 6)]
    for one in rounds:
        assert [sum(low <= i < high for i in one) for low, high in ((0, 5), (5, 14), (14, 16))] == [3, 1, 2]
    assert len({tuple(i < 5 for i in one) for one in rounds}) > 1  # the order within a round varies
    for low, high in ((0, 5), (5, 14), (14, 16)):
        stream = [index for index in drawn if low <= index < high]
        size = high - low
        turns = [stream[start : start + size] for start in range(0, len(stream) - size + 1, size)]
        assert len(turns) >= 3
        assert all(sorted(one) == list(range(low, high)) for one in turns)
        assert len({tuple(one) for one in turns}) > 1


def test_the_stream_over_sources_needs_no_past_and_is_shared_out_over_processes(training, videos):
    dataset = DATASETS.build(make_weighted(training, videos, [3, 1]))
    alone = draw_anchors(dataset, range(4))
    assert draw_anchors(dataset, range(2, 4)) == alone[6:]
    ranks = [draw_anchors(dataset, range(4), 1, rank, 2) for rank in range(2)]
    assert [sum(parts, []) for parts in zip(*ranks, strict=True)] == alone


def test_anchors_of_several_sources_are_labelled_as_anchors(training, videos):
    dataset = DATASETS.build(make_weighted(training, videos, [1, 1]))
    indices = [index for batch in draw_anchors(dataset, range(2), 4) for index in batch]
    items = [dataset[len(dataset) + index]['data_samples'] for index in indices]
    assert all(item.is_anchor and get_gt_label(item).tolist() == [-1] for item in items)
    assert {item.filename.startswith('noise') for item in items} == {True, False}
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[len(dataset) + 6]['inputs'], dataset[len(dataset) + 6]['inputs'])


def test_sources_wait_for_their_initialisation(videos):
    config = dict(type='WeightedAnchors', sources=[make_folder('nowhere')], weights=[1])
    dataset = DATASETS.build(config | dict(lazy_init=True))
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        dataset.full_init()
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        DATASETS.build(config)


@pytest.mark.parametrize('weights', [[1], [1, 0], [0.5, 0.5], [1, 2, 3]], ids=str)
def test_weights_that_fit_no_sources_are_refused(videos, weights):
    sources = [make_folder(videos), make_folder(videos)]
    with pytest.raises(ValueError, match='for 2 sources; give a whole number above 0 for each'):
        DATASETS.build(dict(type='WeightedAnchors', sources=sources, weights=weights))


def test_sources_within_sources_are_refused(videos):
    inner = dict(type='WeightedAnchors', sources=[make_folder(videos)], weights=[1])
    with pytest.raises(ValueError, match=r'sources\[0\] is a WeightedAnchors; put all sources into one list'):
        DATASETS.build(dict(type='WeightedAnchors', sources=[inner], weights=[1]))


# The check of lists before training


def test_the_check_of_lists_looks_into_every_source(tmp_path, training, videos):
    config = make_weighted(training, videos, [1, 1])
    classes = make_classes(tmp_path, ['swim', 'runs', 'yoga'], target_label_maps=[['jump', 'run']])
    config['anchors']['sources'].append(classes)
    leak = training | dict(test_mode=True, split='novel', label_map=['climb', 'dive'])
    cfg = dict(train_dataloader=dict(dataset=config), test_dataloader=dict(dataset=leak))
    lists, findings = read_config_lists(cfg)
    assert not findings
    assert [(one.role, len(one.files)) for one in lists] == [
        ('training', VIDEOS),
        ('anchor', VIDEOS),
        ('generated anchor', VIDEOS),
        ('anchor', 2),
        ('test', VIDEOS),
    ]
    # The test list has all videos; the folder of anchors has the training videos.
    shared = [re.findall('the ([a-z ]+) list', one.message) for one in check_lists(lists)]
    assert shared == [
        ['training', 'anchor'],
        ['training', 'test'],
        ['anchor', 'test'],
        ['generated anchor', 'test'],
    ]
