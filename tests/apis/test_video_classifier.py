"""Classification of files, folders, frames, streams and long videos."""

import csv
import json
import os
import shutil
import threading
import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from ga2mm.apis import VideoClassifier, classify, load
from ga2mm.apis.model_file import export_model
from ga2mm.apis.prediction import NONE_OF_THESE
from ga2mm.apis.prediction_files import write_csv, write_json, write_srt
from ga2mm.datasets import UnreadableVideoError
from tests.helpers import running
from tests.helpers.coloured import COLOURS, FPS, coloured, write


def cut(source: Path, path: Path, first: int, count: int) -> Path:
    """Cut frames out of a lossless video without changing them."""
    with av.open(str(source)) as whole, av.open(str(path), 'w') as out:
        stream = out.add_stream('ffv1', rate=Fraction(FPS))
        one = whole.streams.video[0]
        stream.height, stream.width, stream.pix_fmt = one.height, one.width, one.pix_fmt
        for number, frame in enumerate(whole.decode(one)):
            if first <= number < first + count:
                frame.pts, frame.time_base = number - first, Fraction(1, FPS)
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope='module')
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = running.read_config(running.ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')
    return export_model(cfg, None, tmp_path_factory.mktemp('model') / 'colours.ga2', COLOURS)


@pytest.fixture(scope='module')
def classifier(model_file: Path) -> VideoClassifier:
    return VideoClassifier(model_file, device='cpu')


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos, one of them in a folder below, a damaged one and a text."""
    path = tmp_path_factory.mktemp('new videos')
    (path / '中文').mkdir()
    write(path / 'a red.mkv', coloured(COLOURS[:1]))
    write(path / 'b.mkv', coloured(COLOURS[1:2]))
    write(path / '中文' / 'blau ü.mkv', coloured(COLOURS[2:]))
    (path / 'broken.mp4').write_bytes(b'nothing')
    (path / 'notes.txt').write_text('no video')
    return path


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 9.5 seconds that changes its colour every 2.5 or 2 seconds."""
    frames = np.concatenate([coloured(COLOURS, 2.5), coloured(COLOURS[:1], 2.0)])
    return write(tmp_path_factory.mktemp('film') / 'film.mkv', frames)


def test_folder_is_classified_and_unreadable_videos_are_listed(
    classifier: VideoClassifier, folder: Path, tmp_path: Path
) -> None:
    files = dict(csv=tmp_path / 'out.csv', json=tmp_path / 'out.json')
    with pytest.warns(UserWarning, match='1 files are left out.*notes.txt'):
        found = classifier(str(folder), batch_size=2, top=3, **files)
    by_name = {Path(one['video']).name: one for one in found['predictions']}
    assert {name: one['label'] for name, one in by_name.items()} == {
        'a red.mkv': COLOURS[0],
        'b.mkv': COLOURS[1],
        'blau ü.mkv': COLOURS[2],
        'broken.mp4': None,
    }
    assert 'cannot be opened' in by_name['broken.mp4']['problem']
    rows = list(csv.DictReader((tmp_path / 'out.csv').open(encoding='utf-8')))
    assert [row['label'] for row in rows if 'red' in row['video']] == [COLOURS[0]]
    assert [row['problem'] for row in rows if 'broken' in row['video']] == [by_name['broken.mp4']['problem']]
    assert {'class_1', 'probability_3'} < set(rows[0])
    assert json.loads((tmp_path / 'out.json').read_text())['predictions'] == found['predictions']


def test_numbers_are_those_of_classify_for_files_and_for_frames(
    classifier: VideoClassifier, model_file: Path, folder: Path
) -> None:
    expected = classify(load(model_file), folder / 'b.mkv')
    with av.open(str(folder / 'b.mkv')) as video:
        frames = np.stack([frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)])
    from_file, from_frames = classifier([folder / 'b.mkv', frames], top=3)['predictions']
    assert {one['label']: one['probability'] for one in from_file['top']} == expected
    assert {one['label']: one['probability'] for one in from_frames['top']} == pytest.approx(
        expected, abs=1e-5
    )
    assert from_frames['video'] == 'frames 1'


def test_config_with_other_classes_makes_a_classifier(folder: Path) -> None:
    cfg = running.read_config(running.ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')
    other = VideoClassifier(cfg, classes=COLOURS[:2], device='cpu')
    assert other(folder / 'b.mkv')['predictions'][0]['label'] == COLOURS[1]
    with pytest.raises(ValueError, match='names no classes'):
        VideoClassifier(cfg, device='cpu')


def test_data_samples_are_given_on_request(classifier: VideoClassifier, folder: Path) -> None:
    found = classifier([folder / 'b.mkv', folder / 'broken.mp4'], return_datasamples=True)['predictions']
    assert found[0].logits.shape == (3,)
    assert found[0].filename.endswith('b.mkv')
    assert 'pred_score' not in found[1] and 'pred_scores' not in found[1]


def test_threshold_from_anchors_gives_none_of_these_and_several_labels(
    model_file: Path, folder: Path, tmp_path: Path
) -> None:
    own = VideoClassifier(model_file, device='cpu')
    with pytest.raises(ValueError, match='level of irrelevant videos'):
        own(folder / 'b.mkv', several=True)
    noise = np.random.default_rng(1).integers(0, 256, (10, 48, 64, 3), np.uint8)
    write(tmp_path / 'noise.mkv', noise)
    threshold = own.calibrate([tmp_path], false_accept_rate=0)
    rejected, kept = own([noise, folder / 'b.mkv'], none_below=threshold + 1e-3)['predictions']
    assert kept['max_logit'] != rejected['max_logit']
    found = own([folder / 'b.mkv'], several=True, none_below=-100.0)['predictions'][0]
    assert sorted(found['labels']) == sorted(COLOURS)
    logits = own([folder / 'b.mkv'], return_datasamples=True)['predictions'][0].logits
    one = own([folder / 'b.mkv'], several=True, none_below=float(logits.max()) - 1)['predictions'][0]
    assert one['probability'] == pytest.approx(torch.sigmoid(torch.tensor(1.0)).item(), abs=1e-4)
    none = own([folder / 'b.mkv'], several=True, none_below=float(logits.max()))['predictions'][0]
    assert (none['label'], none['labels'], none['probability']) == (NONE_OF_THESE, [], None)
    assert own([folder / 'b.mkv'], none_below=1e3)['predictions'][0]['label'] == NONE_OF_THESE


@pytest.mark.parametrize(
    'wrong', [np.zeros((4, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), 3.5, [], 'http://a/b']
)
def test_wrong_inputs_are_one_line(classifier: VideoClassifier, wrong: object) -> None:
    with pytest.raises(ValueError, match='not a video|no videos|without a known end'):
        classifier(wrong)


def test_windows_have_the_numbers_of_clips_that_are_cut_out(
    classifier: VideoClassifier, film: Path, tmp_path: Path
) -> None:
    line = classifier.time_line(film, window=2.0, stride=0.7, top=3)
    starts = [one.start for one in line.predictions]
    assert starts == pytest.approx([*np.arange(0, 7.5, 0.7), 7.5], abs=1e-6)
    for number in (0, 1, 4, len(starts) - 1):
        one = line.predictions[number]
        first = round(np.ceil(round(one.start * FPS, 3)))
        count = round(np.ceil(round(one.end * FPS, 3))) - first
        clip = cut(film, tmp_path / f'{number}.mkv', first, count)
        assert classifier(clip, top=3)['predictions'][0]['top'] == one.to_dict()['top']


def test_batches_of_windows_change_nothing(classifier: VideoClassifier, film: Path) -> None:
    one, several = (classifier.time_line(film, 2.0, 0.5, batch_size=size) for size in (1, 4))
    assert [p.label for p in one.predictions] == [p.label for p in several.predictions]
    assert [p.max_logit for p in one.predictions] == pytest.approx(
        [p.max_logit for p in several.predictions], abs=1e-3
    )


def test_segments_cover_the_video_and_follow_its_colours(classifier: VideoClassifier, film: Path) -> None:
    segments = classifier.time_line(film, window=1.0, stride=0.25).segments
    assert [one.label for one in segments] == [*COLOURS, COLOURS[0]]
    assert [one.start for one in segments] == pytest.approx([0, 2.5, 5, 7.5], abs=0.5)
    assert segments[-1].end == 9.5
    assert all(one.end == other.start for one, other in pairwise(segments))


def test_video_shorter_than_the_window_is_one_window(classifier: VideoClassifier, folder: Path) -> None:
    line = classifier.time_line(folder / 'b.mkv', window=60.0, stride=1.0, top=3)
    assert [(one.start, one.end) for one in line.predictions] == [(0.0, 1.0)]
    assert (
        line.predictions[0].to_dict()['top'] == classifier(folder / 'b.mkv', top=3)['predictions'][0]['top']
    )


@pytest.mark.parametrize(('window', 'stride'), [(0.0, 1.0), (1.0, -1.0), (float('nan'), 1.0)])
def test_windows_need_a_length(classifier: VideoClassifier, film: Path, window: float, stride: float) -> None:
    with pytest.raises(ValueError, match='give seconds above 0'):
        classifier.time_line(film, window, stride)


def test_memory_does_not_grow_with_the_length(classifier: VideoClassifier, tmp_path: Path) -> None:
    peaks = []
    for seconds in (10, 80):
        path = write(tmp_path / f'{seconds}.mkv', coloured(COLOURS[:1], seconds, (240, 320)))
        list(classifier.watch(path, 4.0, 1.0))  # also fills caches
        tracemalloc.start()
        assert sum(1 for _ in classifier.watch(path, 4.0, 1.0)) == seconds - 3
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 2**20


def test_damaged_end_of_a_long_video_is_listed(
    classifier: VideoClassifier, film: Path, tmp_path: Path
) -> None:
    content = bytearray(film.read_bytes())
    middle = len(content) * 6 // 10
    content[middle : middle + 3000] = os.urandom(3000)
    (tmp_path / 'damaged.mkv').write_bytes(content)
    line = classifier.time_line(tmp_path / 'damaged.mkv', 2.0, 1.0)
    assert line.predictions[-1].label is None
    assert 'cannot be decoded' in line.predictions[-1].problem
    assert 1 <= len(line.predictions) < 9


def test_stream_from_a_pipe_gives_windows_while_it_comes(
    classifier: VideoClassifier, film: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / 'camera'
    os.mkfifo(pipe)
    sender = threading.Thread(target=lambda: shutil.copyfileobj(film.open('rb'), pipe.open('wb')))
    sender.start()
    found = list(classifier.watch(pipe, 2.0, 1.0))
    sender.join()
    expected = classifier.time_line(film, 2.0, 1.0).predictions
    assert [(one.start, one.top) for one in found] == [(one.start, one.top) for one in expected[: len(found)]]
    assert len(found) == 8  # the incomplete window at the end is left out


def test_stream_from_an_url(classifier: VideoClassifier, film: Path) -> None:
    found = list(classifier.watch(f'file:{film}', 2.0, 1.0))
    assert [one.label for one in found][:2] == [COLOURS[0], COLOURS[0]]
    with pytest.raises(UnreadableVideoError, match='cannot be opened'):
        list(classifier.watch('file:/nowhere.mkv'))
    with pytest.raises(UnreadableVideoError, match='cannot be opened'):
        list(classifier.watch(9))


def test_files_of_a_time_line(classifier: VideoClassifier, film: Path, tmp_path: Path) -> None:
    line = classifier.time_line(film, window=1.0, stride=0.5)
    write_srt(tmp_path / 'film.srt', line.segments)
    blocks = (tmp_path / 'film.srt').read_text().split('\n\n')
    assert blocks[0].splitlines()[:2] == ['1', '00:00:00,000 --> 00:00:02,250']
    assert blocks[0].splitlines()[2].startswith('red object (')
    write_csv(tmp_path / 'film.csv', line.predictions, top=1)
    rows = list(csv.DictReader((tmp_path / 'film.csv').open()))
    assert (rows[1]['start'], rows[1]['end'], rows[1]['label']) == ('0.5', '1.5', COLOURS[0])
    write_json(tmp_path / 'film.json', line.to_dict())
    assert json.loads((tmp_path / 'film.json').read_text())['segments'][0]['label'] == COLOURS[0]


def test_label_is_written_into_the_video(classifier: VideoClassifier, folder: Path, tmp_path: Path) -> None:
    found = classifier([folder / 'b.mkv', folder / 'broken.mp4', coloured(COLOURS[:1])], videos_to=tmp_path)
    assert found['visualization'] == [str(tmp_path / 'b.mp4'), None, str(tmp_path / 'frames 2.mp4')]
    with av.open(str(tmp_path / 'b.mp4')) as video:
        frames = [frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)]
    assert len(frames) == FPS
    assert frames[0][:12].min(axis=2).max() > 150 > frames[0][-12:].min(axis=2).max()  # white text at the top
