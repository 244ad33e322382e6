import random

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from ga2mm.anchors import AnchorBatchSampler, AnchorDataset, AnchorVideoDataset
from ga2mm.datasets import ActionVideoDataset
from ga2mm.structures import get_gt_label
from tests.helpers import running

LABELLED = 14


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('ga2mm')


def blank_clip(results: dict) -> dict:
    """Decodes nothing: the sampler draws clips without their content."""
    results['imgs'] = np.zeros((1, 3, 1, 4, 4), np.uint8)
    return results


PIPELINE = [blank_clip, dict(type='PackActionInputs')]


def make_dataset(folder, anchors: int) -> AnchorDataset:
    clips, irrelevant = folder / 'clips.txt', folder / f'anchors{anchors}.txt'
    clips.write_text(''.join(f'clip{i}.mp4 {i % 2}\n' for i in range(LABELLED)))
    irrelevant.write_text(''.join(f'anchor{i}.mp4 7\n' for i in range(anchors)))
    return AnchorDataset(
        ActionVideoDataset(str(clips), PIPELINE, label_map=['jump', 'run'], split='base'),
        AnchorVideoDataset(str(irrelevant), PIPELINE),
    )


def make_batches(dataset, epoch=0, batch_size=4, num_anchors=3):
    sampler = DefaultSampler(dataset, shuffle=True, seed=5)
    sampler.set_epoch(epoch)
    return list(AnchorBatchSampler(sampler, batch_size, num_anchors))


def build_dataloader(dataset, num_workers: int):
    config = dict(
        batch_size=4,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=dict(type='AnchorBatchSampler', num_anchors=3),
        dataset=dataset,
        collate_fn=dict(type='pseudo_collate'),
    )
    return Runner.build_dataloader(config, seed=5)


def read_names(data_batch: dict) -> list[str]:
    return [sample.filename for sample in data_batch['data_samples']]


def test_anchor_dataset_puts_anchors_behind_the_labelled_clips(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5)
    assert (len(dataset), dataset.num_anchors) == (LABELLED, 5)
    assert dataset.metainfo == dict(classes=('jump', 'run'), split='base')
    assert dataset.get_data_info(LABELLED + 4)['filename'] == 'anchor4.mp4'
    clip, anchor = (dataset[index]['data_samples'] for index in (13, LABELLED))
    assert (clip.filename, clip.is_anchor, get_gt_label(clip).tolist()) == ('clip13.mp4', False, [1])
    assert (anchor.filename, anchor.is_anchor) == ('anchor0.mp4', True)
    assert get_gt_label(anchor).tolist() == [-1]
    with pytest.raises(IndexError, match='index 19 of 14 labelled clips and 5 anchors'):
        dataset[LABELLED + 5]


def test_any_labelled_dataset_may_serve_as_anchors(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5)
    mmaction_dataset = dict(type='VideoDataset', ann_file=str(tmp_path / 'clips.txt'), pipeline=PIPELINE)
    anchor = AnchorDataset(dataset.dataset, mmaction_dataset)[LABELLED + 1]['data_samples']
    assert anchor.is_anchor
    assert get_gt_label(anchor).tolist() == [-1]


def test_every_worker_count_gives_the_same_batches_in_the_right_ratio(tmp_path):
    dataset = make_dataset(tmp_path, anchors=8)
    seen = {}
    for num_workers in (0, 2):
        dataloader = build_dataloader(dataset, num_workers)
        assert len(dataloader) == 4
        for epoch in range(3):
            dataloader.batch_sampler.sampler.set_epoch(epoch)
            batches = list(dataloader)
            flags = [[sample.is_anchor for sample in batch['data_samples']] for batch in batches]
            full = [False] * 4 + [True] * 3
            assert flags == [full, full, full, [False] * 2 + [True] * 3]
            clips = [name for batch in batches for name in read_names(batch) if 'clip' in name]
            assert sorted(clips) == sorted(f'clip{i}.mp4' for i in range(LABELLED))
            seen[num_workers, epoch] = [read_names(batch) for batch in batches]
    for epoch in range(3):
        assert seen[0, epoch] == seen[2, epoch]
    assert seen[0, 0] != seen[0, 1] != seen[0, 2]


@pytest.mark.parametrize(('anchors', 'num_anchors'), [(8, 3), (100, 3), (3, 5), (1, 2)])
def test_all_anchors_are_used_once_before_any_is_used_twice(tmp_path, anchors, num_anchors):
    dataset = make_dataset(tmp_path, anchors)
    drawn = [
        index - LABELLED
        for epoch in range(9)
        for batch in make_batches(dataset, epoch, num_anchors=num_anchors)
        for index in batch
        if index >= LABELLED
    ]
    assert len(drawn) == 9 * 4 * num_anchors
    rounds = [drawn[i : i + anchors] for i in range(0, len(drawn), anchors)]
    for one_round in rounds[:-1]:
        assert sorted(one_round) == list(range(anchors))
    assert len(set(rounds[-1])) == len(rounds[-1])
    if len(rounds) > 2 and anchors > 1:
        assert len({tuple(one_round) for one_round in rounds[:-1]}) > 1


class Recorder(BaseModel):
    """Records the clips that it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = []

    def forward(self, inputs, data_samples, mode='loss'):
        self.batches.append([sample.filename for sample in data_samples])
        return dict(loss=self.weight**2)


def test_mmengine_sets_the_epoch_and_an_epoch_needs_nothing_of_those_before(tmp_path):
    dataset = make_dataset(tmp_path, anchors=8)
    runner = Runner(
        model=Recorder(),
        work_dir=str(tmp_path),
        train_dataloader=build_dataloader(dataset, num_workers=0),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=None),
        default_scope='ga2mm',
        experiment_name='anchor_sampler',
    )
    runner.train()
    expected = []
    for epoch in (2, 0, 1):
        batches = make_batches(make_dataset(tmp_path, anchors=8), epoch)
        names = [[dataset.get_data_info(index)['filename'] for index in batch] for batch in batches]
        expected.append((epoch, names))
    assert runner.model.batches == [batch for _, names in sorted(expected) for batch in names]


def _save_batches_of_rank(rank: int, folder) -> None:
    init_default_scope('ga2mm')
    dataset = make_dataset(folder / str(rank), anchors=5)
    batches = [make_batches(dataset, epoch, 3, 2) for epoch in range(3)]
    torch.save(batches, folder / f'{rank}.pth')


def test_two_processes_together_draw_what_one_with_twice_the_batch_draws(tmp_path):
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
    running.in_two_processes(_save_batches_of_rank, tmp_path)
    ranks = [torch.load(tmp_path / f'{rank}.pth') for rank in range(2)]
    dataset = make_dataset(tmp_path, anchors=5)
    for epoch in range(3):
        alone = make_batches(dataset, epoch, 6, 4)
        together = list(zip(*(batches[epoch] for batches in ranks), strict=True))
        assert len(alone) == len(together) == 3
        for step, (batch, parts) in enumerate(zip(alone, together, strict=True)):
            if step < 2:  # full batches
                assert not set(parts[0][:3]) & set(parts[1][:3])
                assert sorted(batch) == sorted(parts[0] + parts[1])
            else:
                assert sorted(batch[-4:]) == sorted(parts[0][-2:] + parts[1][-2:])


def test_length(tmp_path):
    dataset = make_dataset(tmp_path, anchors=8)
    for batch_size, length in [(4, 4), (7, 2)]:
        sampler = AnchorBatchSampler(DefaultSampler(dataset, seed=0), batch_size, 2)
        assert len(sampler) == len(list(sampler)) == length


def test_infinite_sampler_draws_from_one_endless_stream(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5)
    sampler = AnchorBatchSampler(InfiniteSampler(dataset, seed=0), 4, 2)
    batches = [batch for batch, _ in zip(sampler, range(10), strict=False)]
    assert all(max(batch[:4]) < LABELLED <= min(batch[4:]) for batch in batches)
    drawn = [index - LABELLED for batch in batches for index in batch[4:]]
    for first in range(0, 20, 5):
        assert sorted(drawn[first : first + 5]) == list(range(5))


def test_no_anchors_per_batch_gives_plain_batches_of_any_dataset(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5).dataset
    batches = make_batches(dataset, num_anchors=0)
    assert [len(batch) for batch in batches] == [4, 4, 4, 2]
    assert sorted(sum(batches, [])) == list(range(LABELLED))


RANDOM_PIPELINE = [
    dict(type='OpenVideo'),
    dict(type='UniformSample', clip_len=2),
    dict(type='DecodeFrames'),
    dict(type='RandomResizedCrop'),
    dict(type='Resize', scale=(16, 16), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='TorchVisionWrapper', op='RandomGrayscale', p=0.2),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_without_anchors_it_gives_the_labelled_datasets_own_items(num_workers, in_miniature_folder):
    """The same clips in the same order, with the same random frames, crops, flips and colours."""
    folder = in_miniature_folder / 'data/miniature/mild/draw0'
    labelled = dict(
        type='ActionVideoDataset',
        ann_file=str(folder / 'base_train.txt'),
        data_prefix=dict(video=str(folder / 'videos')),
        label_map=str(folder / 'base_labels.csv'),
        split='base',
        pipeline=RANDOM_PIPELINE,
    )
    seen = []
    for dataset in (labelled, dict(type='AnchorDataset', dataset=labelled)):
        config = dict(
            batch_size=5,
            num_workers=num_workers,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dataset,
            collate_fn=dict(type='pseudo_collate'),
        )
        loader = Runner.build_dataloader(config, seed=5)
        random.seed(1), np.random.seed(2), torch.manual_seed(3)
        batches = []
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)
            batches += [batch for batch in loader]
        after = random.random(), np.random.rand(), torch.rand(1)  # as many random numbers are drawn
        seen.append((len(loader), loader.dataset.metainfo, after, batches))
    (length, metainfo, after, plain), (other_length, other_metainfo, other_after, wrapped) = seen
    assert (length, metainfo, after) == (other_length, other_metainfo, other_after)
    assert len(plain) == len(wrapped) == 10
    for one, other in zip(plain, wrapped, strict=True):
        assert all(map(torch.equal, one['inputs'], other['inputs']))
        for sample, same in zip(one['data_samples'], other['data_samples'], strict=True):
            assert dict(sample.metainfo_items()) == dict(same.metainfo_items())
            assert get_gt_label(sample) == get_gt_label(same)
    clips = torch.stack([clip for batch in plain for clip in batch['inputs']])
    assert len(torch.unique(clips.flatten(1), dim=0)) == len(clips)  # random it is


def test_pipeline_is_that_of_the_labelled_clips(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5)
    anchors = dataset.anchors.pipeline
    assert dataset.pipeline is dataset.dataset.pipeline
    dataset.pipeline = lambda results: dict(data_samples=ActionDataSample(), index=results['sample_idx'])
    assert dataset[3]['index'] == 3
    assert dataset.anchors.pipeline is anchors


def test_bad_input_is_named(tmp_path):
    dataset = make_dataset(tmp_path, anchors=5)
    with pytest.raises(ValueError, match='num_anchors=-1'):
        make_batches(dataset, num_anchors=-1)
    with pytest.raises(ValueError, match='batch_size=0'):
        make_batches(dataset, batch_size=0)
    with pytest.raises(ValueError, match='the dataset is a ActionVideoDataset; use dataset=.*Anchor'):
        make_batches(dataset.dataset)
    with pytest.raises(ValueError, match='the AnchorDataset has no anchors'):
        make_batches(AnchorDataset(dataset.dataset, dataset.anchors.get_subset([])))
    with pytest.raises(ValueError, match='the AnchorDataset has no anchors; set dataset.anchors=dict'):
        make_batches(AnchorDataset(dataset.dataset))
    with pytest.raises(IndexError, match='index 14 of 14 labelled clips and 0 anchors'):
        AnchorDataset(dataset.dataset)[LABELLED]
    with pytest.raises(ValueError, match='none.txt: no sample in this file'):
        (tmp_path / 'none.txt').write_text('\n')
        AnchorVideoDataset(str(tmp_path / 'none.txt'), PIPELINE)
