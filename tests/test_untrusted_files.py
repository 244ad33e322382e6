"""Untrusted files run no code, and every tool rejects damaged files in one line."""

import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from safetensors.torch import save_file
from torch import Tensor, nn

from ga2mm.engine import read_checkpoint, state_dict_of
from ga2mm.models.clip.torchscript import read_torchscript
from ga2mm.models.clip.weights import read_weights
from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt, write_hard_prompt
from ga2mm.tensor_files import read_safetensors, write_safetensors
from ga2mm.utils import one_line_errors
from ga2mm.visualization.results import read_results
from tests.helpers import running

KEY = 'cls_head.text_prompt.soft_prompt'


# TorchScript


class Block(nn.Module):
    """The content of OpenAI's archives: parameters, buffers, and other tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4).half()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4))
        self.shared = self.linear
        self.mask = torch.ones(2, 2)  # an attribute, no buffer
        self.empty = nn.Parameter(torch.empty(0, 3))
        self.names, self.table = [1, 2], {'a': 1.5}
        self.register_buffer('input_resolution', torch.tensor(224))
        self.register_buffer('transposed', torch.arange(6).reshape(2, 3).t())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mask.sum()


@pytest.mark.parametrize('make', [torch.jit.script, lambda block: torch.jit.trace(block, torch.zeros(1))])
def test_torchscript_is_read_as_torch_reads_it(make, tmp_path):
    path = str(tmp_path / 'archive.pt')
    make(Block()).save(path)
    found, expected = read_torchscript(path), torch.jit.load(path).state_dict()
    assert found.keys() == expected.keys() and len(found) == 14
    for key, value in expected.items():
        assert found[key].dtype == value.dtype and torch.equal(found[key], value), key


class WritesWhenLoaded(nn.Module):
    """A module whose archive writes a file as soon as torch.jit.load reads it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.register_buffer('input_resolution', torch.tensor(224))

    @torch.jit.export
    def __getstate__(self) -> tuple[str, Tensor, bool]:
        return self.path, self.input_resolution, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, Tensor, bool]) -> None:
        self.path, self.input_resolution, self.training = state
        self.input_resolution = torch.from_file(self.path, shared=True, size=16)

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_code_in_torchscript_is_not_run(tmp_path):
    written, archive = tmp_path / 'written', str(tmp_path / 'archive.pt')
    torch.jit.script(WritesWhenLoaded(str(written))).save(archive)
    torch.jit.load(archive)
    assert written.stat().st_size == 64  # the archive does run code in torch.jit.load
    written.unlink()
    for read in (read_torchscript, read_weights, read_checkpoint):
        with pytest.raises(ValueError, match=r'archive\.pt'):
            read(archive)
    assert not written.exists()


def repacked(source: Path, target: Path, change: Callable[[str, bytes], bytes], **options) -> Path:
    """An archive with changed content and correct checksums."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, 'w', **options) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        (b'ctorch._utils\n_rebuild_tensor_v2\n', b'cposix\nsystem\n', 'asks for posix.system'),
        (b'c__torch__.', b'csubprocess.', 'asks for subprocess'),
        (b'(K\x04K\x03t', b'(J\xff\xff\xff\x7fK\x03t', 'is not stored in full'),
        (b'(K\x04K\x03t', b'(J\xff\xff\xff\xffK\x03t', 'negative size'),
        (b'.', b'', 'damaged|no end|exhausted'),
    ],
)
def test_crafted_torchscript_is_refused(old, new, problem, tmp_path):
    path = tmp_path / 'good.pt'
    torch.jit.script(Block()).save(str(path))

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith('/data.pkl'):
            return content
        assert old in content
        return content[:-1] if old == b'.' else content.replace(old, new)

    with pytest.raises(ValueError, match=problem):
        read_torchscript(repacked(path, tmp_path / 'bad.pt', change))


def test_nothing_in_the_project_loads_torchscript_by_torch():
    sources = [
        path for place in ('ga2mm', 'tools', 'examples') for path in (running.ROOT / place).rglob('*.py')
    ]
    assert sources and not [path for path in sources if 'jit.load(' in path.read_text()]


# Damage


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    values = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
    path = tmp_path / 'good.pth'
    torch.save({'state_dict': {KEY: values}, 'meta': {'epoch': 1}}, path)
    return path


def test_every_flipped_byte_of_a_checkpoint_is_found_or_harmless(checkpoint, tmp_path):
    expected, content = read_checkpoint(checkpoint), checkpoint.read_bytes()
    refused, path = 0, tmp_path / 'flipped.pth'
    for place in random.Random(0).sample(range(len(content)), 300):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            found = read_checkpoint(path)
        except ValueError as error:
            assert 'flipped.pth' in str(error)
            refused += 1
        else:  # in the padding between tensors, or a date
            assert torch.equal(found['state_dict'][KEY], expected['state_dict'][KEY]) and 'meta' in found
    assert refused > 100


@pytest.mark.parametrize('part', [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(part, checkpoint):
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match='is not a checkpoint'):
        read_checkpoint(checkpoint)


def test_a_file_without_checksums_brings_a_warning(checkpoint):
    content = read_checkpoint(checkpoint)
    torch.save(content, checkpoint, _use_new_zipfile_serialization=False)
    with pytest.warns(UserWarning, match='has no checksums'):
        assert torch.equal(read_checkpoint(checkpoint)['state_dict'][KEY], content['state_dict'][KEY])


def test_an_archive_that_unpacks_to_much_more_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'bomb.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('archive/data.pkl', bytes(100 * 2**20))
    with pytest.raises(ValueError, match='would unpack to 104857600 bytes'):
        read_checkpoint(tmp_path / 'bomb.pth')


def test_a_claim_of_more_values_than_are_stored_is_refused(checkpoint, tmp_path):
    def change(name: str, content: bytes) -> bytes:
        assert not name.endswith('/data.pkl') or b'K\x03K\x04K\x08' in content
        return content.replace(b'K\x03K\x04K\x08', b'K\x03K\x04J\x00\x00\x00\x7f')

    with pytest.raises(ValueError, match='is not a checkpoint'):
        read_checkpoint(repacked(checkpoint, tmp_path / 'claim.pth', change))


WRONG_TENSORS = {
    'on the device meta': lambda value: torch.empty_like(value, device='meta'),
    'sparse': lambda value: value.to_sparse(),
    'claims 1000000000000 values': lambda value: torch.zeros(1).expand(10**6, 10**6),
    '1 of 96 values that are NaN': lambda value: torch.where(
        torch.arange(96).reshape(3, 4, 8) == 5, torch.nan, value
    ),
    '96 of 96 values that are NaN or infinite': lambda value: value / 0,
}


@pytest.mark.parametrize('problem', WRONG_TENSORS)
@pytest.mark.parametrize('place', ['state_dict', 'optimizer'])
def test_a_tensor_without_finite_values_is_named(place, problem, checkpoint):
    content = read_checkpoint(checkpoint)
    wrong = WRONG_TENSORS[problem](content['state_dict'][KEY])
    content.setdefault(place, {})[KEY] = wrong
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match=f'good.pth: {place}.{KEY} .*{problem}'):
        read_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ('content', 'problem'),
    [
        ([1, 2], 'holds a list'),
        ({'meta': [1]}, 'its meta is a list'),
        ({'meta': {}}, 'holds no state dict'),
        ({'state_dict': [torch.zeros(1)]}, 'holds no state dict'),
        ({'state_dict': {1: torch.zeros(1)}}, 'holds no state dict'),
        ({'state_dict': {'a': 3}}, 'holds no state dict'),
        ({'state_dict': {'a': torch.zeros(1), 'module.a': torch.ones(1)}}, 'with and without module'),
    ],
)
def test_a_file_that_holds_something_else_is_no_checkpoint(content, problem, tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(ValueError, match=f'other.pth .*{problem}'):
        state_dict_of(read_checkpoint(path), path)


def test_what_is_no_file_is_said(tmp_path):
    (tmp_path / 'folder.pth').mkdir()
    (tmp_path / 'loop.pth').symlink_to('loop.pth')
    os.mkfifo(tmp_path / 'pipe.pth')
    problems = {
        'folder': 'is a folder',
        'loop': 'symbolic links',
        'pipe': 'not a regular file',
        'absent': 'No such',
    }
    for name, problem in problems.items():
        for read in (read_checkpoint, read_weights, lambda path: read_hard_prompt(path, (2, 3))):
            with pytest.raises(
                OSError, match=problem if read is not read_weights or name != 'absent' else 'not exist'
            ):
                read(tmp_path / f'{name}.pth')


# Safetensors


def test_flipped_bytes_of_a_hard_prompt_are_found(tmp_path):
    path, flipped = tmp_path / 'prompt.safetensors', tmp_path / 'flipped.safetensors'
    prompt = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    write_hard_prompt(path, prompt, 'ViT 0123456789abcdef', 'test')
    content, refused = path.read_bytes(), 0
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 7
        flipped.write_bytes(changed)
        try:
            found = read_hard_prompt(flipped, (2, 4), 'ViT 0123456789abcdef')
        except ValueError as error:
            assert 'flipped.safetensors' in str(error)
            refused += 1
        else:  # in the name of the checksum, or of the source
            assert torch.equal(found, prompt)
    assert refused > 0.8 * len(content)


def test_weights_of_ours_carry_a_checksum_and_those_of_others_need_none(tmp_path):
    tensors = {
        'a': torch.arange(6.0).reshape(2, 3).t(),
        'b': torch.tensor(True),
        'c': torch.ones(3).bfloat16(),
    }
    write_safetensors(tmp_path / 'ours.safetensors', tensors, {'quick_gelu': 'true'})
    found, metadata = read_safetensors(tmp_path / 'ours.safetensors', 'file', 'remedy')
    assert metadata['quick_gelu'] == 'true' and all(torch.equal(found[key], tensors[key]) for key in tensors)
    save_file(found, tmp_path / 'altered.safetensors', {**metadata, 'quick_gelu': 'false'})
    with pytest.raises(ValueError, match='altered.safetensors is damaged'):
        read_safetensors(tmp_path / 'altered.safetensors', 'file', 'remedy')
    save_file(found, tmp_path / 'others.safetensors')
    assert read_safetensors(tmp_path / 'others.safetensors', 'file', 'remedy')[0].keys() == tensors.keys()


@pytest.mark.parametrize('value', [torch.nan, torch.inf])
def test_a_hard_prompt_that_is_not_finite_is_neither_written_nor_read(value, tmp_path):
    path = tmp_path / 'prompt.safetensors'
    prompt = torch.full((2, 4), value)
    with pytest.raises(ValueError, match='hard_prompt has 8 of 8 values'):
        write_hard_prompt(path, prompt, 'ViT 0123456789abcdef', 'test')
    assert not list(tmp_path.iterdir())
    save_file({'hard_prompt': prompt}, path)
    with pytest.raises(ValueError, match='prompt.safetensors: hard_prompt has 8 of 8 values'):
        read_hard_prompt(path, (2, 4))


@pytest.mark.parametrize('suffix', ['.pt', '.safetensors'])
def test_weights_that_are_not_finite_are_refused(suffix, tmp_path):
    tensors = {'visual.proj': torch.full((2, 2), torch.nan)}
    path = tmp_path / f'clip{suffix}'
    save_file(tensors, path) if suffix == '.safetensors' else torch.save(tensors, path)
    with pytest.raises(ValueError, match=r'visual\.proj has 4 of 4 values'):
        read_weights(path)


def test_integers_in_the_place_of_weights_are_refused(make_clip, clip, tmp_path):
    state_dict = {key: value.clone() for key, value in clip.model.state_dict().items()}
    state_dict['visual.proj'] = state_dict['visual.proj'].long()
    torch.save(state_dict, tmp_path / 'clip.pt')
    with pytest.raises(ValueError, match=r'visual\.proj holds torch\.int64'):
        make_clip(pretrained=str(tmp_path / 'clip.pt'), quick_gelu=False)


@pytest.mark.parametrize(
    ('ids', 'rows', 'vocab_size'),
    [
        (torch.tensor([1, 9]), torch.zeros(2, 3), '5'),
        (torch.tensor([-1]), torch.zeros(1, 3), '5'),
        (torch.tensor([1]), torch.zeros(2, 3), '5'),
        (torch.tensor([1]), torch.zeros(3), '5'),
        (torch.tensor([1.0]), torch.zeros(1, 3), '5'),
        (torch.tensor([1]), None, '5'),
        (torch.tensor([1]), torch.zeros(1, 3), 'many'),
        (torch.tensor([1]), torch.zeros(1, 3), '99999999999'),
    ],
)
def test_a_token_table_in_parts_that_do_not_fit_is_refused(ids, rows, vocab_size, tmp_path):
    tensors = {'token_embedding.ids': ids} | ({} if rows is None else {'token_embedding.rows': rows})
    save_file(tensors, tmp_path / 'clip.safetensors', {'vocab_size': vocab_size})
    with pytest.raises(ValueError, match='do not match'):
        read_weights(tmp_path / 'clip.safetensors')


# Loading into a model


def _torch(model, state_dict):
    model.load_state_dict(state_dict)


def _mmengine(model, state_dict):
    torch.save({'state_dict': state_dict}, 'checkpoint.pth')
    load_checkpoint(model, 'checkpoint.pth')


@pytest.mark.parametrize('load', [_torch, _mmengine])
@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        (lambda value: value.long(), 'holds torch.int64, not torch.float32'),
        (lambda value: value.to(torch.complex64), 'holds torch.complex64'),
        (lambda value: torch.empty_like(value, device='meta'), 'device meta'),
        (lambda value: value.to_sparse(), 'sparse'),
        (lambda value: value * torch.nan, 'NaN'),
    ],
)
def test_what_cannot_be_copied_into_the_prompts_is_refused(
    change, problem, load, make_recognizer, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model = make_recognizer()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state_dict = dict(make_recognizer(seed=1).state_dict())
    state_dict[KEY] = change(state_dict[KEY].detach())
    with pytest.raises(ValueError, match=problem):
        load(model, state_dict)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize('load', [_torch, _mmengine])
def test_errors_of_copying_end_the_run(load, make_recognizer, tmp_path, monkeypatch):
    """Also for a part of the model without checks of its own."""
    monkeypatch.chdir(tmp_path)
    model = make_recognizer()
    prompt = model.cls_head.text_prompt

    def refuse(state_dict, prefix, metadata, strict, missing, unexpected, errors):
        errors.append(f'{prefix}soft_prompt cannot be copied')

    prompt._load_from_state_dict = refuse
    with pytest.raises(ValueError, match=f'cannot be loaded: {KEY} cannot be copied'):
        load(model, dict(make_recognizer(seed=1).state_dict()))


# Other files


def test_yaml_runs_nothing(tmp_path, capsys):
    written = tmp_path / 'written'
    config = tmp_path / 'config.yaml'
    config.write_text(
        f'model: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ["{written}"]]'
    )
    with pytest.raises(SystemExit) as error, one_line_errors():
        Config.fromfile(config)
    assert '\n' not in str(error.value) and 'python/object' in str(error.value)
    assert not written.exists()
    Config(dict(betas=(0.9, 0.98), names=['a'])).dump(config)
    assert Config.fromfile(config).betas == (0.9, 0.98)


class Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize('name', ['open_clip_model.safetensors', 'pytorch_model.bin', 'model.pth'])
def test_a_folder_of_open_clip_runs_nothing(name, arch, make_clip, tmp_path):
    folder = tmp_path / 'clip'
    folder.mkdir()
    (folder / 'open_clip_config.json').write_text(str(dict(model_cfg=arch)).replace("'", '"'))
    torch.save({'state_dict': Touches(tmp_path / 'written')}, folder / name)
    with pytest.raises(ValueError, match=name):
        make_clip(arch=f'local-dir:{folder}', pretrained=None)
    assert not (tmp_path / 'written').exists()


@pytest.mark.parametrize(
    ('config', 'problem'),
    [
        ('{', 'is not a JSON'),
        ('[]', 'model_cfg'),
        ('{"model_cfg": {}}', 'vision_cfg'),
        ('[' * 99999, 'is not a JSON'),
    ],
)
def test_a_folder_of_open_clip_with_another_config_is_refused(config, problem, make_clip, tmp_path):
    (tmp_path / 'open_clip_config.json').write_text(config)
    with pytest.raises(ValueError, match=problem):
        make_clip(arch=f'local-dir:{tmp_path}', pretrained=None)


def test_deeply_nested_json_is_refused_in_one_line(tmp_path):
    path = tmp_path / 'nested.json'
    path.write_text('[' * 99999)
    with pytest.raises(SystemExit) as error:
        running.tool('analysis/confusion.py', path)
    assert str(error.value).startswith(f'error: {path} is not a test report')
    with pytest.raises(ValueError, match='nested.json is not a JSON file'):
        read_results(path)


def test_damaged_reference_numbers_end_in_one_line(tmp_path):
    content = (running.DATA / 'zoo_coop_a.npz').read_bytes()
    for place in random.Random(0).sample(range(len(content)), 20):
        flipped = bytearray(content)
        flipped[place] ^= 16
        (tmp_path / 'flipped.npz').write_bytes(flipped)
        with pytest.raises(SystemExit) as error:
            running.tool('analysis/check_reference.py', tmp_path / 'flipped.npz')
        assert error.value.code == 0 or 'flipped.npz' in str(error.value.code)
