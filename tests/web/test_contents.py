"""What the page offers: models, and samples that work at once."""

from pathlib import Path

import pytest

from ga2mm.apis.model_file import export_model
from ga2mm.apis.prediction import NONE_OF_THESE
from ga2mm.web.contents import Contents, load_contents
from ga2mm.web.samples import ANCHORS, NAMES
from tests.helpers import running


@pytest.fixture(scope='module')
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return load_contents(None, None, 'cpu', tmp_path_factory.mktemp('page'))


def test_miniature_clip_knows_its_samples(miniature: Contents) -> None:
    found = {}
    for title, path in miniature.samples.items():
        *_, last = miniature.classifier.answers(str(path), ', '.join(miniature.names), 4.0)
        found[title] = last
    assert miniature.names == NAMES and len(found) == 6
    known = [title for title in found if title in NAMES]
    assert {title: found[title].prediction.label for title in known} == {title: title for title in known}
    assert found['something else'].prediction.label == NONE_OF_THESE
    segments = [one.label for one in found['a long video'].time_line.segments]
    assert [label for label in segments if label != NONE_OF_THESE] == list(NAMES)


def test_samples_are_files_that_browsers_play_and_enough_anchors(miniature: Contents) -> None:
    folder = miniature.samples['something else'].parent
    assert all(path.read_bytes()[4:8] == b'ftyp' for path in miniature.samples.values())
    assert len(list((folder / 'anchors').iterdir())) == ANCHORS


def test_model_file_gives_its_classes(tmp_path: Path) -> None:
    cfg = running.read_config(running.ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')
    path = export_model(cfg, None, tmp_path / 'my.ga2', ['red, object', 'blue object'], 18.0)
    contents = load_contents(str(path), None, 'cpu', tmp_path)
    assert contents.names == ('red, object', 'blue object') and not contents.samples
    assert 'my.ga2, trained for 2 classes' in contents.about and 'miniature' not in contents.about


@pytest.mark.parametrize(
    ('model', 'clip', 'said'),
    [
        ('configs/ga2/miniature_ga2.py', None, 'is not a model file'),
        ('nowhere.ga2', None, 'No such file'),
        (None, 'ViT-B-16:nowhere.pt', 'is neither a file nor a tag'),
    ],
)
def test_wrong_model_is_one_line(tmp_path: Path, model: str | None, clip: str | None, said: str) -> None:
    with pytest.raises((ValueError, OSError), match=said):
        load_contents(model, clip, 'cpu', tmp_path)
