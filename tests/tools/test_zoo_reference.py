"""Released numbers of other methods."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import running

REFERENCES = sorted(running.DATA.glob('zoo_*.npz'))


def stem(path: Path) -> str:
    return path.stem


@pytest.fixture
def tool(monkeypatch):
    """The module of the script that compares."""
    monkeypatch.syspath_prepend(running.ROOT / 'tools' / 'analysis')
    return import_module('reference_numbers')


def numbers_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def test_there_are_numbers_of_six_methods():
    assert [path.stem.split('_')[1] for path in REFERENCES] == [
        'cocoop', 'coop', 'ivlp', 'maple', 'promptsrc', 'vpt',
    ]  # fmt: skip


@pytest.mark.parametrize('path', REFERENCES, ids=stem)
def test_a_method_agrees_with_its_released_code(path, tool):
    reference = numbers_of(path)
    errors = {name: error for name, error, _ in tool.compare_prompt_learner(reference)}
    stored = {key.removeprefix('out/') for key in reference if key.startswith(('out/', 'grad/'))}
    assert errors.keys() == stored
    assert {key.removeprefix('learned/') for key in reference if key.startswith('learned/')} == {
        key.removeprefix('grad/') for key in stored if key.startswith('grad/')
    }
    assert max(errors.values()) < 1e-4, errors


def test_a_number_that_is_off_is_named(tool):
    reference = numbers_of(REFERENCES[1])
    reference['grad/prompt_learner.ctx'] = 1.01 * reference['grad/prompt_learner.ctx']
    reference['out/another'] = np.ones(3, dtype=np.float32)
    off = [name for name, error, limit in tool.compare_prompt_learner(reference) if not error <= limit]
    assert sorted(off) == ['another', 'grad/prompt_learner.ctx']


@pytest.mark.parametrize('kind', ['too little', 'too much'])
def test_a_file_that_does_not_fit_together_is_one_line(kind, tmp_path):
    reference = numbers_of(REFERENCES[1])
    if kind == 'too little':
        del reference['learned/prompt_learner.ctx']
    else:
        reference['learned/prompt_learner.bias'] = np.ones(3, dtype=np.float32)
    path = tmp_path / 'zoo.npz'
    np.savez(path, **reference)
    with pytest.raises(SystemExit, match='zoo.npz holds no complete .*learned/prompt_learner'):
        running.tool('analysis/check_reference.py', path)
