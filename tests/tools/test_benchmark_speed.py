"""The script that measures speed and memory against plain towers."""

import json

import pytest
import torch

from ga2mm.models import OpenCLIP
from ga2mm.models.clip.plain_towers import PlainCLIP
from tests.helpers import running


def test_each_job_is_measured_with_both_towers(capsys, tmp_path):
    sizes = ['--classes', 3, '--frames', 2, '--clips', 1, '--repeats', 1, '--out', tmp_path / 'speed.json']
    running.tool('analysis/benchmark_speed.py', running.CONFIGS / 'miniature_ga2.py', *sizes)
    content = json.loads((tmp_path / 'speed.json').read_text())
    measured = {(one['frames'], one['job'], one['towers']) for one in content['results']}
    jobs = ('training', 'first clip', 'next clip')
    assert measured == {(2, job, towers) for job in jobs for towers in ('plain', 'ours')}
    assert all(one['seconds'] > 0 and one['teraflops'] > 0 for one in content['results'])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    assert len(lines) == 2 + len(measured)
    assert all(line.count('|') == lines[0].count('|') for line in lines)


def test_unknown_job_is_an_error(capsys):
    with pytest.raises(SystemExit):
        running.tool('analysis/benchmark_speed.py', running.CONFIGS / 'miniature_ga2.py', '--jobs', 'loading')
    assert "--jobs 'loading': use training, first clip or next clip" in capsys.readouterr().err


@pytest.mark.parametrize('clips', [None, 2])
def test_the_plain_clip_gives_the_same_features(clips):
    plain, ours = (cls('miniature', 'miniature') for cls in (PlainCLIP, OpenCLIP))
    tokens = ours.tokenize(['walk.', 'climb the stairs.'], 3)
    shape = (3, ours.text_width) if clips is None else (clips, 1, 3, ours.text_width)
    prompts = [torch.randn(shape) for _ in range(2)]
    expected = ours.encode_tokens(tokens, prompts)
    torch.testing.assert_close(plain.encode_tokens(tokens, prompts), expected, rtol=1e-5, atol=1e-5)
