"""The coupling of hard and soft prompts."""

import pytest
import torch
from safetensors.torch import save_file

from ga2mm.models import HardPromptCoupling
from ga2mm.models.prompts.hard_prompt_file import read_hard_prompt, write_hard_prompt
from tests.helpers.hard_prompts import LENGTH, WIDTH, coupled

NAMES = ('walk', 'climb stairs', 'drink')


def make_coupling(hard_prompt: str, clip, dropout: float = 0.5) -> HardPromptCoupling:
    return HardPromptCoupling(hard_prompt, dropout, length=LENGTH, width=WIDTH, clip_identity=clip.identity)


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
