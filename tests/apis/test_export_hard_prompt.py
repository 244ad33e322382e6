"""Export of a hard prompt from a run."""

from pathlib import Path

import pytest
import torch

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from tests.helpers.hard_prompts import LENGTH, WIDTH, RunsCode, coupled


def save_checkpoint(path: Path, model) -> Path:
    torch.save({'state_dict': model.state_dict(), 'meta': {'epoch': 1}}, path)
    return path


@pytest.mark.parametrize('is_coupled', [False, True])
def test_a_runs_soft_prompt_becomes_another_runs_hard_prompt(
    is_coupled, hard_prompt, make_recognizer, tmp_path
):
    head = coupled(hard_prompt)
    if not is_coupled:
        del head['coupling']
    source = make_recognizer(head=head)
    checkpoint = save_checkpoint(tmp_path / 'epoch_1.pth', source)
    out = tmp_path / 'new' / 'hard_prompt.safetensors'
    assert export_hard_prompt(checkpoint, out) == (LENGTH, WIDTH)
    target = make_recognizer(head=coupled(str(out)), seed=1)
    assert torch.equal(target.cls_head.coupling.hard_prompt, source.cls_head.text_prompt.soft_prompt[0])


@pytest.mark.parametrize('text_prompt', [None, dict(type='DeepPrompt', length=2, depth=0)])
def test_a_run_without_text_prompt_has_nothing_to_export(text_prompt, make_recognizer, tmp_path):
    model = make_recognizer(head=dict(text_prompt=text_prompt))
    checkpoint = save_checkpoint(tmp_path / 'epoch_1.pth', model)
    with pytest.raises(ValueError, match='epoch_1.pth has no soft prompt'):
        export_hard_prompt(checkpoint, tmp_path / 'out.safetensors')
    assert not (tmp_path / 'out.safetensors').exists()


@pytest.mark.parametrize('content', ['empty', 'garbage', 'code', 'list', 'numbers'])
def test_a_file_that_is_no_checkpoint_exports_nothing(content, tmp_path):
    path, trace = tmp_path / 'hostile.pth', tmp_path / 'trace'
    if content in ('empty', 'garbage'):
        path.write_bytes(b'garbage' * 100 if content == 'garbage' else b'')
    else:
        contents = {
            'code': {'state_dict': RunsCode(trace)},
            'list': [torch.zeros(2)],
            'numbers': {'state_dict': {'cls_head.text_prompt.soft_prompt': [1.0]}},
        }
        torch.save(contents[content], path)
    with pytest.raises(ValueError, match='hostile.pth'):
        export_hard_prompt(path, tmp_path / 'out.safetensors')
    assert not trace.exists()
    assert not (tmp_path / 'out.safetensors').exists()


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.pth'):
        export_hard_prompt(tmp_path / 'absent.pth', tmp_path / 'out.safetensors')
