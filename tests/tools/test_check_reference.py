import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers import running

ROOT = running.ROOT
TOOL = ROOT / 'tools' / 'analysis' / 'check_reference.py'
REFERENCE = running.DATA / 'ga2_clip_reference.npz'
GRADIENT = 'out/negative_per_class/grad/image_encoder.VPT'


def check(path: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(TOOL), str(path)], cwd=ROOT, capture_output=True, text=True)


def run(path: Path) -> int:
    """Run the tool in this process; gives its exit code or message."""
    with pytest.raises(SystemExit) as done:
        running.tool('analysis/check_reference.py', path)
    return done.value.code


def stored_numbers() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as file:
        return {key: file[key] for key in file.files}


def test_ga2mm_agrees_with_the_released_code():
    result = check(REFERENCE)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith('agrees')
    assert 'EXCEEDS' not in result.stdout
    compared = {line.split()[0] for line in result.stdout.splitlines()[:-1]}
    stored = {key.removeprefix('out/') for key in stored_numbers() if key.startswith('out/')}
    assert stored <= compared


def test_a_gradient_that_is_off_by_one_per_cent_is_named(tmp_path):
    numbers = stored_numbers()
    numbers[GRADIENT] = 1.01 * numbers[GRADIENT]
    np.savez(tmp_path / 'off.npz', **numbers)
    result = check(tmp_path / 'off.npz')
    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if 'EXCEEDS' in line]
    assert line.split()[0] == GRADIENT.removeprefix('out/')
    assert result.stdout.splitlines()[-1].startswith('DIFFERS')


def test_a_stored_value_that_is_no_number_differs(tmp_path, capsys):
    numbers = stored_numbers()
    numbers[GRADIENT] = np.full_like(numbers[GRADIENT], np.nan)
    np.savez(tmp_path / 'nan.npz', **numbers)
    assert run(tmp_path / 'nan.npz') == 1
    assert 'DIFFERS' in capsys.readouterr().out


def test_a_file_that_is_no_npz_is_one_line(tmp_path):
    (tmp_path / 'notes.npz').write_text('no numbers')
    result = check(tmp_path / 'notes.npz')
    assert result.returncode != 0
    assert 'Traceback' not in result.stderr
    assert str(tmp_path / 'notes.npz') in result.stderr.splitlines()[-1]


@pytest.mark.parametrize('kind', ['missing', 'damaged', 'one array', 'other arrays'])
def test_other_files_are_refused_by_name(kind, tmp_path):
    path = tmp_path / 'file.npz'
    if kind == 'damaged':
        path.write_bytes(REFERENCE.read_bytes()[:1000])
    elif kind == 'one array':
        np.save(tmp_path / 'file.npy', np.zeros(3))
        path = tmp_path / 'file.npy'
    elif kind == 'other arrays':
        np.savez(path, numbers=np.zeros(3))
    assert str(path) in str(run(path))


def test_cutting_the_text_changes_no_class_feature(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(TOOL.parent)
    from reference_numbers import build

    numbers = stored_numbers()
    tensors = {key: torch.from_numpy(value) for key, value in numbers.items() if value.dtype.kind in 'fi'}
    names = [str(name) for name in numbers['class_names']]
    negatives = [str(name) for name in numbers['negatives']]
    model = build(tensors, names, negatives, tmp_path)
    head, clip = model.cls_head, model.backbone
    cut = head.text_encoder.tokenize(tuple(names))
    assert cut.shape[1] < clip.context_length == 77
    full = torch.nn.functional.pad(cut, (0, 77 - cut.shape[1]))
    with torch.no_grad():
        features = [clip.encode_tokens(tokens, head.text_prompt()) for tokens in (cut, full)]
    torch.testing.assert_close(*features, rtol=0, atol=1e-5 * float(features[0].abs().max()))
