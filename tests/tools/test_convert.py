"""The converters, on layouts of other projects rebuilt from the reference numbers of the released code."""

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ga2mm.apis import load
from ga2mm.models import CLIPRecognizer, OpenCLIP
from ga2mm.models.clip.weights import read_weights
from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt
from tests.helpers import running

REFERENCE = running.DATA / 'ga2_clip_reference.npz'
MAPPING = 'prompt_learner.proj_b2n_VPT.0'
DEEPER_TEXT = 'text_encoder.transformer.resblocks.1.VPT_shallow'
TOLERANCE = 1e-5


@pytest.fixture(scope='module', autouse=True)
def script_folder():
    """Let the scripts import their shared modules, as from the shell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(running.ROOT / 'tools' / 'convert')
        yield


@pytest.fixture(scope='module')
def numbers() -> dict[str, Tensor]:
    with np.load(REFERENCE) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files if file[key].dtype.kind in 'fi'}


@pytest.fixture(scope='module')
def class_names() -> list[str]:
    with np.load(REFERENCE) as file:
        return [str(name) for name in file['class_names']]


@pytest.fixture(scope='module')
def origin(numbers, tmp_path_factory) -> Path:
    """The CLIP from which the tuning started, with the tokens of the reference only."""
    path = tmp_path_factory.mktemp('origin') / 'origin.safetensors'
    tensors = clip_weights(numbers)
    tensors['token_embedding.ids'] = numbers['token_rows'].int()
    tensors['token_embedding.rows'] = numbers['token_embedding_rows']
    save_file(tensors, path, {'quick_gelu': 'true'})
    return path


@pytest.fixture(scope='module')
def hard_prompt(numbers, tmp_path_factory) -> Path:
    """The file from which the release reads its hard prompt."""
    path = tmp_path_factory.mktemp('hard_prompt') / 'release_hard_prompt.pt'
    torch.save({'model_state_dict': {'prompt_learner.ctx_VPT': numbers['hard_prompt']}}, path)
    return path


@pytest.fixture(scope='module')
def converted(numbers, origin, hard_prompt, script_folder, tmp_path_factory) -> Path:
    """A folder with released.pt, its converted files in out/, and the printed config in config.py."""
    folder = tmp_path_factory.mktemp('converted')
    convert_ga2(ga2_content(numbers), origin, hard_prompt, folder)
    return folder


def convert(name: str, *args) -> str:
    """Run a converter and give the config that it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        running.tool(f'convert/{name}.py', *args)
    return output.getvalue().split('\n', 1)[1]


def convert_ga2(content: dict, origin: Path, hard_prompt: Path, folder: Path) -> CLIPRecognizer:
    """Convert a checkpoint in GA2-CLIP's layout and load the result."""
    torch.save(content, folder / 'released.pt')
    out, clip_out = folder / 'out' / 'ga2.pth', folder / 'out' / 'clip.safetensors'
    options = ['--clip', origin, '--clip-out', clip_out, '--hard-prompt', hard_prompt]
    config = convert('ga2_clip', folder / 'released.pt', out, *options)
    (folder / 'config.py').write_text(config)
    return load(folder / 'config.py', out)


def clip_weights(numbers: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix('clip/'): value for key, value in numbers.items() if key.startswith('clip/')}


def towers(numbers: dict[str, Tensor]) -> dict[str, Tensor]:
    """CLIP without its token table, under the names that ViFi-CLIP and GA2-CLIP give it."""
    names = {}
    for key, value in clip_weights(numbers).items():
        if key.startswith('visual.'):
            key = key.replace('visual.', 'image_encoder.', 1)
        elif key != 'logit_scale':
            key = f'text_encoder.{key}'
        names[key] = value
    return names


def class_buffers(numbers: dict[str, Tensor], prompt_length: int) -> dict[str, Tensor]:
    """Embeddings of the classes, as the prompt learner stores them."""
    table = torch.zeros(49408, numbers['token_embedding_rows'].shape[1])
    table[numbers['token_rows']] = numbers['token_embedding_rows']
    embeddings = table[numbers['tokenized_prompts']]
    return {
        'prompt_learner.token_prefix': embeddings[:, :1],
        'prompt_learner.token_suffix': embeddings[:, 1 + prompt_length :],
    }


def ga2_content(numbers: dict[str, Tensor]) -> dict:
    """A checkpoint of the released GA2-CLIP."""
    learnt = {
        key.removeprefix('learned/'): value for key, value in numbers.items() if key.startswith('learned/')
    }
    return {
        'epoch': 3,
        'model_state_dict': {**towers(numbers), **learnt, **class_buffers(numbers, 6)},
        'fusion_model_state_dict': {},
        'optimizer_state_dict': {},
    }


def vifi_content(numbers: dict[str, Tensor]) -> dict:
    """A checkpoint of ViFi-CLIP with the coupled prompt as input prompt, so its logits are GA2-CLIP's."""
    state_dict = ga2_content(numbers)['model_state_dict']
    both = torch.cat([numbers['hard_prompt'], state_dict.pop('prompt_learner.ctx_VPT')], dim=-1)
    weight, bias = state_dict.pop(f'{MAPPING}.weight'), state_dict.pop(f'{MAPPING}.bias')
    state_dict['prompt_learner.ctx'] = torch.relu(both @ weight.t() + bias)
    return {'model': {f'module.{key}': value for key, value in state_dict.items()}, 'epoch': 3}


def cosine_logits(model: CLIPRecognizer, numbers: dict[str, Tensor], class_names: list[str]) -> Tensor:
    clips, frames = (int(value) for value in numbers['geometry'][-2:])
    inputs = numbers['frames'][: clips * frames].unflatten(0, (clips, 1, frames)).transpose(2, 3)
    model.set_classes(class_names)
    with torch.no_grad():
        logits, _ = model.extract_feat(inputs, stage='head')
    return logits / model.backbone.logit_scale


def relative_error(value: Tensor, stored: Tensor) -> float:
    assert value.shape == stored.shape
    return float((value - stored).abs().max() / stored.abs().max())


def error_of(*args) -> str:
    """The error line of a converter."""
    with pytest.raises(SystemExit) as error:
        running.tool(*args)
    line = str(error.value)
    assert line.startswith('error: ') and '\n' not in line, line
    return line


# GA2-CLIP


def test_a_converted_ga2_clip_gives_the_releases_logits(numbers, class_names, converted):
    model = load(converted / 'config.py', converted / 'out' / 'ga2.pth')
    logits = cosine_logits(model, numbers, class_names)
    assert relative_error(logits, numbers['out/eval/cosine_logits']) < TOLERANCE


def test_nothing_but_the_two_files_is_left(converted):
    assert sorted(path.name for path in (converted / 'out').iterdir()) == ['clip.safetensors', 'ga2.pth']


def test_a_converted_checkpoint_holds_what_was_learnt(numbers, converted):
    state_dict = torch.load(converted / 'out' / 'ga2.pth', weights_only=True)['state_dict']
    learnt = sum(value.numel() for key, value in numbers.items() if key.startswith('learned/'))
    identity = state_dict.pop('backbone._extra_state')
    assert sum(value.numel() for value in state_dict.values()) == learnt + numbers['hard_prompt'].numel()
    assert all(key.startswith('cls_head.') for key in state_dict) and identity.dtype == torch.uint8


def test_the_written_clip_still_knows_which_tokens_were_trained(numbers, converted):
    weights = read_weights(converted / 'out' / 'clip.safetensors')
    assert weights.quick_gelu is True
    assert torch.equal(weights.known_tokens.long(), numbers['token_rows'])


def test_half_precision_of_several_gpus_becomes_float32(numbers, origin, hard_prompt, tmp_path):
    content = ga2_content(numbers)
    state_dict = content['model_state_dict']
    content['model_state_dict'] = {f'module.{key}': value.half() for key, value in state_dict.items()}
    head = convert_ga2(content, origin, hard_prompt, tmp_path).cls_head
    saved = torch.load(tmp_path / 'out' / 'ga2.pth', weights_only=True)['state_dict']
    prompt = saved['cls_head.text_prompt.soft_prompt']
    assert prompt.dtype == torch.float32 and torch.equal(prompt, head.text_prompt.soft_prompt)
    assert torch.equal(prompt[1], state_dict[DEEPER_TEXT].half().float())


def without(name: str) -> Callable[[dict], None]:
    return lambda content: content['model_state_dict'].pop(name)


def with_tensor(name: str, shape: tuple[int, ...] = (2,)) -> Callable[[dict], None]:
    return lambda content: content['model_state_dict'].update({name: torch.zeros(shape)})


GA2_FLAWS = {
    'unknown part': (with_tensor('adapter.weight'), '1 unknown tensors, such as adapter.weight'),
    'unknown prompt': (with_tensor('prompt_learner.extra'), 'such as prompt_learner.extra'),
    'gap between layers': (without(DEEPER_TEXT), None),
    'unknown tower part': (with_tensor('image_encoder.adapter'), 'visual.adapter is unknown'),
    'tower part missing': (without('image_encoder.proj'), 'visual.proj is missing'),
    'tower missing': (without('image_encoder.conv1.weight'), 'visual.conv1.weight'),
    'mapping missing': (without(f'{MAPPING}.bias'), 'mapping.0.bias is missing'),
    'soft prompt missing': (without('prompt_learner.ctx_VPT'), DEEPER_TEXT),
    'width': (with_tensor('prompt_learner.ctx_VPT', (6, 32)), '(6, 32), (6, 64)'),
    'length': (with_tensor('image_encoder.VPT', (3, 64)), '(3, 64), (5, 64)'),
    'fusion': (lambda content: content.update(fusion_model_state_dict={'a': torch.ones(1)}), 'fusion_model'),
}


@pytest.mark.parametrize('flaw', GA2_FLAWS)
def test_a_ga2_clip_checkpoint_with_other_tensors_is_refused(flaw, numbers, origin, hard_prompt, tmp_path):
    spoil, named = GA2_FLAWS[flaw]
    content = ga2_content(numbers)
    if flaw == 'gap between layers':
        named = DEEPER_TEXT.replace('1', '2')
        content['model_state_dict'][named] = content['model_state_dict'][DEEPER_TEXT]
    spoil(content)
    torch.save(content, tmp_path / 'released.pt')
    out = tmp_path / 'out'
    options = ['--clip', origin, '--clip-out', out / 'clip.safetensors', '--hard-prompt', hard_prompt]
    line = error_of('convert/ga2_clip.py', tmp_path / 'released.pt', out / 'ga2.pth', *options)
    assert 'released.pt' in line and named in line
    assert not out.exists() or not list(out.iterdir())


def test_a_hard_prompt_of_another_length_is_refused(numbers, origin, tmp_path):
    torch.save(ga2_content(numbers), tmp_path / 'released.pt')
    prompt = tmp_path / 'short.pt'
    torch.save({'model_state_dict': {'prompt_learner.ctx_VPT': numbers['hard_prompt'][:4]}}, prompt)
    options = ['--clip', origin, '--clip-out', tmp_path / 'clip.safetensors', '--hard-prompt', prompt]
    line = error_of('convert/ga2_clip.py', tmp_path / 'released.pt', tmp_path / 'ga2.pth', *options)
    assert 'hard_prompt has shape (4, 64), not (6, 64)' in line
    assert not (tmp_path / 'ga2.pth').exists() and not (tmp_path / 'clip.safetensors').exists()


def test_the_token_table_of_another_clip_is_refused(numbers, origin, hard_prompt, tmp_path):
    content = ga2_content(numbers)
    content['model_state_dict']['prompt_learner.token_prefix'] += 1
    torch.save(content, tmp_path / 'released.pt')
    options = ['--clip', origin, '--clip-out', tmp_path / 'clip.safetensors', '--hard-prompt', hard_prompt]
    line = error_of('convert/ga2_clip.py', tmp_path / 'released.pt', tmp_path / 'ga2.pth', *options)
    assert 'origin.safetensors is not the CLIP that' in line and 'released.pt' in line


# ViFi-CLIP


@pytest.fixture
def yacs_config(monkeypatch) -> dict:
    """A config of the class that ViFi-CLIP saves in its checkpoints."""
    node = type('CfgNode', (dict,), {'__module__': 'yacs.config'})
    module = type(sys)('yacs.config')
    module.CfgNode = node
    monkeypatch.setitem(sys.modules, 'yacs', type(sys)('yacs'))
    monkeypatch.setitem(sys.modules, 'yacs.config', module)
    config = node(MODEL=node(ARCH='ViT-B/16'))
    config.__dict__['__immutable__'] = True
    return config


def test_converted_vifi_prompts_give_the_logits(numbers, class_names, origin, yacs_config, tmp_path):
    torch.save({**vifi_content(numbers), 'config': yacs_config}, tmp_path / 'vifi.pth')
    out, clip_out = tmp_path / 'prompts.pth', tmp_path / 'clip.safetensors'
    args = [tmp_path / 'vifi.pth', out, '--clip', origin, '--clip-out', clip_out]
    config = Config.fromstring(convert('vifi_clip', *args), '.py')
    assert config.model.cls_head.text_prompt == dict(type='DeepPrompt', length=6, depth=2)
    assert config.model.cls_head.vision_prompt == dict(type='DeepPrompt', length=5, depth=2)
    logits = cosine_logits(load(config, out), numbers, class_names)
    assert relative_error(logits, numbers['out/eval/cosine_logits']) < TOLERANCE


def test_a_tuned_vifi_clip_becomes_a_backbone(numbers, class_names, origin, tmp_path):
    texts = class_buffers(numbers, 0)['prompt_learner.token_prefix'].expand(-1, 77, -1)
    content = {'model': {**towers(numbers), 'prompt_learner.complete_text_embeddings': texts}}
    torch.save(content, tmp_path / 'vifi.pth')
    clip_out = tmp_path / 'clip.safetensors'
    args = [tmp_path / 'vifi.pth', '--clip', origin, '--clip-out', clip_out]
    config = Config.fromstring(convert('vifi_clip', *args), '.py')
    clip = load(config).backbone
    sentences = [f'a video of a person {name.replace("_", " ")}.' for name in class_names]
    with torch.no_grad():
        frames, classes = clip.encode_frames(numbers['frames']), clip.encode_tokens(clip.tokenize(sentences))
    stored = numbers['out/zero_shot/frame_features'].flatten(0, 1)
    assert relative_error(frames, stored) < TOLERANCE
    assert relative_error(classes, numbers['out/zero_shot/class_features']) < TOLERANCE


def test_prompts_need_a_file_and_a_clip_alone_has_none(numbers, origin, tmp_path):
    options = ['--clip', origin, '--clip-out', tmp_path / 'clip.safetensors']
    torch.save(vifi_content(numbers), tmp_path / 'prompts.pt')
    assert 'prompts.pt has prompts' in error_of('convert/vifi_clip.py', tmp_path / 'prompts.pt', *options)
    torch.save({'model': towers(numbers)}, tmp_path / 'tuned.pt')
    line = error_of('convert/vifi_clip.py', tmp_path / 'tuned.pt', tmp_path / 'out.pth', *options)
    assert 'tuned.pt has no prompts' in line
    assert not list(tmp_path.glob('clip*')) and not list(tmp_path.glob('out*'))


def test_a_ga2_clip_checkpoint_is_none_of_vifi_clip(numbers, origin, tmp_path):
    torch.save(ga2_content(numbers), tmp_path / 'released.pt')
    options = ['--clip', origin, '--clip-out', tmp_path / 'clip.safetensors']
    line = error_of('convert/vifi_clip.py', tmp_path / 'released.pt', tmp_path / 'out.pth', *options)
    assert 'unknown tensors' in line and 'prompt_learner.ctx_VPT' in line


def test_code_in_the_place_of_a_config_is_not_run(numbers, origin, tmp_path):
    class RunsCode:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'executed',)

    torch.save({**vifi_content(numbers), 'config': RunsCode()}, tmp_path / 'hostile.pth')
    options = ['--clip', origin, '--clip-out', tmp_path / 'clip.safetensors']
    line = error_of('convert/vifi_clip.py', tmp_path / 'hostile.pth', tmp_path / 'out.pth', *options)
    assert 'hostile.pth is not a checkpoint' in line
    assert not (tmp_path / 'executed').exists()


# OpenAI's CLIP


def test_openais_archive_becomes_safetensors_of_the_same_clip(origin, tmp_path):
    module = torch.nn.Module()
    tensors = {key: value.half() for key, value in read_weights(origin).state_dict.items()}
    tensors['input_resolution'] = torch.tensor(32)
    for key, value in tensors.items():
        *parents, name = key.split('.')
        parent = module
        for part in parents:
            if not hasattr(parent, part):
                parent.add_module(part, torch.nn.Module())
            parent = getattr(parent, part)
        parent.register_buffer(name, value)
    module.forward = lambda x: x
    torch.jit.trace(module, torch.zeros(1)).save(str(tmp_path / 'openai.pt'))

    out = tmp_path / 'clip.safetensors'
    config = convert('openai_clip', tmp_path / 'openai.pt', out)
    backbone = Config.fromstring(config, '.py').model.backbone
    with safe_open(out, framework='pt') as file:
        assert file.metadata()['quick_gelu'] == 'true'
        assert file.get_tensor('visual.proj').dtype == torch.float16
        assert set(file.keys()) == tensors.keys() - {'input_resolution'}
    archive = OpenCLIP(backbone.arch, str(tmp_path / 'openai.pt'))
    assert OpenCLIP(backbone.arch, str(out)).identity == archive.identity


def test_weights_that_may_not_be_openais_are_refused(numbers, tmp_path):
    torch.save(clip_weights(numbers), tmp_path / 'weights.pt')
    line = error_of('convert/openai_clip.py', tmp_path / 'weights.pt', tmp_path / 'clip.safetensors')
    assert "weights.pt does not say that it is OpenAI's" in line


def test_a_clip_without_vision_transformer_is_refused(tmp_path):
    content = {'visual.conv1.weight': torch.zeros(32, 3, 3, 3), 'input_resolution': torch.tensor(224)}
    torch.save(content, tmp_path / 'resnet.pt')
    line = error_of('convert/openai_clip.py', tmp_path / 'resnet.pt', tmp_path / 'clip.safetensors')
    assert 'resnet.pt holds no CLIP with a vision transformer' in line


@pytest.mark.parametrize('name', ['ViT-B-16-quickgelu', 'ViT-L-14-336-quickgelu'])
def test_openais_architectures_are_named_by_their_shapes(name):
    from conversion import architecture

    with torch.device('meta'):
        model = open_clip.CLIP(**open_clip.get_model_config(name))
    assert architecture(model.state_dict(), Path('clip.pt')) == name


# Hard prompts


@pytest.mark.parametrize('layout', ['ga2mm', 'GA2-CLIP', 'hard prompt of the release', 'ViFi-CLIP'])
def test_hard_prompt_of_every_layout(layout, numbers, converted, hard_prompt, tmp_path):
    vifi = vifi_content(numbers)
    torch.save(vifi, tmp_path / 'vifi.pth')
    soft = numbers['learned/prompt_learner.ctx_VPT']
    checkpoint, prompt = {
        'ga2mm': (converted / 'out' / 'ga2.pth', soft),
        'GA2-CLIP': (converted / 'released.pt', soft),
        'hard prompt of the release': (hard_prompt, numbers['hard_prompt']),
        'ViFi-CLIP': (tmp_path / 'vifi.pth', vifi['model']['module.prompt_learner.ctx']),
    }[layout]
    shape, out = tuple(prompt.shape), tmp_path / 'prompt.safetensors'
    backbone = Config.fromfile(converted / 'config.py').model.backbone
    identity = OpenCLIP(backbone.arch, backbone.weights).identity

    running.tool('convert/hard_prompt.py', checkpoint, out)
    assert torch.equal(read_hard_prompt(out, shape), prompt)
    if layout == 'ga2mm':
        assert torch.equal(read_hard_prompt(out, shape, identity), prompt)
    else:
        with pytest.raises(ValueError, match="'unknown'.*allow_other_clip=True"):
            read_hard_prompt(out, shape, identity)

    running.tool('convert/hard_prompt.py', checkpoint, out, '--config', converted / 'config.py')
    assert torch.equal(read_hard_prompt(out, shape, identity), prompt)


def test_a_config_of_another_clip_than_the_checkpoints_is_refused(converted, tmp_path):
    config, out = running.CONFIGS / 'miniature_zero_shot.py', tmp_path / 'prompt.safetensors'
    line = error_of('convert/hard_prompt.py', converted / 'out' / 'ga2.pth', out, '--config', config)
    assert 'ga2.pth belongs to CLIP' in line
    assert not out.exists()
