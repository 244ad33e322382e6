"""The classifier behind the page: answers, bounds, the level of "none of these"."""

from pathlib import Path

import numpy as np
import pytest

from ga2mm.apis import VideoClassifier
from ga2mm.apis.prediction import NONE_OF_THESE
from ga2mm.apis.zero_shot import zero_shot_config
from ga2mm.web import page_classifier
from ga2mm.web.page_classifier import MAX_NAME, MAX_NAMES, Answer, PageClassifier, read_names
from tests.helpers.coloured import COLOURS, coloured, write

TEXT = ', '.join(COLOURS)


@pytest.fixture
def classifier() -> VideoClassifier:
    return VideoClassifier(zero_shot_config('miniature'), None, COLOURS, 'cpu')


@pytest.fixture(scope='module')
def short(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp('short') / 'rot 红.mkv', coloured(COLOURS[:1])))


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp('film') / 'film.mkv', coloured(COLOURS, 2.0)))


def only(page: PageClassifier, video: str, text: str = TEXT) -> Answer:
    (answer,) = page.answers(video, text, 4.0)
    return answer


def test_short_video_gives_probabilities_and_frames(classifier: VideoClassifier, short: str) -> None:
    answer = only(PageClassifier(classifier), short)
    expected = classifier([short], top=3)['predictions'][0]
    assert answer.prediction.to_dict() == {**expected, 'video': 'rot 红.mkv'}
    assert answer.prediction.label == 'red object' and answer.seconds == pytest.approx(1.0)
    assert [frame.shape for frame in answer.frames] == [(128, 128, 3)] * 4
    assert all(frame[..., 0].mean() > 150 > frame[..., 2].mean() for frame in answer.frames)
    assert answer.time_line is None


def test_long_video_gives_a_time_line_that_grows(classifier: VideoClassifier, film: str) -> None:
    answers = list(PageClassifier(classifier).answers(film, TEXT, 1.0))
    sizes = [len(answer.time_line.predictions) for answer in answers]
    assert sizes == list(range(22))  # a window each quarter of a second
    expected = classifier.time_line(film, 1.0, 0.25)
    found = answers[-1].time_line.to_dict()
    assert found['segments'] == expected.to_dict()['segments']
    assert [one['label'] for one in found['segments']] == COLOURS
    assert {answer.prediction for answer in answers} == {answers[0].prediction}


def test_number_of_windows_is_bounded(
    classifier: VideoClassifier, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_classifier, 'MAX_WINDOWS', 5)
    *_, last = PageClassifier(classifier).answers(film, TEXT, 1.0)
    assert [one.start for one in last.time_line.predictions] == [0.0, 1.25, 2.5, 3.75, 5.0]


def test_request_that_is_left_does_not_disturb_another(
    classifier: VideoClassifier, short: str, film: str
) -> None:
    page = PageClassifier(classifier)
    left = page.answers(film, TEXT, 1.0)
    next(left)
    assert only(page, short, 'green object, "red, object"').prediction.label == 'red, object'
    *_, last = left
    assert [one.label for one in last.time_line.segments] == COLOURS


def test_anchors_give_a_level_for_any_names(classifier: VideoClassifier, short: str, tmp_path: Path) -> None:
    anchors = [write(tmp_path / f'{one}.mkv', coloured([one])) for one in COLOURS]
    page = PageClassifier(classifier, anchors)
    answer = only(page, short)  # one of the anchors themselves
    assert answer.prediction.label == NONE_OF_THESE and answer.prediction.top[0][0] == 'red object'
    level = classifier.none_below
    assert f'At {level:.2f} or less' in answer.level
    only(page, short, 'star spinning')
    assert classifier.none_below != level


def test_level_of_a_model_file_is_for_its_own_classes(classifier: VideoClassifier, short: str) -> None:
    classifier.none_below = 1000.0
    page = PageClassifier(classifier)
    assert only(page, short, 'blue object\ngreen object\nred object').prediction.label == NONE_OF_THESE
    other = only(page, short, 'red object, blue object')
    assert other.prediction.label == 'red object' and 'valid for its own classes only' in other.level
    assert only(page, short).prediction.label == NONE_OF_THESE


def test_without_a_level_the_page_says_so_and_one_name_is_not_enough(
    classifier: VideoClassifier, short: str
) -> None:
    page = PageClassifier(classifier)
    assert 'ga2mm export --anchors FOLDER' in only(page, short).level
    with pytest.raises(ValueError, match='one class name alone'):
        only(page, short, 'red object')
    assert only(page, short).prediction.label == 'red object'


def test_words_that_the_clip_does_not_know_are_a_warning(classifier: VideoClassifier, short: str) -> None:
    page = PageClassifier(classifier)
    assert only(page, short).warnings == ()
    for _ in range(2):  # the features of the names are computed only once
        (warning,) = only(page, short, '打篮球, red object').warnings
        assert 'never trained on some words' in warning
    assert only(page, short).warnings == ()


def test_unreadable_video_is_a_line_without_its_folder(classifier: VideoClassifier, videos: Path) -> None:
    page = PageClassifier(classifier)
    for name in ('empty.mp4', 'text.mp4', 'garbled.mp4', 'absurd.mp4', 'missing.mp4'):
        with pytest.raises(ValueError) as caught:
            list(page.answers(str(videos / name), TEXT, 4.0))
        assert str(caught.value).startswith(f'{name}: ')
        assert str(videos) not in str(caught.value) and '\n' not in str(caught.value)


def test_damaged_video_says_what_is_lost(classifier: VideoClassifier, film: str, tmp_path: Path) -> None:
    content = Path(film).read_bytes()
    path = tmp_path / 'damaged.mkv'
    path.write_bytes(content[: len(content) * 7 // 10])
    *_, last = PageClassifier(classifier).answers(str(path), TEXT, 1.0)
    told = [last.prediction.problem, *(one.problem for one in last.time_line.predictions)]
    assert 'damaged.mkv: damaged' in told[0]
    assert not any(str(tmp_path) in problem for problem in told if problem)


@pytest.mark.parametrize(
    ('name', 'value', 'said'),
    [
        ('MAX_SECONDS', 5.0, 'film.mkv: 6 seconds and 60 frames; this page takes up to 5 seconds'),
        ('MAX_FRAMES', 59, 'film.mkv: 6 seconds and 60 frames; .* 59 frames: cut the video'),
        ('MAX_PIXELS', 48 * 64 - 1, 'film.mkv: frames of 64 x 48 pixels'),
        ('MAX_ASPECT', 1, 'film.mkv: frames of 64 x 48 pixels'),
    ],
)
def test_video_is_bounded(
    classifier: VideoClassifier,
    film: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: float,
    said: str,
) -> None:
    monkeypatch.setattr(page_classifier, name, value)
    with pytest.raises(ValueError, match=said):
        list(PageClassifier(classifier).answers(film, TEXT, 4.0))


def test_names_are_separated_by_commas_and_lines() -> None:
    assert read_names(' tai-chi (slow),  "juggling, three balls"\n\n打篮球,\n') == (
        'tai-chi (slow)',
        'juggling, three balls',
        '打篮球',
    )


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        (' ,\n', 'there are no class names'),
        (','.join(map(str, range(MAX_NAMES + 1))), f'give at most {MAX_NAMES}'),
        ('a, ' + 'b' * (MAX_NAME + 1), f'is longer than {MAX_NAME} characters'),
        ('a' * 10**6, 'characters of class names'),
        ('run, Run', "name 2: class name 'Run' is already in name 1"),
        ('run, "walk', 'check the double quotes'),
        ('run, wa\x00lk', 'control character'),
    ],
)
def test_names_are_bounded(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        read_names(text)
    assert len(str(caught.value)) < 300


def test_frames_of_several_clips_and_of_a_pipeline_without_clips() -> None:
    import torch

    clips = torch.arange(2 * 3 * 4 * 200 * 2, dtype=torch.int64).remainder(251).to(torch.uint8)
    clips = clips.reshape(2, 3, 4, 200, 2)
    frames = page_classifier._frames_of(dict(inputs=clips))
    assert len(frames) == 8 and frames[0].shape == (200, 2, 3)
    assert np.array_equal(frames[5], clips[1, :, 1].permute(1, 2, 0).numpy())
    single = page_classifier._frames_of(dict(inputs=clips[:, :, 0]))
    assert np.array_equal(single[1], clips[1, :, 0].permute(1, 2, 0).numpy())
