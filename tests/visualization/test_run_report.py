"""The report of one run."""

import base64
import json
import re
from pathlib import Path

import pytest

from ga2mm.visualization import write_run_report

NAMES = ['打篮球', 'tai-chi (slow)']


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the test of a run, and its log."""
    sets = {
        'base': {'classes': 2, 'videos': 4, 'unreadable': 0, 'acc/top1': 0.75, 'class_names': NAMES,
                 'confusion': [[0, 0, 2], [1, 0, 1], [1, 1, 1]]},
        'novel': {'classes': 1, 'videos': 1, 'unreadable': 0, 'acc/top1': 0.0, 'class_names': ['x'],
                  'confusion': [[0, -1, 1]]},
    }  # fmt: skip
    metrics = dict(sets=sets, top1_percent=dict(base=75.0, novel=0.0, hm=0.0))
    (tmp_path / 'test_metrics.json').write_text(json.dumps(metrics))
    log = tmp_path / 'now' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(''.join(json.dumps(dict(lr=1, loss=5.0 - step, step=step)) + '\n' for step in range(1, 4)))
    return tmp_path


def pictures_of(report: str) -> list[str]:
    found = re.findall('src="data:image/svg.xml;base64,([^"]+)"', report)
    return [base64.b64decode(data).decode() for data in found]


@pytest.mark.filterwarnings('ignore:no installed font')
def test_it_opens_with_what_happened_and_explains_its_pictures(run):
    report = write_run_report(run, 'a run', ['A note.']).read_text()
    said = re.search('<p class="lead">(.*?)</p>', report)[1]
    assert said == (
        'The model has the right answer for 3 of 4 test videos of 2 base classes (75.0 %) and for 0 of 1 '
        'test videos of 1 novel class (0.0 %).'
    )
    assert 'A note.' in report and '<dt>novel classes</dt>' in report
    captions = re.findall('<figcaption>(.*?)</figcaption>', report)
    assert 'tai-chi (slow) is taken for 打篮球 in 1 of 2 clips' in captions[0]
    assert 'No clip is taken for another class' in captions[1]
    assert 'falls from 4.00 to 2.00' in captions[2]
    assert '<pre>' not in report  # there is no model file


@pytest.mark.filterwarnings('ignore:no installed font')
def test_names_in_any_script_are_in_text_and_pictures(run):
    (run / 'my model.ga2').touch()
    report = write_run_report(run, '打篮球').read_text()
    assert '<td>打篮球</td>' in report
    base, novel, curves = pictures_of(report)
    assert '打篮球' in base and '打篮球' in curves
    assert (run / 'pictures' / 'confusion_base.png').stat().st_size > 1000
    command = re.sub('<[^>]*>', '', re.search('<pre>.*</pre>', report)[0])
    assert command == f'ga2mm predict &#x27;{run / "my model.ga2"}&#x27; new_videos/'
