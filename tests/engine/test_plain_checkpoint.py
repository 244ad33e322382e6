from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from ga2mm.engine import read_checkpoint
from ga2mm.engine.plain_checkpoint import make_plain, restore_histories


def make_checkpoint() -> dict:
    scalars = OrderedDict(loss=HistoryBuffer([1.0, float('inf'), 3.0], [2, 2, 1], 10))
    info = OrderedDict(best_score=np.float64(0.5), counts=[np.int64(3)], name='run')
    hub = dict(log_scalars=scalars, runtime_info=info, resumed_keys=OrderedDict(loss=True))
    return dict(meta=dict(epoch=1, seed=np.int64(7)), state_dict=dict(a=torch.ones(2)), message_hub=hub)


def test_pytorch_reads_a_plain_checkpoint_without_further_classes(tmp_path):
    checkpoint = make_checkpoint()
    make_plain(checkpoint)
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    found = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert found['meta'] == dict(epoch=1, seed=7)
    assert found['message_hub']['runtime_info'] == dict(best_score=0.5, counts=[3], name='run')


def test_histories_return_when_the_checkpoint_is_read(tmp_path):
    checkpoint = make_checkpoint()
    make_plain(checkpoint)
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    history = read_checkpoint(tmp_path / 'epoch_1.pth')['message_hub']['log_scalars']['loss']
    assert [one.tolist() for one in history.data] == [[1.0, float('inf'), 3.0], [2.0, 2.0, 1.0]]
    assert history.max_length == 10
    history.update(4.0, 2)
    assert history.mean(2) == pytest.approx((3 + 4) / (1 + 2))


def test_making_plain_leaves_the_runs_histories_alone():
    checkpoint = make_checkpoint()
    hub = checkpoint['message_hub']
    make_plain(checkpoint)
    assert isinstance(hub['log_scalars']['loss'], HistoryBuffer)


def test_checkpoints_with_pickled_histories_are_still_read(tmp_path):
    torch.save(make_checkpoint(), tmp_path / 'epoch_1.pth')
    history = read_checkpoint(tmp_path / 'epoch_1.pth')['message_hub']['log_scalars']['loss']
    assert history.data[0].tolist() == [1.0, float('inf'), 3.0]


@pytest.mark.parametrize(
    'change',
    [
        dict(log_history=torch.ones(2, 2)),
        dict(count_history=torch.ones(2)),
        dict(log_history=[1.0, 2.0, 3.0]),
        dict(max_length='10'),
        dict(max_length=2),
    ],
    ids=str,
)
def test_damaged_history_is_an_error(change, tmp_path):
    checkpoint = make_checkpoint()
    make_plain(checkpoint)
    checkpoint['message_hub']['log_scalars']['loss'].update(change)
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match=r"epoch_1\.pth is damaged, its log history 'loss' is damaged"):
        read_checkpoint(tmp_path / 'epoch_1.pth')


@pytest.mark.parametrize('hub', [None, [], dict(), dict(log_scalars=[1])], ids=str)
def test_other_values_stay_as_they_are(hub):
    restore_histories(hub)
