"""What is in the wheel."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from ga2mm.configs import CONFIGS
from tests.helpers.running import ROOT


@pytest.mark.slow
def test_the_wheel_has_all_configs_and_the_command(tmp_path):
    source = tmp_path / 'source'
    shutil.copytree(ROOT / 'ga2mm', source / 'ga2mm', symlinks=True)
    shutil.copytree(ROOT / 'configs', source / 'configs')
    for name in ('setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE', 'model-index.yml'):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, '-m', 'pip', 'wheel', source, '--no-deps', '--no-build-isolation', '-q']
    done = subprocess.run([*command, '-w', tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob('*.whl'))) as wheel:
        packed = set(wheel.namelist())
        entry = next(name for name in packed if name.endswith('entry_points.txt'))
        assert 'ga2mm = ga2mm.cli:main' in wheel.read(entry).decode()
    configs = {
        f'ga2mm/.mim/configs/{path.relative_to(CONFIGS)}'
        for pattern in ('*.py', 'metafile.yml')
        for path in CONFIGS.rglob(pattern)
    }
    assert configs and configs <= packed
    assert {'ga2mm/.mim/model-index.yml', 'ga2mm/miniature/assets/miniature.safetensors'} <= packed
