"""Files of tensors: checkpoints, hard prompts and CLIP weights."""

import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file
from torch import Tensor, nn

from fuzzing.damage import damage_bytes
from fuzzing.kind import ANYTHING, NOTHING, RAN, Case, Kind
from fuzzing.world import World, run_tool
from ga2mm.apis import load
from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.engine import read_checkpoint
from ga2mm.models import OpenCLIP
from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt, write_hard_prompt

ZIP_TAGS = (b'PK\x03\x04', b'PK\x01\x02', b'PK\x05\x06', b'PK\x06\x06')
SAFETENSORS_TAGS = (b'"dtype"', b'"shape"', b'"data_offsets"', b'__metadata__')

WRITTEN = 'what was written'
"""``Case.right`` of a file with damaged bytes: only the original content is correct."""

Way = Callable[[dict[str, Tensor], str, random.Random], Any]
"""Damages a tensor of a state dict in place by its name, and returns the correct result."""


def _number(value: float) -> Way:
    """Make a way that replaces one number of the tensor."""

    def way(state: dict[str, Tensor], name: str, rng: random.Random) -> Any:
        state[name] = state[name].clone()
        state[name].view(-1)[rng.randrange(state[name].numel())] = value
        return NOTHING

    return way


def _tensor(change: Callable[[Tensor], Any], right: Any = NOTHING) -> Way:
    """Make a way that replaces the tensor."""

    def way(state: dict[str, Tensor], name: str, rng: random.Random) -> Any:
        state[name] = change(state[name])
        return right

    return way


def _missing(state: dict[str, Tensor], name: str, rng: random.Random) -> Any:
    del state[name]
    return NOTHING


def _renamed(state: dict[str, Tensor], name: str, rng: random.Random) -> Any:
    state[f'{name}x'] = state.pop(name)
    return NOTHING


def _added(state: dict[str, Tensor], name: str, rng: random.Random) -> Any:
    state['unknown.weight'] = torch.ones(3)
    return NOTHING


PLAIN_WAYS: dict[str, Way] = {
    'NaN in': _number(float('nan')),
    'infinity in': _number(float('inf')),
    'missing': _missing,
    'renamed': _renamed,
    'an unknown tensor added': _added,
    'one row more in': _tensor(lambda value: torch.cat([value.reshape(1, -1)] * 2)),
    'empty': _tensor(lambda value: value.new_zeros(0)),
    'half precision in': _tensor(lambda value: value.half(), ANYTHING),
    'double precision in': _tensor(lambda value: value.double(), ANYTHING),
    'integers in': _tensor(lambda value: value.round().long()),
    'booleans in': _tensor(lambda value: value > 0),
}
"""Damage to a tensor in any format."""

PICKLED_WAYS: dict[str, Way] = {
    **PLAIN_WAYS,
    'complex numbers in': _tensor(lambda value: value.to(torch.complex64)),
    'meta': _tensor(lambda value: torch.empty_like(value, device='meta')),
    'sparse': _tensor(lambda value: value.to_sparse()),
    'a list in place of': _tensor(lambda value: value.tolist()),
    'None in place of': _tensor(lambda value: None),
    'text in place of': _tensor(lambda value: 'text'),
    'huge without memory': _tensor(lambda value: torch.zeros(1).expand(10**9)),
    'transposed twice': _tensor(
        lambda value: value.t().contiguous().t() if value.dim() == 2 else value, WRITTEN
    ),
}
"""Damage to a tensor in a pickle."""


class _Code:
    """An object that writes a file when it is unpickled unsafely."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (RAN, 'w')


class _Archive(nn.Module):
    """A TorchScript archive that writes a file when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        self.weight = state[0]
        self.training = state[1]
        torch.from_file('ran', True, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Checkpoints(Kind):
    """Checkpoints of a short run, read by every tool that reads checkpoints."""

    name = 'checkpoints'
    names = ('the checkpoint',)

    def __init__(self, sound: Path) -> None:
        super().__init__(sound)
        self.world = World(sound / 'world')

    def prepare(self) -> None:
        self.world.prepare()

    def damage(self, folder: Path, rng: random.Random) -> Case:
        sound, path = self.world.checkpoint, folder / 'damaged.pth'
        tools = ('load', 'load', 'export_hard_prompt', 'test', 'resume')
        way = rng.random()
        if way < 0.05:
            path.write_bytes(sound.read_bytes())
            what, right = 'sound', WRITTEN
        elif way < 0.5:
            data, what = damage_bytes(sound.read_bytes(), rng, ZIP_TAGS)
            path.write_bytes(data)
            right = WRITTEN
        elif way < 0.75:
            content = read_checkpoint(sound)
            state = content['state_dict']
            name = rng.choice([key for key in state if not key.endswith('_extra_state')])
            what, change = rng.choice(list(PICKLED_WAYS.items()))
            right, what = change(state, name, rng), f'{what} {name}'
            torch.save(content, path)
        else:
            what, change = rng.choice(list(self._contents().items()))
            content, right = change(read_checkpoint(sound))
            torch.save(content, path)
            if right is ANYTHING:
                tools = ('resume',)  # only resuming reads the training state
        tool = rng.choice(tools)
        if tool == 'export_hard_prompt' and 'cls_head' in what and 'text_prompt' not in what:
            right = ANYTHING  # the export reads one tensor only
        return Case(path, f'{what}; {tool}', right)

    def read(self, case: Case) -> Any:
        tool = case.what.split('; ')[-1]
        config, work_dir = self.world.config, case.path.parent / 'work_dir'
        if tool == 'load':
            return load(Config.fromfile(config), case.path).state_dict()
        if tool == 'export_hard_prompt':
            return export_hard_prompt(case.path, case.path.with_name('out.safetensors'), config)
        if tool == 'test':
            return run_tool('test.py', config, case.path, '--work-dir', work_dir)
        options = ('--cfg-options', 'train_cfg.max_epochs=2')
        return run_tool('train.py', config, '--work-dir', work_dir, '--resume', case.path, *options)

    def judge(self, case: Case, found: Any) -> str | None:
        if case.right is not WRITTEN:
            return super().judge(case, found)
        sound = self.world.checkpoint
        different = next(differences(read_checkpoint(sound), read_checkpoint(case.path)), None)
        if different:
            return f'{different} was read with wrong values'
        if isinstance(found, dict):
            right = load(Config.fromfile(self.world.config), sound).state_dict()
            different = next(differences(right, found), None)
        return f'{different} of the model is wrong' if different else None

    def _contents(self) -> dict[str, Callable[[dict[str, Any]], tuple[Any, Any]]]:
        """Give functions, by description, from the content to a damaged content and the correct result."""

        def other(right: Any = NOTHING, **entries: Any):
            return lambda content: (content | entries, right)

        def meta(**entries: Any):
            return lambda content: (content | {'meta': content['meta'] | entries}, ANYTHING)

        def whole(content: Any):
            return lambda _: (content, NOTHING)

        return {
            'a list': whole([1, 2]),
            'a tensor': whole(torch.ones(3)),
            'text': whole('text'),
            'None': whole(None),
            'empty': whole({}),
            'numbers as names': whole({1: torch.ones(3)}),
            'no meta': other(ANYTHING, meta=None),
            'a list as meta': other(ANYTHING, meta=[1]),
            'epoch as text': meta(epoch='one'),
            'a negative epoch': meta(epoch=-1),
            'no iteration': meta(iter=None),
            'a seed as text': meta(seed='seed'),
            'no optimizer': other(ANYTHING, optimizer=None),
            'an optimizer of nothing': other(ANYTHING, optimizer={'state': {}, 'param_groups': []}),
            'an optimizer of other tensors': other(
                ANYTHING, optimizer={'state': {0: torch.ones(2)}, 'param_groups': [{'params': [0]}]}
            ),
            'no schedules': other(ANYTHING, param_schedulers=[]),
            'a number as schedules': other(ANYTHING, param_schedulers=3),
            'empty schedules': other(ANYTHING, param_schedulers=[{}, {}]),
            'no histories': other(ANYTHING, message_hub=None),
            'a list as histories': other(ANYTHING, message_hub=[1]),
            'no state dict': lambda content: (_without(content, 'state_dict'), NOTHING),
            'an empty state dict': other(state_dict={}),
            'None as state dict': other(state_dict=None),
            'a list as state dict': other(state_dict=[torch.ones(2)]),
            'numbers as names in the state dict': other(state_dict={1: torch.ones(2)}),
            'code in it': other(extra=_Code()),
            'code in the state dict': other(state_dict={'x': _Code()}),
            'code as config text': meta(config=f'open({RAN!r}, "w")'),
        }


class HardPrompts(Kind):
    """Hard prompts, as exported from a run."""

    name = 'hard_prompts'
    shape = (4, 96)
    identity = 'miniature:0123456789abcdef'

    def prepare(self) -> None:
        write_hard_prompt(
            self.sound / 'sound.safetensors', self.prompt(), self.identity, source='epoch_1.pth'
        )

    def prompt(self) -> Tensor:
        """Give the prompt that was written."""
        return torch.randn(self.shape, generator=torch.Generator().manual_seed(0))

    def damage(self, folder: Path, rng: random.Random) -> Case:
        path, data = folder / 'damaged.safetensors', (self.sound / 'sound.safetensors').read_bytes()
        right, way = WRITTEN, rng.random()
        if way < 0.05:
            what = 'sound'
        elif way < 0.6:
            data, what = damage_bytes(data, rng, SAFETENSORS_TAGS)
        elif way < 0.7:
            data, what, right = pickle.dumps(_Code()), 'a pickle with code', NOTHING
        else:
            state = {'hard_prompt': self.prompt()}
            what, change = rng.choice([one for one in PLAIN_WAYS.items() if one[1] is not _added])
            right = change(state, 'hard_prompt', rng)
            save_file(state, path, {'clip_identity': self.identity, 'source': 'epoch_1.pth'})
            return Case(path, f'{what} the prompt', right)
        path.write_bytes(data)
        return Case(path, what, right)

    def read(self, case: Case) -> Tensor:
        return read_hard_prompt(case.path, self.shape, self.identity)

    def judge(self, case: Case, found: Tensor) -> str | None:
        if case.right is not WRITTEN:
            return super().judge(case, found)
        return None if torch.equal(found, self.prompt()) else 'the prompt was read with wrong values'


class Weights(Kind):
    """CLIP weights in every layout that a config accepts.

    Flipped bits of a tensor cannot be detected in a state dict in safetensors or in PyTorch's layout before
    1.6. Any result of these is accepted, except NaN and infinity.
    """

    name = 'weights'
    arch = dict(
        embed_dim=16,
        quick_gelu=True,
        vision_cfg=dict(image_size=16, layers=1, width=32, patch_size=8, head_width=16),
        text_cfg=dict(context_length=16, vocab_size=64, width=32, heads=2, layers=1),
    )

    unchecked = ('old.pt', 'plain.safetensors', 'rows.safetensors')
    """Layouts without a checksum."""

    def prepare(self) -> None:
        state = OpenCLIP(self.arch, 'random').model.state_dict()
        torch.save(state, self.sound / 'zip.pt')
        torch.save({'state_dict': state}, self.sound / 'old.pt', _use_new_zipfile_serialization=False)
        save_file(state, self.sound / 'plain.safetensors', {'quick_gelu': 'true'})
        rows = dict(state)
        table = rows.pop('token_embedding.weight')
        rows['token_embedding.ids'] = torch.arange(len(table)).int()
        rows['token_embedding.rows'] = table
        metadata = {'quick_gelu': 'true', 'vocab_size': str(len(table))}
        save_file(rows, self.sound / 'rows.safetensors', metadata)
        torch.jit.trace(_nested(state), torch.zeros(1)).save(str(self.sound / 'archive.pt'))
        torch.jit.script(_Archive()).save(str(self.sound / 'hostile.pt'))

    def damage(self, folder: Path, rng: random.Random) -> Case:
        sound = rng.choice([path for path in self.sound_files() if path.name != 'hostile.pt'])
        path, way = folder / f'damaged{sound.suffix}', rng.random()
        right = ANYTHING if sound.name in self.unchecked else WRITTEN
        if way < 0.05:
            data, what = sound.read_bytes(), 'sound'
        elif way < 0.6:
            data, what = damage_bytes(sound.read_bytes(), rng, (*ZIP_TAGS, *SAFETENSORS_TAGS))
        elif way < 0.63:
            data, what, right = pickle.dumps({'x': _Code()}), 'a pickle with code', NOTHING
        elif way < 0.66:
            data, what, right = (self.sound / 'hostile.pt').read_bytes(), 'an archive with code', NOTHING
        elif way < 0.69:
            data = sound.read_bytes()
            path = folder / f'damaged{rng.choice((".pt", ".bin", ".safetensors", ".txt", ""))}'
            what = f'called {path.name}'
        else:
            state = self._state()
            name = rng.choice([key for key in state if state[key].dim() > 1])
            pickled = sound.suffix == '.pt'
            what, change = rng.choice(list((PICKLED_WAYS if pickled else PLAIN_WAYS).items()))
            right = change(state, name, rng)
            if pickled:
                torch.save(state, path)
            else:
                save_file(state, path, {'quick_gelu': 'true'})
            return Case(path, f'{sound.name}: {what} {name}', right)
        path.write_bytes(data)
        return Case(path, f'{sound.name}: {what}', right)

    def read(self, case: Case) -> dict[str, Tensor]:
        return OpenCLIP(self.arch, str(case.path)).model.state_dict()

    def judge(self, case: Case, found: dict[str, Tensor]) -> str | None:
        infinite = [name for name, value in found.items() if not value.isfinite().all()]
        if infinite:
            return f'NaN or infinity in {infinite[0]}'
        if case.right is not WRITTEN:
            return super().judge(case, found)
        different = next(differences(self._state(), found), None)
        return f'{different} was read with wrong values' if different else None

    def _state(self) -> dict[str, Tensor]:
        return torch.load(self.sound / 'zip.pt', weights_only=True)


def differences(right: Any, found: Any, place: str = '') -> Iterator[str]:
    """Yield the places where two values of containers, tensors and MMEngine's histories differ."""
    if isinstance(right, HistoryBuffer) and isinstance(found, HistoryBuffer):
        right, found = vars(right), vars(found)
    if type(right) is not type(found):
        yield place
    elif isinstance(right, dict):
        for key in right.keys() | found.keys():
            inner = f'{place}[{key!r}]'
            if key not in right or key not in found:
                yield inner
            else:
                yield from differences(right[key], found[key], inner)
    elif isinstance(right, list | tuple):
        if len(right) != len(found):
            yield place
        for index, pair in enumerate(zip(right, found, strict=False)):
            yield from differences(*pair, f'{place}[{index}]')
    elif isinstance(right, Tensor):
        if right.dtype != found.dtype or not torch.equal(right, found):
            yield place
    elif isinstance(right, np.ndarray | np.generic):
        if not np.array_equal(right, found, equal_nan=right.dtype.kind == 'f'):
            yield place
    elif isinstance(right, str | int | float | bool | type(None)) and right != found:
        yield place


def _nested(state: dict[str, Tensor]) -> nn.Module:
    """Build a module with this state dict, for a TorchScript archive."""
    root = nn.Module()
    for name, value in state.items():
        module, (*parts, last) = root, name.split('.')
        for part in parts:
            if not hasattr(module, part):
                module.add_module(part, nn.Module())
            module = getattr(module, part)
        module.register_parameter(last, nn.Parameter(value, requires_grad=False))
    root.forward = lambda x: x
    return root


def _without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}
