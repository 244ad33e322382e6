"""Files of hard prompts."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt
from tests.helpers.hard_prompts import LENGTH, WIDTH, RunsCode


@pytest.mark.parametrize('content', ['empty', 'garbage', 'pickle', 'length', 'other tensors'])
def test_a_file_that_is_no_hard_prompt_is_refused(content, tmp_path):
    path, trace = tmp_path / 'hostile.safetensors', tmp_path / 'trace'
    if content == 'other tensors':
        save_file({'weights': torch.zeros(LENGTH, WIDTH)}, path)
    else:
        path.write_bytes(
            {
                'empty': b'',
                'garbage': b'garbage' * 100,
                'pickle': pickle.dumps(RunsCode(trace)),
                'length': (2**62).to_bytes(8, 'little') + b'{}',
            }[content]
        )
    with pytest.raises(ValueError, match='hostile.safetensors is not a hard prompt'):
        read_hard_prompt(path, (LENGTH, WIDTH))
    assert not trace.exists()
