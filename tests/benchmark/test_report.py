"""The report of a benchmark: its sentence, clips and classes, from small result files."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ga2mm.benchmark.clips import OUTCOMES, choose, read_clips
from ga2mm.benchmark.plan import Benchmark, read_benchmarks
from ga2mm.benchmark.report import write_report
from ga2mm.benchmark.story import Story, class_changes, read_story, sentence, verdict
from ga2mm.benchmark.tables import make_footer, make_tables
from tests.helpers.benchmarks import write_config, write_results

GAIN = {
    'zero-shot CLIP': dict(base=0.5, novel=0.5),
    'deep prompts': dict(base=1.0, novel=0.2),
    'GA2-CLIP': dict(base=1.0, novel=0.8),
}
LOSS = {**GAIN, 'GA2-CLIP': dict(base=0.1, novel=0.1)}


def finished(tmp_path: Path, right: dict, **changes) -> tuple[Benchmark, list[dict]]:
    """A benchmark with drawn answers, and its rows."""
    [benchmark] = read_benchmarks(write_config(tmp_path / 'b.py', **changes), tmp_path)
    return benchmark, write_results(benchmark, tmp_path, right)


def story_of(tmp_path: Path, right: dict, **changes) -> Story:
    return read_story(*finished(tmp_path, right, **changes))


def mean(rows: list[dict], method: str, key: str) -> str:
    values = [row[key] for row in rows if row['method'] == method]
    return f'{sum(values) / len(values):.1f}'


def with_draws(story: Story, gains: list[float]) -> Story:
    """The same runs on several draws, with these gains of the chief method in novel accuracy."""
    tuned, [fixed] = story.tuned[story.chief][0], story.zero_shot[1]
    before = [{**fixed, 'draw': draw, 'scores': dict(novel=50.0)} for draw in range(len(gains))]
    after = [{**tuned, 'draw': draw, 'scores': dict(novel=50.0 + gain)} for draw, gain in enumerate(gains)]
    return replace(story, tuned={story.chief: after}, zero_shot=('zero-shot CLIP', before))


@pytest.mark.usefixtures('in_miniature_folder')
class TestSentence:
    @pytest.mark.parametrize('right', [GAIN, LOSS])
    def test_it_is_true_for_gains_and_losses(self, right, tmp_path):
        benchmark, rows = finished(tmp_path, right)
        said = sentence(read_story(benchmark, rows))
        assert said.startswith(
            'GA2-CLIP and deep prompts were tuned on 24 clips of 12 base classes of “mild”'
        )
        assert said.endswith('.') and said.count('. ') == 0
        assert '“mild”' in said
        ours, other = said.split('with GA2-CLIP, ')[1].split('; with deep prompts, ')
        start = mean(rows, 'zero-shot CLIP', 'base')
        verb = 'rose' if right is GAIN else 'fell'
        end = mean(rows, 'GA2-CLIP', 'base')
        assert f"base classes {verb} from zero-shot CLIP's {start} to {end} %" in ours
        start, end = (mean(rows, method, 'novel') for method in ('zero-shot CLIP', 'GA2-CLIP'))
        assert f'novel classes {verb} from {start} to {end} %' in ours
        assert f'novel classes fell to {mean(rows, "deep prompts", "novel")} %' in other

    def test_no_change(self, tmp_path):
        assert 'novel classes stayed at 50.0 %' in sentence(with_draws(story_of(tmp_path, GAIN), [1, -1]))

    def test_a_difference_that_three_draws_do_not_show(self, tmp_path):
        story = story_of(tmp_path, GAIN)
        assert "rose from zero-shot CLIP's 50.0 to 51.0 % (not shown)" in sentence(
            with_draws(story, [-9, 2, 10])
        )
        assert 'to 52.0 %.' in sentence(with_draws(story, [2, 2.1, 1.9]))
        assert 'to 51.0 %.' in sentence(with_draws(story, [-9, 11]))  # two draws have no interval

    def test_draws_of_which_one_method_has_no_run_are_left_out(self, tmp_path):
        story = with_draws(story_of(tmp_path, GAIN), [10, 30])
        story = replace(story, zero_shot=('zero-shot CLIP', story.zero_shot[1][:1]))
        assert "from zero-shot CLIP's 50.0 to 60.0 %" in sentence(story)

    def test_many_methods_are_counted(self, tmp_path):
        story = story_of(tmp_path, GAIN)
        more = {f'method {number}': story.tuned['deep prompts'] for number in range(3)}
        said = sentence(replace(story, tuned={**story.tuned, **more}))
        assert said.startswith('GA2-CLIP and 4 other methods were tuned on') and 'deep prompts' not in said

    def test_the_config_may_name_the_chief_method(self, tmp_path):
        assert story_of(tmp_path, GAIN, chief='deep prompts').chief == 'deep prompts'
        with pytest.raises(ValueError, match="chief='GA3' is not a method; choose one of"):
            read_benchmarks(write_config(tmp_path / 'c.py', chief='GA3'), tmp_path)

    def test_without_zero_shot_it_gives_the_accuracies(self, tmp_path):
        benchmark, rows = finished(tmp_path, GAIN)
        story = read_story(benchmark, [row for row in rows if row['method'] != 'zero-shot CLIP'])
        assert f'accuracy on base classes is {mean(rows, "GA2-CLIP", "base")} %' in sentence(story)
        assert read_story(benchmark, rows[:1]) is None  # nothing was tuned


@pytest.mark.usefixtures('in_miniature_folder')
class TestClips:
    def test_both_sets_and_all_outcomes_with_the_stored_answers(self, tmp_path):
        story = story_of(tmp_path, {**GAIN, 'GA2-CLIP': dict(base=0.6, novel=0.5)})
        cards, outcomes = read_clips(story.zero_shot_cell, story.cell, tmp_path)
        assert [card.note for card in cards] == ['true class, base'] * 4 + ['true class, novel'] * 4
        for name in ('base', 'novel'):
            sets = [
                json.loads((tmp_path / cell.folder / 'test_metrics.json').read_text())['sets'][name]
                for cell in (story.zero_shot_cell, story.cell)
            ]
            answers = {
                tuple(sets[0]['class_names'][found] for found in pair)
                for pair in zip(sets[0]['predicted'], sets[1]['predicted'], strict=True)
            }
            here = [card for card in cards if name in card.note]
            assert {tuple(card.answers.values()) for card in here} <= answers
            right = [tuple(answer == card.true for answer in card.answers.values()) for card in here]
            there = [outcome for outcome in OUTCOMES if outcomes[name][OUTCOMES[outcome]]]
            assert right[: len(there)] == there
            assert sum(outcomes[name].values()) == 24
        assert all(len(card.frames) == 4 and card.frames[0].shape == (32, 32, 3) for card in cards)

    def test_clips_come_in_turn_and_each_class_once(self):
        groups, labels = [[0, 1, 2], [3, 4], []], [0, 0, 1, 0, 2]
        assert choose(groups, labels, 3) == [0, 4, 2]
        assert choose(groups, labels, 5) == [0, 4, 2, 1, 3]  # there are no more classes
        assert choose(groups, labels, 9) == [0, 4, 2, 1, 3]

    def test_tests_without_answers_for_single_clips(self, tmp_path):
        story = story_of(tmp_path, GAIN)
        path = tmp_path / story.cell.folder / 'test_metrics.json'
        content = json.loads(path.read_text())
        del content['sets']['base']['predicted']
        path.write_text(json.dumps(content))
        with pytest.raises(
            ValueError, match='GA2-CLIP, mild, draw 0, seed 0 has no answers for single clips'
        ):
            read_clips(story.zero_shot_cell, story.cell, tmp_path)


@pytest.mark.usefixtures('in_miniature_folder')
def test_changes_of_classes(tmp_path):
    story = story_of(tmp_path, GAIN)
    changes = class_changes(story, 'base')
    assert len(changes) == 12
    gains = [after - before for _, before, after in changes]
    assert gains == sorted(gains, reverse=True) and gains[0] > 5
    for label, before, after in changes:
        assert before == story.zero_shot[1][0]['per_class']['base'][label]
        assert after == 100  # of both seeds
    assert [verdict('base', 50, after) for after in (56, 55, 44)] == ['learnt', 'unchanged', 'lost']
    assert [verdict('novel', 50, after) for after in (56, 45, 44)] == ['gained', 'kept', 'lost']


@pytest.mark.usefixtures('in_miniature_folder')
class TestReport:
    def report(self, tmp_path: Path, rows: list[dict], benchmark: Benchmark) -> str:
        tables, footer = make_tables(benchmark, rows), make_footer(benchmark, rows)
        return write_report(benchmark, rows, tables, footer, tmp_path).read_text()

    def test_story_comes_first_and_all_is_in_the_file(self, tmp_path, capsys):
        benchmark, rows = finished(tmp_path, GAIN)
        report = self.report(tmp_path, rows, benchmark)
        assert 'no t-SNE in the report' in capsys.readouterr().out  # there is no checkpoint
        parts = [
            '<p class="lead">GA2', '<dt>base classes</dt>', 'Test clips before', '✓ right', 'All clips',
            'Which classes', ' unchanged, 0 lost', 'All numbers', '<dt>HM</dt>', '<figure>',
            'Now your own videos', '<span>train</span>', '<span>predict</span>',
        ]  # fmt: skip
        places = [report.index(part) for part in parts]
        assert places == sorted(places) and '✗ wrong' in report
        assert report.count('<dt>base classes</dt>') == 1
        links = re.findall(r'(?:src|href)="([^"]{,40})|url\(([^)]{,40})|(@import)', report)
        assert links and all(link.startswith('data:image/') for link, *_ in links)
        captions = re.findall('<figcaption>(.*?)</figcaption>', report)
        assert len(captions) == len(set(captions)) == 5 and min(map(len, captions)) > 60
        assert 'name="viewport"' in report
        # Two seeds are too few for a deviation or an interval.
        assert '±' not in report and '95 %' not in report and 'mean (both values)' in report

    def test_without_a_zero_shot_method_it_says_why_there_are_no_clips(self, tmp_path):
        benchmark, rows = finished(tmp_path, GAIN)
        report = self.report(tmp_path, rows[1:], benchmark)
        assert 'No clips: no zero-shot method was tested' in report and 'class="clip"' not in report
