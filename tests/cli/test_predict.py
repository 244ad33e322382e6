"""The command ``ga2mm predict``."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner, Result

from ga2mm.apis.model_file import export_model
from ga2mm.cli import make_app
from tests.helpers import running
from tests.helpers.coloured import COLOURS, coloured, write


@pytest.fixture(scope='module')
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = running.read_config(running.ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')
    return export_model(cfg, None, tmp_path_factory.mktemp('model') / 'my model.ga2', COLOURS)


@pytest.fixture
def ga2mm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command in a folder with the videos ``new videos/{a,b}.mkv``."""
    (tmp_path / 'new videos').mkdir()
    write(tmp_path / 'new videos' / 'a.mkv', coloured(COLOURS[:1]))
    write(tmp_path / 'new videos' / 'b.mkv', coloured(COLOURS[1:2]))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(make_app(), [str(word) for word in words])


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_folder_becomes_a_table(ga2mm: Callable[..., Result], model_file: Path) -> None:
    done = ga2mm('predict', model_file, 'new videos', '--top', 3, '--csv', 'out.csv', '--device', 'cpu')
    assert done.exit_code == 0, done.output
    assert [row['label'] for row in rows('out.csv')] == COLOURS[:2]
    assert [row['class_1'] for row in rows('out.csv')] == COLOURS[:2]
    assert 'new videos/a.mkv: red object ' in done.output


def test_unreadable_video_is_in_the_table_and_in_the_exit_code(
    ga2mm: Callable[..., Result], model_file: Path
) -> None:
    Path('new videos/broken.mp4').write_bytes(b'')
    done = ga2mm('predict', model_file, 'new videos', '--csv', 'out.csv', '--device', 'cpu')
    assert done.exit_code == 1
    assert 'unreadable: new videos/broken.mp4: the file is empty' in done.output
    assert rows('out.csv')[2] == dict(
        video='new videos/broken.mp4',
        label='',
        probability='',
        problem='new videos/broken.mp4: the file is empty',
    )


def test_time_line_as_table_json_subtitles_picture_and_video(
    ga2mm: Callable[..., Result], model_file: Path
) -> None:
    write(Path('film.mkv'), coloured(COLOURS, 2.0))
    done = ga2mm(
        *('predict', model_file, 'film.mkv', '--window', 1, '--stride', 0.5, '--device', 'cpu'),
        *('--csv', 'out.csv', '--json', 'out.json'),
        *('--subtitles-to', 'out', '--pictures-to', 'out', '--videos-to', 'out'),
    )
    assert done.exit_code == 0, done.output
    assert len(rows('out.csv')) == 11
    line = json.loads(Path('out.json').read_text())['time_lines'][0]
    assert [one['label'] for one in line['segments']] == COLOURS
    assert Path('out/film.srt').read_text().count('-->') == 3
    assert Path('out/film.png').read_bytes().startswith(b'\x89PNG')
    assert Path('out/film.svg').stat().st_size > 1000
    with av.open('out/film.mp4') as video:
        assert sum(1 for _ in video.decode(video=0)) == 60


def test_anchors_make_none_of_these_and_several_labels(
    ga2mm: Callable[..., Result], model_file: Path
) -> None:
    Path('anchors').mkdir()
    for number, one in enumerate(COLOURS):  # as similar to the classes as can be
        write(Path(f'anchors/{number}.mkv'), coloured([one]))
    words = (
        'predict',
        model_file,
        'new videos',
        '--anchors',
        'anchors',
        '--device',
        'cpu',
        '--json',
        'a.json',
    )
    done = ga2mm(*words)
    assert 'none of these' in done.output
    done = ga2mm(*words, '--several')
    assert done.exit_code == 0, done.output
    found = json.loads(Path('a.json').read_text())['predictions']
    assert all((one['top'][0]['probability'] > 0.5) == bool(one['labels']) for one in found)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('new videos',), 'there is no model'),
        (('MODEL',), 'there are no videos'),
        (('MODEL', 'new videos', '--stride', '1'), 'give --window too'),
        (('MODEL', 'new videos', '--several'), 'level of irrelevant videos'),
        (('MODEL', 'new videos', '--window', '-1'), 'window=-1.0'),
        (('MODEL', '.', '--classes', 'a, A'), 'is already'),
        (('MODEL', 'empty'), 'no video in this folder'),
        (('MODEL', 'rtsp://camera/1'), 'rtsp://camera/1 is a camera or a stream'),
        (('nowhere.ga2', 'new videos'), 'No such file'),
        (('hf-hub:one/two/three', 'new videos'), 'is not a place on the hub'),
    ],
)
def test_wrong_words_are_one_line(
    ga2mm: Callable[..., Result], model_file: Path, words: tuple[str, ...], said: str
) -> None:
    Path('empty').mkdir()
    done = ga2mm('predict', *(model_file if word == 'MODEL' else word for word in words), '--device', 'cpu')
    assert done.exit_code == 1
    assert said in str(done.exception)
    assert isinstance(done.exception, ValueError | OSError)


def test_classes_alone_need_no_training(ga2mm: Callable[..., Result]) -> None:
    words = ('--classes', '"red object", blue object, green object', '--clip', 'miniature', '--device', 'cpu')
    done = ga2mm('predict', 'new videos', *words)
    assert done.exit_code == 0, done.output
    assert [line.split(': ')[1][:5] for line in done.output.splitlines()] == ['red o', 'green']
