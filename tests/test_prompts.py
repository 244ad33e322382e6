import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.models import DeepPrompt, HardPromptCoupling
from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt, write_hard_prompt

LENGTH, WIDTH = 2, 64
NAMES = ('walk', 'climb stairs', 'drink')


@pytest.fixture
def hard_prompt(clip, tmp_path) -> str:
    path = tmp_path / 'hard_prompt.safetensors'
    write_hard_prompt(path, torch.randn(LENGTH, WIDTH), clip.identity, 'a run')
    return str(path)


def coupled(hard_prompt: str, **arguments) -> dict:
    return dict(
        text_prompt=dict(type='DeepPrompt', length=LENGTH, depth=2),
        coupling=dict(type='HardPromptCoupling', hard_prompt=hard_prompt, **arguments),
    )


def make_coupling(hard_prompt: str, clip, dropout: float = 0.5) -> HardPromptCoupling:
    return HardPromptCoupling(hard_prompt, dropout, length=LENGTH, width=WIDTH, clip_identity=clip.identity)


def frames(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def save_checkpoint(path: Path, model) -> Path:
    torch.save({'state_dict': model.state_dict(), 'meta': {'epoch': 1}}, path)
    return path


# Deep prompts


@pytest.mark.parametrize('depth', [0, 1, 3])
def test_deep_prompt_gives_one_tensor_per_prompted_layer(depth):
    prompts = DeepPrompt(4, depth, width=8, layers=3)()
    assert [tuple(prompt.shape) for prompt in prompts] == [(4, 8)] * depth


@pytest.mark.parametrize(('length', 'depth'), [(4, 4), (4, -1), (0, 2)])
def test_deep_prompt_that_does_not_fit_is_refused(length, depth):
    with pytest.raises(ValueError, match=f'depth {depth} and length {length} .* 3 layers'):
        DeepPrompt(length, depth, width=8, layers=3)


def test_random_start_has_the_released_spread():
    torch.manual_seed(0)
    values = DeepPrompt(16, 9, width=768, layers=12).soft_prompt.detach()
    assert float(values.std()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(values.mean())) < 1e-3


def test_each_tower_has_a_depth_of_its_own(make_recognizer):
    model = make_recognizer(
        head=dict(
            vision_prompt=dict(type='DeepPrompt', length=3, depth=1),
            text_prompt=dict(type='DeepPrompt', length=2, depth=3),
        )
    )
    assert model.cls_head.vision_prompt.soft_prompt.shape == (1, 3, 64)
    assert model.cls_head.text_prompt.soft_prompt.shape == (3, 2, 64)
    features = model.backbone.encode_frames(frames(), model.cls_head.vision_prompt())
    loss = features.sum() + model.cls_head.text_encoder.encode(NAMES).square()[0, :3].sum()
    loss.backward()
    for prompt in (model.cls_head.vision_prompt, model.cls_head.text_prompt):
        assert (prompt.soft_prompt.grad.abs().amax(dim=-1) > 0).all()


def test_a_tower_of_another_depth_is_refused_when_built(make_recognizer):
    with pytest.raises(ValueError, match='a tower of 3 layers'):
        make_recognizer(head=dict(vision_prompt=dict(type='DeepPrompt', length=3, depth=4)))


@pytest.mark.parametrize('tower', ['vision', 'text'])
def test_each_layers_prompt_changes_the_feature(tower, clip):
    def encode(prompts):
        if tower == 'vision':
            return clip.encode_frames(frames(), prompts)
        return clip.encode_tokens(clip.tokenize(NAMES, LENGTH), prompts)

    prompts = torch.randn(3, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))
    expected = encode(list(prompts))
    for layer in range(3):
        changed = prompts.clone()
        changed[layer] += 1
        changed[layer, :, ::2] -= 3
        assert not torch.allclose(encode(list(changed)), expected, atol=1e-3), layer


def test_none_leaves_the_prompt_of_the_layer_before(clip):
    prompt = torch.randn(LENGTH, WIDTH)
    given, none = clip.encode_frames(frames(), [prompt]), clip.encode_frames(frames(), [prompt, None, None])
    assert torch.equal(given, none)
    assert not torch.allclose(given, clip.encode_frames(frames(), [prompt, prompt]), atol=1e-3)


def test_prompts_may_differ_between_sequences(clip):
    prompts = torch.randn(3, LENGTH, WIDTH)
    together = clip.encode_tokens(clip.tokenize(NAMES, LENGTH), [prompts])
    for index, name in enumerate(NAMES):
        alone = clip.encode_tokens(clip.tokenize([name], LENGTH), [prompts[index]])
        torch.testing.assert_close(together[index], alone[0], rtol=1e-4, atol=1e-5)


def test_a_text_tower_of_depth_0_is_the_frozen_one(make_recognizer):
    template = 'a video of a person {}.'
    prompt = dict(type='DeepPrompt', length=2, depth=0, init_words='a video of a person')
    model = make_recognizer(head=dict(text_prompt=prompt, template=template))
    torch.testing.assert_close(
        model.cls_head.text_encoder.encode(NAMES),
        model.backbone.frozen_text_features([template.format(name) for name in NAMES]),
    )


def test_a_vision_tower_of_depth_0_is_the_frozen_one(make_recognizer):
    model = make_recognizer(head=dict(vision_prompt=dict(type='DeepPrompt', length=2, depth=0)))
    clip = model.backbone
    prompted = clip.encode_frames(frames(), model.cls_head.vision_prompt())
    assert torch.equal(prompted, clip.encode_frames(frames()))


# Words to start from


@pytest.mark.parametrize('kept', [0, 2])
def test_init_words_start_where_the_words_are(kept, make_recognizer):
    words = 'a video of a person'
    prompt = dict(type='DeepPrompt', length=5 - kept, depth=1, init_words=words)
    model = make_recognizer(head=dict(text_prompt=prompt, class_names=NAMES))
    clip, head = model.backbone, model.cls_head
    tokens = clip.tokenize([words])[0, 1 : 6 - kept]
    assert torch.equal(head.text_prompt.soft_prompt[0], clip.text_tower.token_embedding(tokens))
    torch.testing.assert_close(
        head.text_encoder.encode(NAMES),
        clip.frozen_text_features([f'{words} {name}.' for name in NAMES]),
    )


def test_init_words_that_do_not_fit_are_refused(make_recognizer):
    prompt = dict(type='DeepPrompt', length=3, depth=1, init_words='a video')
    with pytest.raises(ValueError, match="'a video' are 2 tokens, too few for a prompt of length 3"):
        make_recognizer(head=dict(text_prompt=prompt))
    with pytest.raises(ValueError, match='more than one token'):
        make_recognizer(head=dict(text_prompt=dict(prompt, init_words='a supercalifragilistic video of')))


def test_a_vision_prompt_has_no_words_to_start_from(make_recognizer):
    prompt = dict(type='DeepPrompt', length=2, depth=1, init_words='a video')
    with pytest.raises(ValueError, match="'a video' are for the text prompt only"):
        make_recognizer(head=dict(vision_prompt=prompt))


# Coupled prompts


def test_coupled_prompt_is_the_mapping_of_hard_and_soft(hard_prompt, clip):
    coupling = make_coupling(hard_prompt, clip).eval().requires_grad_(False)
    weight, bias = coupling.mapping[0].weight, coupling.mapping[0].bias
    assert weight.shape == (WIDTH, 2 * WIDTH)
    hard = read_hard_prompt(hard_prompt, (LENGTH, WIDTH))
    soft = torch.randn(2, LENGTH, WIDTH)
    by_hand = torch.zeros(LENGTH, WIDTH)
    for token in range(LENGTH):
        features = [*hard[token], *soft[0, token]]
        for out in range(WIDTH):
            value = bias[out] + sum(
                w * x for w, x in zip(weight[out].tolist(), map(float, features), strict=True)
            )
            by_hand[token, out] = max(float(value), 0)
    first, second = coupling(list(soft))
    torch.testing.assert_close(first, by_hand, rtol=1e-4, atol=1e-5)
    assert torch.equal(second, soft[1])


def test_prompts_of_clips_or_classes_are_each_coupled_to_the_hard_prompt(hard_prompt, clip):
    coupling = make_coupling(hard_prompt, clip).eval()
    of_each, deeper = torch.randn(5, LENGTH, WIDTH), torch.randn(5, LENGTH, WIDTH)
    together, unchanged, none = coupling([of_each, deeper, None])
    for alone, prompt in zip(together, of_each, strict=True):
        torch.testing.assert_close(alone, coupling([prompt])[0])
    assert unchanged is deeper and none is None


def test_dropout_acts_in_training_only(hard_prompt, clip):
    coupling, soft = make_coupling(hard_prompt, clip, dropout=0.5), [torch.randn(LENGTH, WIDTH)]
    kept = coupling.eval()(soft)[0]
    assert torch.equal(kept, coupling(soft)[0])
    dropped = coupling.train()(soft)[0]
    assert ((dropped == 0) | torch.isclose(dropped, 2 * kept)).all()
    assert 0 < int(((dropped == 0) & (kept > 0)).sum()) < int((kept > 0).sum())


def test_hard_prompt_is_in_the_checkpoint_and_learns_nothing(hard_prompt, make_recognizer):
    model = make_recognizer(head=coupled(hard_prompt, dropout=0.0))
    head = model.cls_head
    before = head.coupling.hard_prompt.clone()
    head.text_encoder.encode(NAMES).square()[0, :5].sum().backward()
    assert not head.coupling.hard_prompt.requires_grad
    assert head.coupling.hard_prompt.grad is None
    assert torch.equal(head.coupling.hard_prompt, before)
    learnt = [*head.text_prompt.named_parameters(), *head.coupling.named_parameters()]
    for name, parameter in learnt:
        assert parameter.grad.abs().sum() > 0, name
    assert {name for name, _ in learnt} == {'soft_prompt', 'mapping.0.weight', 'mapping.0.bias'}
    assert torch.equal(model.state_dict()['cls_head.coupling.hard_prompt'], before)


@pytest.mark.parametrize('text_prompt', [None, dict(type='DeepPrompt', length=LENGTH, depth=0)], ids=str)
def test_without_a_prompt_of_the_input_layer_there_is_nothing_to_couple(
    text_prompt, hard_prompt, make_recognizer
):
    with pytest.raises(ValueError, match='there is none: set cls_head.text_prompt .*depth 1 or more'):
        make_recognizer(head=dict(coupled(hard_prompt), text_prompt=text_prompt))


def test_an_unknown_argument_of_the_coupling_is_named(hard_prompt, make_recognizer):
    with pytest.raises(TypeError, match="HardPromptCoupling.*'drop_out'"):
        make_recognizer(head=coupled(hard_prompt, drop_out=0.1))


def test_a_checkpoint_replaces_a_missing_hard_prompt(hard_prompt, make_recognizer, tmp_path):
    trained = make_recognizer(head=coupled(hard_prompt)).eval()
    model = make_recognizer(head=coupled(str(tmp_path / 'gone.safetensors')), seed=1).eval()
    with pytest.raises(FileNotFoundError, match=r'gone\.safetensors .*coupling\.hard_prompt'):
        model.cls_head.text_encoder.encode(NAMES)
    model.load_state_dict(trained.state_dict())
    torch.testing.assert_close(
        model.cls_head.text_encoder.encode(NAMES),
        trained.cls_head.text_encoder.encode(NAMES),
    )


@pytest.mark.parametrize('shape', [(LENGTH, WIDTH // 2), (LENGTH + 1, WIDTH), (WIDTH,)])
def test_a_hard_prompt_of_another_shape_is_refused(shape, clip, make_recognizer, tmp_path):
    path = tmp_path / 'other.safetensors'
    write_hard_prompt(path, torch.zeros(shape), clip.identity, 'a run')
    with pytest.raises(ValueError, match=r'other.safetensors has length and width .* needs \(2, 64\)'):
        make_recognizer(head=coupled(str(path)))


@pytest.mark.parametrize('coupling', ['HardPromptCoupling', 'ga2mm.HardPromptCoupling', HardPromptCoupling])
def test_a_hard_prompt_of_another_clip_is_refused_unless_allowed(
    coupling, arch, clip, hard_prompt, make_recognizer
):
    other = dict(type='OpenCLIP', arch=dict(arch, quick_gelu=True), pretrained='random')
    head = coupled(hard_prompt)
    head['coupling']['type'] = coupling
    with pytest.raises(ValueError, match='was learnt on CLIP .*allow_other_clip=True') as error:
        make_recognizer(head=head, backbone=other)
    assert clip.identity in str(error.value)
    head['coupling']['allow_other_clip'] = True
    model = make_recognizer(head=head, backbone=other)
    stored = read_hard_prompt(hard_prompt, (LENGTH, WIDTH))
    assert torch.equal(model.cls_head.coupling.hard_prompt, stored)


def test_a_hard_prompt_without_an_identity_is_refused(make_recognizer, tmp_path):
    path = str(tmp_path / 'bare.safetensors')
    save_file({'hard_prompt': torch.zeros(LENGTH, WIDTH)}, path)
    with pytest.raises(ValueError, match='was learnt on CLIP None'):
        make_recognizer(head=coupled(path))


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


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
    with pytest.raises(ValueError, match='hostile.safetensors is no hard prompt'):
        read_hard_prompt(path, (LENGTH, WIDTH))
    assert not trace.exists()


# From a run to a hard prompt


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
