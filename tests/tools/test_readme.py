"""What README shows of measurements: its table, plot and sample clips follow from the sources."""

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from ga2mm.datasets import read_label_map
from tests.helpers import running
from tests.helpers.running import tool

FIGURES = """# Small

| method | base | novel | HM | generalized HM | runs |
| --- | --- | --- | --- | --- | --- |
| zero-shot CLIP | 70.0 ± 1.0 | 71.0 ± 2.0 | 70.5 ± 1.5 | 50.0 ± 1.0 | 3 |
| deep prompts | 90.0 ± 1.0 | 60.0 ± 2.0 | 72.0 ± 1.5 | 50.0 ± 1.0 | 3 |
| GA2-CLIP | 88.0 ± 1.0 | 75.0 ± 2.0 | 81.0 ± 1.5 | 50.0 ± 1.0 | 3 |
| GA2-CLIP, calibrated | 80.0 ± 1.0 | 70.0 ± 2.0 | 74.7 ± 1.5 | 50.0 ± 1.0 | 3 |
| self-consistency | 87.0 ± 1.0 | 74.0 ± 2.0 | 80.0 ± 1.5 | 50.0 ± 1.0 | 3 |

Difference to GA2-CLIP, calibrated in points:

| method | base | novel | HM |
| --- | --- | --- | --- |
| deep prompts | +9.0 | +9.0 | +9.0 |
| self-consistency | +9.0 | +9.0 | +9.0 |

**mild: difference to GA2-CLIP in points, with the 95 % interval**

| method | base | novel | HM |
| --- | --- | --- | --- |
| deep prompts | +2.0 [+1.0, +3.0] | -15.0 [-16.0, -14.0] | -9.0 [-11.5, -6.5] |
| self-consistency | -1.0 [-2.0, +0.0] not shown | -1.0 [-2.0, +0.0] not shown | -1.0 [-3.0, +1.0] not shown |
"""
WANTED = """before
<!-- figures: a note -->

| method | base | novel | HM | runs |
| --- | --- | --- | --- | --- |
| zero-shot CLIP | 70.0 ± 1.0 | 71.0 ± 2.0 | 70.5 ± 1.5 | 3 |
| deep prompts | 90.0 ± 1.0 | 60.0 ± 2.0 | 72.0 ± 1.5 | 3 |
| self-consistency | 87.0 ± 1.0 | 74.0 ± 2.0 | 80.0 ± 1.5 | 3 |
| GA2-CLIP | 88.0 ± 1.0 | 75.0 ± 2.0 | 81.0 ± 1.5 | 3 |

Points of HM with 95 % intervals, GA2-CLIP minus deep prompts: +9.0 [+6.5, +11.5];
minus self-consistency: +1.0 [-1.0, +3.0], no difference shown.

<!-- end of figures -->
after
"""


@pytest.fixture
def small(tmp_path):
    """A folder with a page of figures and a README, and the options that name them."""
    (tmp_path / 'figures.md').write_text(FIGURES)
    (tmp_path / 'README.md').write_text(
        'before\n<!-- figures: a note -->\nold\n<!-- end of figures -->\nafter\n'
    )
    names = {'--figures': 'figures.md', '--readme': 'README.md', '--images': 'images'}
    return tmp_path, [word for option, name in names.items() for word in (option, tmp_path / name)]


def test_the_table_of_readme_is_up_to_date():
    tool('docs/readme.py', '--check')


def test_table_and_plot_are_renewed(small):
    folder, options = small
    with pytest.raises(SystemExit, match='does not fit .*figures.md: run python tools/docs/readme.py'):
        tool('docs/readme.py', *options, '--check')
    assert not (folder / 'images').exists()
    tool('docs/readme.py', *options)
    assert (folder / 'README.md').read_text() == WANTED
    plot = (folder / 'images' / 'tradeoff.svg').read_bytes()
    tool('docs/readme.py', *options, '--check')
    tool('docs/readme.py', *options)
    assert (folder / 'images' / 'tradeoff.svg').read_bytes() == plot
    assert (folder / 'README.md').read_text() == WANTED
    assert not (folder / 'images' / 'clips.webp').exists()


@pytest.mark.parametrize(
    ('file', 'old', 'new', 'error'),
    [
        ('figures.md', '| HM | generalized', '| H | generalized', 'no table with the columns method, base'),
        ('figures.md', '| GA2-CLIP |', '| GA3-CLIP |', 'has no figure for GA2-CLIP and method'),
        ('figures.md', 'to GA2-CLIP in points', 'to points', "no table below a line with 'Difference to GA2"),
        ('figures.md', '-9.0 [-11.5', 'nine [-11.5', 'is no difference; write it as'),
        ('README.md', '<!-- end of figures -->', '', 'README has no lines <!-- figures'),
    ],
)
def test_a_file_that_does_not_fit_is_an_error(small, file, old, new, error):
    folder, options = small
    changed = (folder / file).read_text().replace(old, new)
    (folder / file).write_text(changed)
    with pytest.raises(SystemExit, match=error):
        tool('docs/readme.py', *options)
    assert (folder / file).read_text() == changed and not (folder / 'images').exists()


@pytest.mark.slow
def test_clips_are_the_first_of_each_class_with_both_answers(small, in_miniature_folder, monkeypatch):
    folder, options = small
    work_dir = folder / 'benchmark'
    with pytest.raises(SystemExit, match='benchmark has no finished run of GA2-CLIP: give the folder'):
        tool('docs/readme.py', work_dir, *options)
    cells = work_dir / 'cells' / 'mild'
    running.train(running.miniature('ga2', cells / 'GA2-CLIP' / 'draw0_seed0'))
    frozen = cells / 'zero-shot_CLIP' / 'draw0'
    frozen.mkdir(parents=True)
    running.miniature('zero_shot', frozen).dump(frozen / 'miniature_zero_shot.py')
    tool('docs/readme.py', work_dir, *options)
    with Image.open(folder / 'images' / 'clips.webp') as animation:
        assert animation.n_frames == 32  # twice three classes of each set, before and after, 8 frames
        assert animation.size == (720, 584)

    pictures = running.ROOT / 'tools' / 'docs' / 'pictures.py'
    monkeypatch.setattr(sys, 'path', [str(pictures.parent), *sys.path])
    clips = runpy.run_path(str(pictures))['read_sample_clips'](work_dir)
    draw = Path('data/miniature/mild/draw0')
    for part, found in {'base': clips[:6], 'novel': clips[6:]}.items():
        names = read_label_map(draw / f'{part}_labels.csv')
        assert [clip.part for clip in found] == [part] * 6
        assert [clip.name for clip in found] == list(names[:6])
        assert {answer for clip in found for answer in (clip.before, clip.after)} <= set(names)
    assert len({clip.frames.tobytes() for clip in clips}) == 12
    assert all(clip.frames.shape == (8, 32, 32, 3) for clip in clips)
