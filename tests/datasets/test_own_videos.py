"""A user's own videos: folders and CSV files, recordings, splits, and the data set made of them."""

from collections import Counter
from pathlib import Path

import pytest

from ga2mm.datasets import VideoFolderDataset
from ga2mm.datasets.own_videos import OwnVideo, read_own_videos
from ga2mm.datasets.recordings import recordings
from ga2mm.datasets.video_split import choose_classes, split_videos
from tests.helpers.lists import write_lines
from tests.helpers.own_videos import CLASSES, write_class_folders
from tests.helpers.videos import make_pipeline


def touch(folder: Path, *names: str) -> Path:
    """Make empty files, whose content a reader of names does not look at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def of_class(name: str, *recordings_of_videos: str) -> list[OwnVideo]:
    """Videos of a class, by the recording of each."""
    return [OwnVideo(f'{name}/{i}.mp4', name, one) for i, one in enumerate(recordings_of_videos)]


def test_folders_with_awkward_names_mixed_containers_and_folders_inside(tmp_path):
    touch(
        tmp_path,
        *('打篮球/clip 1.mp4', '打篮球/Tag 2/clip.AVI', 'brush_hair/ä ö.webm', 'brush_hair/b.mkv'),
        *('brush_hair/notes.txt', '.hidden/c.mp4', 'brush_hair/.DS_Store'),
    )
    found = read_own_videos(tmp_path)
    assert found.classes == ('brush hair', '打篮球')
    assert [(video.path, video.class_name) for video in found.videos] == [
        ('brush_hair/b.mkv', 'brush hair'),
        ('brush_hair/ä ö.webm', 'brush hair'),
        ('打篮球/Tag 2/clip.AVI', '打篮球'),
        ('打篮球/clip 1.mp4', '打篮球'),
    ]
    assert found.others == ('brush_hair/notes.txt',)
    assert not found.are_images


def test_images_count_if_there_are_no_videos(tmp_path):
    touch(tmp_path, 'a/1.jpg', 'a/2.PNG', 'b/1.jpeg', 'b/2.jpg')
    assert read_own_videos(tmp_path).are_images
    touch(tmp_path, 'a/1.mp4', 'a/2.mp4', 'b/1.mp4', 'b/2.mp4')
    found = read_own_videos(tmp_path)
    assert not found.are_images
    assert set(found.others) == {'a/1.jpg', 'a/2.PNG', 'b/1.jpeg', 'b/2.jpg'}


@pytest.mark.parametrize(
    ('files', 'problem'),
    [
        ([], 'no folder of a class'),
        (['a/1.mp4', 'a/2.mp4'], "'a' is the only class"),
        (['a/1.mp4', 'a/2.mp4', 'b/1.mp4'], "class 'b' has 1 video; it needs two or more"),
        (['a/1.mp4', 'a/2.mp4', 'b/notes.txt'], "class 'b' has 0 videos"),
        (['a/notes.txt', 'b/notes.txt'], 'no video in the folders of 2 classes'),
        (['train/a/1.mp4', 'test/a/2.mp4'], 'the folders test, train are not classes'),
        (['a_b/1.mp4', 'A b/2.mp4'], 'is already in'),
    ],
)
def test_a_folder_that_is_no_data_set_ends_in_one_line(tmp_path, files, problem):
    touch(tmp_path, *files)
    with pytest.raises((ValueError, OSError), match=problem) as error:
        read_own_videos(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert '\n' not in str(error.value)


def test_a_csv_file_gives_paths_classes_and_recordings(tmp_path):
    rows = ['Path,label,Group', 'v/1.mp4,a_b,film', 'v/2.mp4,a_b,', '"v/3, last.mp4",c,film', 'v/4.mp4,c,x']
    write_lines(tmp_path / 'videos.csv', rows)
    found = read_own_videos(tmp_path / 'videos.csv')
    assert found.folder == tmp_path
    assert [(v.path, v.class_name, v.recording) for v in found.videos] == [
        ('v/1.mp4', 'a b', 'film'),
        ('v/2.mp4', 'a b', 'v/2.mp4'),
        ('v/3, last.mp4', 'c', 'film'),
        ('v/4.mp4', 'c', 'x'),
    ]


@pytest.mark.parametrize(
    ('rows', 'problem'),
    [
        (['a.mp4,x'], "row 1: no column 'path'"),
        (['path,class', 'a.mp4'], 'row 2: .* has fewer fields than the header'),
        (['path,class', 'a.mp4,'], 'row 2: no path or no class'),
        (['path,class', 'a.mp4,x', 'a.mp4,y'], 'row 3: .* is in an earlier row too'),
        (['path,class', 'a.mp4,0', 'b.mp4,1'], 'the classes are numbers'),
        (['path,class'], 'no video in this file'),
    ],
)
def test_a_wrong_csv_file_is_named_with_its_row(tmp_path, rows, problem):
    write_lines(tmp_path / 'videos.csv', rows)
    with pytest.raises(ValueError, match=problem):
        read_own_videos(tmp_path / 'videos.csv')


@pytest.mark.parametrize(
    ('name', 'recording'),
    [
        ('v_Archery_g08_c01.avi', 'v_Archery_g08'),
        ('April_09_brush_hair_u_nm_np1_ba_goo_0.avi', 'April_09'),
        ('-5fZxyHKuWw_000012_000022.mp4', '-5fZxyHKuWw'),
        ('film_part3.mp4', 'film'),
        ('film 3.mp4', 'film'),
        ('film (3).mp4', 'film'),
        ('holiday.mp4', 'holiday'),
    ],
)
def test_names_tell_the_recording(name, recording):
    path = f'brush_hair/{name}'
    others = [f'brush_hair/{other}.mp4' for other in ('x', 'y')]
    assert recordings({'brush hair': [path, *others]})[path] == recording


@pytest.mark.parametrize('name', ['clip {}', '{}', 'IMG_000{}', 'juggling-{}', 'the same {}'])
def test_numbers_that_only_count_the_videos_tell_nothing(name):
    paths = [f'juggling/{name.format(i)}.mp4' for i in range(1, 5)]
    paths.append('juggling/another.mp4')
    assert len({*recordings({'juggling': paths}).values()}) == len(paths)


def test_a_folder_inside_a_class_is_a_recording(tmp_path):
    paths = ['run/day 1/1.mp4', 'run/day 1/2.mp4', 'run/day 2/1.mp4']
    assert [*recordings({'run': paths}).values()] == ['day 1', 'day 1', 'day 2']


def test_an_expression_tells_the_recording():
    paths = ['run/anna 1.mp4', 'run/anna 2.mp4', 'run/ben.mp4']
    assert [*recordings({'run': paths}, r'run/(\w+) ').values()] == ['anna', 'anna', 'run/ben.mp4']
    with pytest.raises(ValueError, match='is not a regular expression'):
        recordings({'run': paths}, '(')


def test_no_recording_is_on_both_sides_although_classes_share_some():
    videos = of_class('a', *'xxyyzz') + of_class('b', *'xxuuvv') + of_class('c', *'yyuuww')
    for shots in (None, 1, 2):
        split = split_videos(videos, shots=shots)
        assert not {v.recording for v in split.train} & {v.recording for v in split.test}
        if shots is not None:
            assert Counter(v.class_name for v in split.train) == dict.fromkeys('abc', shots)


def test_novel_classes_are_for_the_test_with_their_recordings():
    videos = of_class('a', *'xyz') + of_class('b', *'uvw') + of_class('new', *'xu')
    split = split_videos(videos, ['new'])
    assert (split.base, split.novel) == (('a', 'b'), ('new',))
    assert {video.class_name for video in split.train} == {'a', 'b'}
    assert not {video.recording for video in split.train} & {'x', 'u'}


def test_a_large_recording_does_not_leave_too_few_videos_for_training():
    videos = of_class('a', *'xyyyyyy') + of_class('b', *'uvvvvvv')
    for seed in range(5):
        assert len(split_videos(videos, shots=4, seed=seed).train) == 8


@pytest.mark.parametrize(
    ('videos', 'arguments', 'problem'),
    [
        (
            of_class('a', *'xx') + of_class('b', *'yz'),
            {},
            "class 'a': all 2 videos are pieces of one recording",
        ),
        (of_class('a', *'xw') + of_class('b', *'yz'), dict(shots=2), 'has 1 training videos for 2 shots'),
        (of_class('a', *'xw') + of_class('b', *'yz'), dict(novel=['b']), 'two classes or more must be left'),
        (of_class('a', *'xw') + of_class('b', *'yz'), dict(shots=0), '--shots 0'),
    ],
)
def test_a_split_that_is_impossible_ends_in_one_line(videos, arguments, problem):
    with pytest.raises(ValueError, match=problem):
        split_videos(videos, **arguments)


def test_novel_names_are_compared_by_their_letters():
    classes = ('Fußball spielen', 'tai-chi (slow)', '打篮球')
    assert choose_classes(['打篮球', 'Tai_Chi slow'], classes) == ('tai-chi (slow)', '打篮球')
    with pytest.raises(ValueError, match=r"'tai-chi slov' is not a class; did you mean 'tai-chi \(slow\)'"):
        choose_classes(['tai-chi slov'], classes)


def test_the_data_set_gives_items_of_both_parts(tmp_path):
    folder = write_class_folders(tmp_path / 'my videos')
    common = dict(folder=folder, pipeline=make_pipeline(), shots=2, novel=['打篮球'])
    train = VideoFolderDataset(split='base', subset='train', **common)
    tests = {
        split: VideoFolderDataset(split=split, subset='test', test_mode=True, **common)
        for split in ('base', 'novel')
    }
    assert train.metainfo['classes'] == CLASSES[:3]
    assert tests['novel'].metainfo['classes'] == ('打篮球',)
    assert (len(train), len(tests['base']), len(tests['novel'])) == (6, 6, 4)
    item = train[5]
    assert item['inputs'].shape[-3:] == (4, 32, 32)
    assert item['data_samples'].filename.startswith(str(folder / 'tai-chi (slow)' / 'clip '))
    with pytest.raises(ValueError, match="split='novel' with test_mode=False"):
        VideoFolderDataset(split='novel', subset='test', **common)
