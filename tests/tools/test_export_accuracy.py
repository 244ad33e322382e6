"""The tool that measures the accuracy of exported programs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ga2mm.apis.export_program import ONNX_PACKAGES
from tests.helpers import running

missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]


def measured(folder: Path) -> subprocess.CompletedProcess:
    tool, config = (
        running.ROOT / 'tools' / 'analysis' / 'export_accuracy.py',
        running.CONFIGS / 'miniature_zero_shot.py',
    )
    return subprocess.run(
        [sys.executable, str(tool), str(config)],
        cwd=folder,
        env=running.environment(),
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed (pip install 'ga2mm[onnx]')")
def test_table_has_a_row_for_each_test_set_and_program(in_miniature_folder: Path) -> None:
    done = measured(in_miniature_folder)
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in done.stdout.splitlines()[2:]]
    names = ['model', 'ONNX float32', 'ONNX int8']
    assert [row[::2][:2] for row in rows] == [[part, name] for part in ('base', 'novel') for name in names]
    for model, whole, int8 in (rows[:3], rows[3:]):
        assert model[4:6] == [whole[4], '100.0']
        assert float(whole[6]) < 1e-4 < float(int8[6])
        assert float(int8[3]) < float(whole[3])


@pytest.mark.skipif(not missing, reason='the ONNX packages are installed')
def test_missing_packages_are_one_line(in_miniature_folder: Path) -> None:
    done = measured(in_miniature_folder)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f'error: ONNX files need {missing[0]}')
