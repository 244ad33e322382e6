"""Several labels at once: colour and action of a scene, by the frozen miniature CLIP."""

from tests.helpers import running


def test_colour_and_action_are_ranked_far_above_chance(capsys):
    running.tool('analysis/several_labels.py', '--videos', 60)
    head, _, *lines = capsys.readouterr().out.strip().splitlines()[-4:]
    columns = [cell.strip() for cell in head.strip('|').split('|')]
    rows = [dict(zip(columns, map(str.strip, line.strip('|').split('|')), strict=True)) for line in lines]
    assert [row['style'] for row in rows] == ['mild', 'strong']
    for row in rows:
        assert float(row['mAP by chance']) < 11
        assert float(row['mAP of colours']) > 60 and float(row['mAP of actions']) > 30
        assert 0 < float(row['empty scenes with a label']) < 40
        # Independent probabilities: not one label for each video, as a softmax gives.
        assert float(row['labels a video']) > 1.1
        assert float(row['precision']) > 50 and float(row['recall']) > 35
