"""Runs of the miniature configs from end to end, in this process."""

import json
import os
import pickle
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import get_file_backend
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ga2mm.datasets import read_annotation, read_label_map
from ga2mm.engine import read_checkpoint
from ga2mm.evaluation import harmonic_mean
from tests.helpers import running
from tests.helpers.running import losses, miniature, train

pytestmark = pytest.mark.usefixtures('in_miniature_folder')


@pytest.fixture(scope='module')
def trained(miniature_folder) -> Path:
    """Work dir of two epochs of the full method."""
    work_dir = miniature_folder / 'work_dirs' / 'trained'
    before = Path.cwd()
    os.chdir(miniature_folder)
    try:
        train(miniature('ga2', work_dir, epochs=2))
    finally:
        os.chdir(before)
    return work_dir


# ----------------------------------------------------------------------------------------- checkpoints


def test_checkpoint_holds_what_was_learnt_and_no_class_names(trained, in_miniature_folder):
    checkpoint = read_checkpoint(trained / 'epoch_2.pth')
    state = checkpoint['state_dict']
    assert {key: tuple(value.shape) for key, value in state.items() if key != 'backbone._extra_state'} == {
        'cls_head.vision_prompt.soft_prompt': (3, 4, 128),
        'cls_head.text_prompt.soft_prompt': (3, 4, 96),
        'cls_head.coupling.hard_prompt': (4, 96),
        'cls_head.coupling.mapping.0.weight': (96, 192),
        'cls_head.coupling.mapping.0.bias': (96,),
    }
    identity = bytes(state['backbone._extra_state'].tolist()).decode()
    assert identity.startswith('miniature ')
    assert sum(value.nbytes for value in state.values()) < 100_000
    assert (trained / 'epoch_2.pth').stat().st_size < 400_000  # with Adam's two moments and the config
    names = (in_miniature_folder / 'data/miniature/mild/draw0/base_labels.csv').read_text().splitlines()[1:]
    stored = pickle.dumps({key: value.numpy() for key, value in state.items()})
    assert not any(name.split(',')[1].encode() in stored for name in names)


def test_prompts_learn(trained):
    start = Runner.from_cfg(miniature('ga2', trained.parent / 'start')).model.state_dict()
    for key, value in read_checkpoint(trained / 'epoch_2.pth')['state_dict'].items():
        moved = not torch.equal(value, start[key])
        assert moved == ('hard_prompt' not in key and '_extra_state' not in key), key


def test_frozen_parameters_are_in_no_optimizer_group(tmp_path):
    runner = Runner.from_cfg(miniature('ga2', tmp_path))
    groups = runner.build_optim_wrapper(runner.optim_wrapper).optimizer.param_groups
    optimized = {id(parameter) for group in groups for parameter in group['params']}
    learnt = dict(runner.model.named_parameters())
    assert sorted(learnt) == [
        'cls_head.coupling.mapping.0.bias',
        'cls_head.coupling.mapping.0.weight',
        'cls_head.text_prompt.soft_prompt',
        'cls_head.vision_prompt.soft_prompt',
    ]
    assert optimized == {id(parameter) for parameter in learnt.values()}
    assert not any(parameter.requires_grad for parameter in runner.model.backbone.model.parameters())


def test_checkpoint_of_another_run_with_other_classes_is_tested(tmp_path):
    train(miniature('source', tmp_path / 'source'))
    metrics = running.test(miniature('deep_prompts', tmp_path / 'draw0'), tmp_path / 'source' / 'epoch_1.pth')
    assert {'base/acc/top1', 'novel/acc/top1', 'hm'} <= metrics.keys()


def test_checkpoint_of_other_prompts_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match='does not fit the model of the config'):
        running.test(miniature('deep_prompts', tmp_path), trained / 'epoch_2.pth')


def test_checkpoint_of_another_clip_is_refused(trained, tmp_path, other_clip):
    cfg = miniature('ga2', tmp_path, model__cls_head__coupling__allow_other_clip=True, **other_clip)
    with pytest.raises(ValueError, match='the checkpoint belongs to CLIP'):
        running.test(cfg, trained / 'epoch_2.pth')


@pytest.fixture
def other_clip(tmp_path) -> dict:
    """Options for a CLIP of the same shape with other weights."""
    runner = Runner.from_cfg(miniature('zero_shot', tmp_path / 'zero_shot'))
    weights = {key: value + 0.01 for key, value in runner.model.backbone.model.state_dict().items()}
    torch.save(weights, tmp_path / 'other.pt')
    return dict(model__backbone__pretrained=str(tmp_path / 'other.pt'), model__backbone__quick_gelu=False)


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Limit the size of files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_written_file_does_not_replace_the_old_one(tmp_path):
    backend = get_file_backend(backend_args=dict(backend='atomic_local'))
    path = tmp_path / 'deep' / 'epoch_1.pth'
    backend.put(b'old', path)
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        with pytest.raises(OSError), limited_files(1000):
            backend.put(b'x' * 5000, path.with_name(name))
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {'epoch_1.pth': b'old'}
    backend.put(b'new', path)
    assert path.read_bytes() == b'new'


def test_run_that_dies_while_saving_can_be_resumed(tmp_path):
    cfg = miniature('ga2', tmp_path, epochs=2, default_hooks__checkpoint__interval=1)
    runner = Runner.from_cfg(cfg)
    save = runner.save_checkpoint

    def save_until_the_disk_is_full(*args, **kwargs):
        with limited_files(100_000 if runner.epoch == 1 else resource.RLIM_INFINITY):
            save(*args, **kwargs)

    runner.save_checkpoint = save_until_the_disk_is_full
    with pytest.raises(OSError):
        runner.train()
    assert read_checkpoint(tmp_path / 'epoch_1.pth')['meta']['epoch'] == 1

    again = miniature('ga2', tmp_path, epochs=2, resume=True)
    assert train(again).epoch == 2
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_resumed_run_equals_a_straight_one(trained, tmp_path):
    options = dict(epochs=2, default_hooks__checkpoint__interval=1)
    first = running.train_until(miniature('ga2', tmp_path, **options), 1)
    second = train(miniature('ga2', tmp_path, resume=True, **options))
    straight = read_checkpoint(trained / 'epoch_2.pth')
    resumed = read_checkpoint(tmp_path / 'epoch_2.pth')
    expected = straight['message_hub']['log_scalars']['train/loss'].data[0]
    np.testing.assert_allclose(losses(second), expected, atol=1e-5)
    np.testing.assert_allclose(losses(first), expected[: len(losses(first))], atol=1e-5)
    for key, value in straight['state_dict'].items():  # a step of Adam's is 100 times as long
        torch.testing.assert_close(resumed['state_dict'][key], value, atol=1e-5, rtol=0)


# ------------------------------------------------------------------------------- hostile checkpoints


class _Call:
    """Unpickles to the result of a call."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


GADGETS = {
    'os.system': _Call(os.system, 'touch executed'),
    'eval': _Call(eval, "open('executed', 'w')"),
    'exec': _Call(exec, "open('executed', 'w')"),
    'another attribute of HistoryBuffer': _Call(getattr, HistoryBuffer, '__init__'),
    'attribute of a statistic': _Call(getattr, _Call(getattr, HistoryBuffer, 'mean'), '__globals__'),
}


@pytest.fixture(params=GADGETS)
def hostile(request, trained, tmp_path) -> Path:
    """A good checkpoint with a gadget in it."""
    checkpoint = read_checkpoint(trained / 'epoch_2.pth')
    checkpoint['message_hub']['runtime_info']['gadget'] = GADGETS[request.param]
    torch.save(checkpoint, tmp_path / 'hostile.pth')
    return tmp_path / 'hostile.pth'


def test_gadgets_are_refused(hostile, tmp_path, monkeypatch, in_miniature_folder, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        running.tool('convert/hard_prompt.py', hostile, tmp_path / 'prompt.safetensors')
    monkeypatch.chdir(in_miniature_folder)
    cfg = miniature('ga2', tmp_path / 'resumed', epochs=2, resume=True, load_from=str(hostile))
    with pytest.raises(ValueError, match='hostile.pth is not a checkpoint'):
        train(cfg)
    with pytest.raises(ValueError, match='hostile.pth is not a checkpoint'):
        running.test(miniature('ga2', tmp_path / 'tested'), hostile)
    assert not (tmp_path / 'prompt.safetensors').exists()
    assert not list(in_miniature_folder.rglob('executed')) and not list(tmp_path.rglob('executed'))


def test_config_text_in_a_checkpoint_is_never_executed(trained, tmp_path, in_miniature_folder):
    marker = tmp_path / 'executed'
    checkpoint = read_checkpoint(trained / 'epoch_2.pth')
    checkpoint['meta']['config'] = f'open({str(marker)!r}, "w").close()\n'
    checkpoint['meta']['cfg'] = checkpoint['meta']['config']
    torch.save(checkpoint, tmp_path / 'hostile.pth')
    cfg = miniature(
        'ga2', tmp_path / 'resumed', epochs=2, resume=True, load_from=str(tmp_path / 'hostile.pth')
    )
    assert train(cfg).epoch == 2
    running.test(miniature('ga2', tmp_path / 'tested'), tmp_path / 'hostile.pth')
    running.tool('convert/hard_prompt.py', tmp_path / 'hostile.pth', tmp_path / 'prompt.safetensors')
    assert not marker.exists()


# ----------------------------------------------------------------------------------- reproducibility


def test_same_seed_gives_the_same_losses_with_any_number_of_workers(tmp_path):
    def run(name: str, **options) -> list[float]:
        return losses(train(miniature('ga2', tmp_path / name, val_cfg=None, val_dataloader=None,
                                      val_evaluator=None, **options)))  # fmt: skip

    one = run('one')
    assert len(one) == 2
    assert run('two') == pytest.approx(one, abs=1e-5)
    assert run('workers', train_dataloader__num_workers=2) == pytest.approx(one, abs=1e-5)
    assert run('seed', randomness=dict(seed=1)) != pytest.approx(one, abs=1e-3)


# --------------------------------------------------------------------------------------- optimization


def test_bfloat16_trains(tmp_path):
    cfg = miniature('ga2', tmp_path, optim_wrapper__type='BFloat16OptimWrapper')
    found = losses(train(cfg))
    exact = losses(train(miniature('ga2', tmp_path / 'exact')))
    assert found != exact
    np.testing.assert_allclose(found, exact, rtol=0.05)
    state = read_checkpoint(tmp_path / 'epoch_1.pth')['state_dict']
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float32}


def test_moving_average_of_the_prompts(tmp_path, in_miniature_folder):
    options = dict(
        epochs=3,
        default_hooks__checkpoint__interval=1,
        custom_hooks=[dict(type='EMAHook', momentum=0.5)],
    )
    runner = running.train_until(miniature('ga2', tmp_path, **options), 2)
    checkpoint = read_checkpoint(tmp_path / 'epoch_2.pth')
    key = 'cls_head.text_prompt.soft_prompt'
    # MMEngine saves the average as the model, and the model under another key.
    averaged, last = checkpoint['state_dict'][key], checkpoint['ema_state_dict'][f'module.{key}']
    assert not torch.equal(averaged, last)
    assert torch.equal(last, runner.model.state_dict()[key])
    assert 'hm' in running.test(miniature('ga2', tmp_path / 'tested'), tmp_path / 'epoch_2.pth')
    assert train(miniature('ga2', tmp_path, resume=True, **options)).epoch == 3


def test_gradient_accumulation(tmp_path):
    """Two accumulated steps of 12 clips equal one step of 24."""
    # A schedule counts steps, and the second run has twice as many.
    options = dict(param_scheduler=None, model__cls_head__coupling__dropout=0.0)
    one = miniature('coupled', tmp_path / 'one', train_dataloader__batch_size=24, **options)
    two = miniature('coupled', tmp_path / 'two', train_dataloader__batch_size=12, **options)
    two.optim_wrapper.accumulative_counts = 2
    for cfg in (one, two):  # Adam's first step is the sign of the gradient, of any size
        cfg.optim_wrapper.optimizer = dict(type='SGD', lr=1.0)
    one, two = train(one), train(two)
    assert losses(one)[0] == pytest.approx(np.mean(losses(two)), abs=1e-5)
    for key, value in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[key], value, atol=1e-5, rtol=0)


# ------------------------------------------------------------------------------------------- protocol


def test_one_test_call_answers_the_protocol(trained, tmp_path):
    cfg = miniature('ga2', tmp_path)
    cfg.test_evaluator = [
        cfg.test_evaluator,
        dict(type='DumpResults', out_file_path=str(tmp_path / 'dump.pkl')),
    ]
    metrics = running.test(cfg, trained / 'epoch_2.pth')

    base, novel = metrics['base/acc/top1'], metrics['novel/acc/top1']
    assert metrics['hm'] == harmonic_mean(base, novel)
    assert metrics['hm'] == pytest.approx(2 * base * novel / (base + novel) if base + novel else 0)
    report = json.loads((tmp_path / 'test_metrics.json').read_text())
    answers = {}
    for name in ('base', 'novel'):
        found = report['sets'][name]
        assert (found.pop('classes'), found.pop('videos'), found.pop('unreadable')) == (12, 24, 0)
        confusion = found.pop('confusion')
        answers[name] = found.pop('predicted')
        assert len(found.pop('class_names')) == 12 and sum(count for _, _, count in confusion) == 24
        right = sum(count for label, predicted, count in confusion if label == predicted)
        assert right / 24 == pytest.approx(found['acc/top1'])
        assert {f'{name}/{key}': value for key, value in found.items()} == {
            key: value for key, value in metrics.items() if key.startswith(name)
        }
        assert report['top1_percent'][name] == pytest.approx(100 * metrics[f'{name}/acc/top1'], abs=1e-4)
    assert report['top1_percent']['hm'] == pytest.approx(100 * metrics['hm'], abs=1e-4)
    assert report['checkpoint'] == str(trained / 'epoch_2.pth')

    dumps = ['dump_base.pkl', 'dump_generalized_base.pkl', 'dump_generalized_novel.pkl', 'dump_novel.pkl']
    assert sorted(path.name for path in tmp_path.glob('*.pkl')) == dumps
    for name in ('base', 'novel'):
        predictions = pickle.loads((tmp_path / f'dump_{name}.pkl').read_bytes())
        assert [int(p['pred_scores']['item'].argmax()) for p in predictions] == answers[name]
        assert len(predictions) == 24
        right = [int(p['pred_scores']['item'].argmax()) == int(p['gt_labels']['item']) for p in predictions]
        assert np.mean(right) == pytest.approx(metrics[f'{name}/acc/top1'])


def test_each_set_has_its_own_class_names(trained, tmp_path):
    """In any order of the sets, and after any earlier classes of the model."""
    cfg = miniature('ga2', tmp_path / 'one', load_from=str(trained / 'epoch_2.pth'))
    runner = Runner.from_cfg(cfg)
    metrics = runner.test()
    novel = runner.test_loop.dataloader.dataset.metainfo['classes']
    assert runner.model.cls_head.class_names == tuple(novel)

    other = miniature('ga2', tmp_path / 'two', load_from=str(trained / 'epoch_2.pth'))
    loaders = other.test_dataloader
    other.test_dataloader = dict(novel=loaders.novel, base=loaders.base)
    assert Runner.from_cfg(other).test() == metrics
    assert runner.test() == metrics


def test_generalized_protocol_equals_a_test_with_all_classes(trained, tmp_path):
    """One pass serves both protocols; the reference is a separate pass with a joint label map."""
    checkpoint = trained / 'epoch_2.pth'
    metrics = running.test(miniature('ga2', tmp_path / 'one'), checkpoint)
    cfg = miniature('ga2', tmp_path / 'two')
    base, novel = (read_label_map(cfg.test_dataloader[name].dataset.label_map) for name in ('base', 'novel'))
    moved = tmp_path / 'novel_moved.txt'
    lines = read_annotation(cfg.test_dataloader.novel.dataset.ann_file)
    moved.write_text(''.join(f'{path} {label + len(base)}\n' for path, label in lines))
    cfg.test_dataloader.novel.dataset.ann_file = str(moved)
    for name in ('base', 'novel'):
        cfg.test_dataloader[name].dataset.label_map = [*base, *novel]
    cfg.test_dataloader = dict(b=cfg.test_dataloader.base, n=cfg.test_dataloader.novel)
    plain = running.test(cfg, checkpoint)

    for key in ('acc/top1', 'acc/top5', 'acc/mean1'):
        assert metrics[f'generalized/base/{key}'] == pytest.approx(plain[f'b/{key}'])
        assert metrics[f'generalized/novel/{key}'] == pytest.approx(plain[f'n/{key}'])
    expected = harmonic_mean(plain['b/acc/top1'], plain['n/acc/top1'])
    assert metrics['generalized/hm'] == pytest.approx(expected)


def test_splits_of_a_dataset_are_averaged(tmp_path):
    cfg = miniature('zero_shot', tmp_path)
    base, novel = cfg.test_dataloader.base, cfg.test_dataloader.novel
    one = running.test(cfg)
    cfg = miniature('zero_shot', tmp_path / 'splits')
    cfg.test_dataloader = dict(world=[base, novel], other=base)
    metrics = running.test(cfg)

    values = [one['base/acc/top1'], one['novel/acc/top1']]
    assert [metrics['world/1/acc/top1'], metrics['world/2/acc/top1']] == values
    assert metrics['world/acc/top1'] == pytest.approx(np.mean(values))
    assert metrics['world/acc/top1_std'] == pytest.approx(np.std(values, ddof=1))
    assert metrics['other/acc/top1'] == values[0] and 'hm' not in metrics
    report = json.loads((tmp_path / 'splits' / 'test_metrics.json').read_text())
    assert set(report['top1_percent']) == {'world', 'world/1', 'world/2', 'other'}


def test_a_single_set(tmp_path):
    cfg = miniature('source', tmp_path)
    train(cfg)
    metrics = running.test(miniature('source', tmp_path / 'test'), tmp_path / 'epoch_1.pth')
    assert set(metrics) == {'all/acc/top1', 'all/acc/top5', 'all/acc/mean1'}
    assert set(json.loads((tmp_path / 'test' / 'test_metrics.json').read_text())['top1_percent']) == {'all'}


def test_base_and_novel_sets_share_no_class(tmp_path):
    cfg = miniature('zero_shot', tmp_path)
    cfg.test_dataloader.novel.dataset.label_map = cfg.test_dataloader.base.dataset.label_map
    with pytest.raises(ValueError, match='base and novel test sets share 12 classes'):
        running.test(cfg)


def test_a_test_set_must_be_named(tmp_path):
    cfg = miniature('zero_shot', tmp_path)
    cfg.test_dataloader = cfg.test_dataloader.base
    with pytest.raises(ValueError, match='test_dataloader=dict'):
        running.test(cfg)


# ---------------------------------------------------------------------------------------- class names


def test_validation_on_other_classes_is_refused(tmp_path):
    cfg = miniature('ga2', tmp_path)
    cfg.val_dataloader.dataset = cfg.test_dataloader.novel.dataset
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ValueError, match='classes of the validation set differ from'):
        runner.train()
    assert runner.iter == 0


def test_class_names_of_the_head_agree_with_the_training_set(tmp_path):
    """In another order than the labels, the names would be wrong."""
    cfg = miniature('deep_prompts', tmp_path / 'same')
    names = list(read_label_map(cfg.train_dataloader.dataset.dataset.label_map))
    cfg.model.cls_head.class_names = names
    assert train(cfg).epoch == 1
    cfg = miniature('deep_prompts', tmp_path / 'other')
    cfg.model.cls_head.class_names = names[::-1]
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ValueError, match='12 classes of model.cls_head.class_names differ from the 12 of'):
        runner.train()
    assert runner.iter == 0


def test_classes_of_a_test_set_win_over_those_of_the_head_and_it_says_so(tmp_path):
    cfg = miniature('zero_shot', tmp_path / 'without')
    expected = running.test(cfg)
    cfg = miniature('zero_shot', tmp_path / 'with')
    cfg.model.cls_head.class_names = cfg.test_dataloader.base.dataset.label_map
    assert running.test(cfg) == expected
    [log] = (tmp_path / 'with').glob('*/*.log')
    said = 'testing on the 12 classes of the test set, not on the 12 of model.cls_head.class_names'
    assert log.read_text().count(said) == 1  # for the novel classes


def test_dataset_without_class_names_is_refused(tmp_path):
    cfg = miniature('coupled', tmp_path)
    dataset = cfg.train_dataloader.dataset.dataset
    cfg.train_dataloader.dataset = dict(
        type='VideoDataset',
        ann_file=dataset.ann_file,
        data_prefix=dataset.data_prefix,
        pipeline=dataset.pipeline,
    )
    with pytest.raises(ValueError, match='VideoDataset does not name its classes: set label_map'):
        train(cfg)


def test_missing_label_map_is_refused(tmp_path):
    cfg = miniature('coupled', tmp_path)
    del cfg.train_dataloader.dataset.dataset['label_map']
    with pytest.raises(TypeError, match='label_map'):
        train(cfg)


def test_novel_classes_are_never_trained_on(tmp_path):
    cfg = miniature('ga2', tmp_path)
    novel = cfg.test_dataloader.novel.dataset
    cfg.train_dataloader.dataset.dataset.update(
        ann_file=novel.ann_file, label_map=novel.label_map, split='novel'
    )
    with pytest.raises(ValueError, match='novel classes are never trained on'):
        train(cfg)


# -------------------------------------------------------------------------------------- broken videos


@pytest.fixture
def with_broken(miniature_folder, tmp_path):
    """Copy a list of videos to ``tmp_path`` and append lines of broken videos."""
    videos = miniature_folder / 'data/miniature/mild/draw0/videos'
    content = (videos / 'base_train_0000.mkv').read_bytes()
    (tmp_path / 'damaged.mkv').write_bytes(content[:40] + bytes(5000))
    (tmp_path / 'empty.mkv').write_bytes(b'')

    def copy(ann_file: str, *broken: str) -> dict:
        lines = [f'{videos}/{line}' for line in (miniature_folder / ann_file).read_text().splitlines()]
        lines += [f'{tmp_path}/{name} 0' for name in broken]
        path = tmp_path / f'with_broken_{Path(ann_file).name}'
        path.write_text('\n'.join(lines) + '\n')
        return dict(ann_file=str(path), data_prefix=None)

    return copy


@pytest.mark.parametrize('workers', [0, 1])
def test_training_goes_on_without_unreadable_videos(workers, tmp_path, with_broken):
    broken = ['damaged.mkv', 'empty.mkv', 'missing.mkv']
    cfg = miniature('ga2', tmp_path / 'run', train_dataloader__num_workers=workers)
    dataset = cfg.train_dataloader.dataset.dataset
    dataset.update(with_broken(dataset.ann_file, *broken))
    runner = train(cfg)
    assert np.isfinite(losses(runner)).all()
    log = running.log_of(runner)
    assert '3 training videos cannot be read, others replaced them 3 times' in log
    for name in broken:
        assert f'a training video cannot be read, skipping {tmp_path}/{name}: ' in log
    assert len(runner.message_hub.get_info('unreadable_videos')) == 3


def test_unreadable_test_video_counts_as_wrong(tmp_path, with_broken):
    # Another video in a batch changes the rounding, which must not decide which class is first.
    clip = dict(model__backbone__pretrained='miniature')
    whole = running.test(miniature('zero_shot', tmp_path / 'whole', **clip))
    cfg = miniature('zero_shot', tmp_path / 'run', **clip)
    dataset = cfg.test_dataloader.base.dataset
    dataset.update(with_broken(dataset.ann_file, 'empty.mkv'))
    metrics = running.test(cfg)
    assert metrics['base/acc/top1'] == pytest.approx(whole['base/acc/top1'] * 24 / 25)
    assert metrics['base/acc/unreadable'] == 1
    assert metrics['novel/acc/top1'] == whole['novel/acc/top1']
    assert f'{tmp_path}/empty.mkv' in '\n'.join(p.read_text() for p in (tmp_path / 'run').glob('*/*.log'))


@pytest.mark.parametrize('loop', ['ProtocolTestLoop', 'TestLoop'])
def test_unreadable_test_videos_are_counted_whatever_the_loop_and_the_metric(loop, tmp_path, with_broken):
    cfg = miniature('zero_shot', tmp_path / 'run', test_evaluator=dict(type='AccMetric'))
    base = cfg.test_dataloader.base
    base.dataset.update(with_broken(base.dataset.ann_file, *(f'missing {i}.mkv' for i in range(7))))
    if loop == 'TestLoop':
        cfg.test_cfg, cfg.test_dataloader = dict(type='TestLoop'), base
    running.test(cfg)
    (line,) = (one for one in running.log_in(tmp_path / 'run').splitlines() if '7 of 31 videos' in one)
    assert (
        'test_dataloader' in line and 'AccMetric counts the black frames that replace them as videos' in line
    )
    named = [f'{tmp_path}/missing {i}.mkv: no such file' for i in range(5)]
    assert line.endswith(f'{"; ".join(named)} and 2 more')
    if loop == 'ProtocolTestLoop':
        sets = json.loads((tmp_path / 'run/test_metrics.json').read_text())['sets']
        assert (sets['base']['unreadable'], sets['novel']['unreadable']) == (7, 0)


@pytest.mark.parametrize('missing', [24, 25])
def test_a_test_ends_where_more_than_half_of_a_set_cannot_be_read(missing, tmp_path, with_broken):
    cfg = miniature('zero_shot', tmp_path / 'run')
    dataset = cfg.test_dataloader.novel.dataset
    dataset.update(with_broken(dataset.ann_file, *(f'missing {i}.mkv' for i in range(missing))))
    if missing == 24:
        assert running.test(cfg)['novel/acc/unreadable'] == 24
        return
    with pytest.raises(
        ValueError, match='test_dataloader.novel: 25 or more of 49 videos.*and 20 more; check'
    ):
        running.test(cfg)
    assert not (tmp_path / 'run/test_metrics.json').exists()


def test_training_ends_where_the_validation_set_cannot_be_read(tmp_path):
    folder = dict(video='nowhere')
    cfg = miniature('deep_prompts', tmp_path, val_dataloader__dataset__data_prefix=folder)
    with pytest.raises(ValueError, match='val_dataloader: 12 or more of 12 videos cannot be read'):
        train(cfg)
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_metrics_without_a_number_are_reported_as_they_are(tmp_path):
    cfg = miniature(
        'zero_shot', tmp_path, test_evaluator=[dict(type='ConfusionMatrix'), dict(type='Accuracy')]
    )
    metrics = running.test(cfg)
    assert all(isinstance(value, float) for value in metrics.values()) and 'hm' in metrics
    sets = json.loads((tmp_path / 'test_metrics.json').read_text())['sets']
    for name, classes in (('base', 12), ('generalized/novel', 24)):
        matrix = np.array(sets[name]['confusion_matrix/result'])
        assert matrix.shape == (classes, classes) and matrix.sum() == 24
        assert matrix.trace() / 24 == pytest.approx(sets[name]['acc/top1'])

    alone = miniature('zero_shot', tmp_path / 'alone', test_evaluator=dict(type='ConfusionMatrix'))
    alone.test_dataloader = dict(world=[alone.test_dataloader.base, alone.test_dataloader.novel])
    assert running.test(alone) == {}


# --------------------------------------------------------------------------------- MMAction2's configs

MMACTION_CONFIG = """
default_scope = 'mmaction'
custom_imports = dict(imports=['ga2mm'])

model = dict(
    type='ga2mm.CLIPRecognizer',
    backbone=dict(type='ga2mm.OpenCLIP', arch='miniature', pretrained='random'),
    cls_head=dict(
        type='ga2mm.CoupledPromptHead',
        class_names='data/miniature/mild/draw0/base_labels.csv',
        vision_prompt=dict(type='ga2mm.DeepPrompt', length=4, depth=3),
        text_prompt=dict(type='ga2mm.DeepPrompt', length=4, depth=3)))

pipeline = [
    dict(type='DecordInit'),
    dict(type='UniformSample', clip_len=4),
    dict(type='DecordDecode'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
videos = dict(video='data/miniature/mild/draw0/videos')
train_dataloader = dict(
    batch_size=12,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='VideoDataset',
        ann_file='data/miniature/mild/draw0/base_train.txt',
        data_prefix=videos,
        pipeline=pipeline))
val_dataloader = dict(
    batch_size=12,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VideoDataset',
        ann_file='data/miniature/mild/draw0/base_val.txt',
        data_prefix=videos,
        pipeline=pipeline,
        test_mode=True))
val_evaluator = dict(type='AccMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
"""


@pytest.mark.parametrize('prefix', ['ga2mm.', ''], ids=['prefixed parts', 'parts by plain name'])
def test_recognizer_in_a_config_of_mmaction2(prefix, tmp_path):
    text = MMACTION_CONFIG
    for name in ('OpenCLIP', 'CoupledPromptHead', 'DeepPrompt'):
        text = text.replace(f'ga2mm.{name}', f'{prefix}{name}')
    cfg = Config(Config.fromstring(text, '.py').to_dict(), format_python_code=False)
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), experiment_name=f'mmaction {tmp_path.name}{prefix}'))
    runner = train(cfg)
    assert len(losses(runner)) == 2 and np.isfinite(losses(runner)).all()
    assert runner.message_hub.get_scalar('val/acc/top1').current() >= 0
    assert (tmp_path / 'epoch_1.pth').is_file()
