import numpy as np
import pytest
import torch
from mmaction.evaluation import AccMetric
from mmaction.structures import ActionDataSample
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from ga2mm.evaluation import Accuracy
from ga2mm.structures import set_gt_label, set_scores


def make_sample(scores, label: int, unreadable: str | None = None) -> ActionDataSample:
    sample = ActionDataSample()
    set_gt_label(sample, label)
    set_scores(sample, torch.as_tensor(scores))
    names = () if unreadable is None else (unreadable,)
    sample.set_metainfo(dict(readable=unreadable is None, unreadable=names))
    return sample


def evaluate(samples: list[ActionDataSample], **arguments) -> dict[str, float]:
    init_default_scope('ga2mm')
    evaluator = Evaluator(dict(type='Accuracy', **arguments))
    for first in range(0, len(samples), 4):
        evaluator.process(data_samples=samples[first : first + 4])
    return evaluator.evaluate(len(samples))


def test_equals_mmaction2_on_readable_videos():
    generator = np.random.default_rng(0)
    scores = generator.random((60, 7), dtype=np.float32)
    samples = [make_sample(row, index % 7) for index, row in enumerate(scores)]
    theirs = Evaluator(AccMetric())
    theirs.process(data_samples=samples)
    assert evaluate(samples) == pytest.approx(theirs.evaluate(len(samples)))


def test_unreadable_videos_are_wrong_and_counted():
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    samples = [
        make_sample(right, 0),
        make_sample(right, 0, unreadable='b.mp4: the file is empty'),
        make_sample(wrong, 0),
        make_sample(wrong, 1),
        make_sample(wrong, 1, unreadable='e.mp4: no such file'),
    ]
    assert evaluate(samples) == {
        'acc/top1': pytest.approx(2 / 5),
        'acc/top5': pytest.approx(3 / 5),
        'acc/mean1': pytest.approx((1 / 3 + 1 / 2) / 2),
        'acc/unreadable': 2,
    }


def test_nothing_is_said_of_readable_videos_or_of_samples_without_that_metainfo():
    sample = make_sample([0.1, 0.9], 1)
    bare = ActionDataSample()
    set_gt_label(bare, 1)
    set_scores(bare, torch.tensor([0.9, 0.1]))
    assert evaluate([sample, bare]) == {'acc/top1': 0.5, 'acc/top5': 1.0, 'acc/mean1': 0.5}


def test_options():
    samples = [make_sample(torch.tensor([0.3, 0.2, 0.1]).bfloat16(), label) for label in range(3)]
    options = dict(top_k_accuracy=dict(topk=[1, 2]))
    metrics = evaluate(samples, metric_list='top_k_accuracy', metric_options=options, prefix='novel')
    assert metrics == {'novel/top1': pytest.approx(1 / 3), 'novel/top2': pytest.approx(2 / 3)}
    with pytest.raises(ValueError, match='mean_average_precision'):
        Accuracy(metric_list=['mean_average_precision'])
    with pytest.raises(ValueError, match="metric_options: unknown key 'topk'"):
        Accuracy(metric_options=dict(topk=3))
    with pytest.raises(ValueError, match='topk=0'):
        Accuracy(metric_options=dict(top_k_accuracy=dict(topk=0)))


def test_confusion_counts_who_was_taken_for_whom():
    samples = [
        make_sample([0.9, 0.1, 0.0], 0),
        make_sample([0.1, 0.9, 0.0], 0),
        make_sample([0.1, 0.9, 0.0], 0),
        make_sample([0.9, 0.1, 0.0], 1, unreadable='e.mp4: no such file'),
        make_sample([0.0, 0.1, 0.9], 2),
    ]
    metric = Accuracy()
    evaluator = Evaluator(metric)
    evaluator.process(data_samples=samples)
    evaluator.evaluate(len(samples))
    assert sorted(metric.confusion) == [[0, 0, 1], [0, 1, 2], [1, -1, 1], [2, 2, 1]]
