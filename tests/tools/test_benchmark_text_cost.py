"""The script that measures the cost of texts."""

import pytest

from tests.helpers import running


def test_the_cost_of_texts_is_a_table(capsys):
    sizes = ['--classes', 2, 3, '--batch', 2, '--frames', 1, '--repeats', 1]
    running.tool('analysis/benchmark_text_cost.py', *sizes)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'ms a clip in evaluation, batches of 2 clips of 1 frames'
    header, rule, *rows = [line.strip('|').split('|') for line in lines[2:]]
    assert len(header) == len(rule) == 6
    for row, classes in zip(rows, (2, 3), strict=True):
        assert int(row[0]) == classes
        times = [float(cell.split()[0]) for cell in row[1:]]
        ratios = [float(cell.split('(')[1].rstrip('×) ')) for cell in row[1:]]
        assert len(ratios) == 5 and ratios[0] == 1
        for time, ratio in zip(times, ratios, strict=True):  # rounded to one decimal, perhaps to 0.0
            assert (ratio - 0.051) * (times[0] - 0.051) <= time + 0.051
            assert (ratio + 0.051) * (times[0] + 0.051) >= time - 0.051


def test_the_cost_of_texts_needs_retrieved_prompts():
    config = running.CONFIGS / 'miniature_deep_prompts.py'
    with pytest.raises(SystemExit, match=r"^error: .*: give a config with text_prompt=dict\(type='Attrib"):
        running.tool('analysis/benchmark_text_cost.py', config)
