"""Templates of the text encoder."""

import copy

import pytest
import torch
import torch.nn.functional as F

from tests.helpers import running
from tests.helpers.models import NAMES
from tests.helpers.objectives import FEATURE_CONSISTENCY, loss_and_gradients, save_of_rank


def test_templates_are_averaged_before_the_unit_length(make_recognizer):
    templates = ['a video of {}.', '{} in a drawing of the moon.', 'a photo of a person who does {}.']
    model = make_recognizer(head=dict(text_prompt=None, template=templates))
    clip = model.backbone
    raw = [clip.encode_tokens(clip.tokenize([t.format(name) for name in NAMES])) for t in templates]
    expected = F.normalize(torch.stack(raw).mean(dim=0), dim=-1)
    torch.testing.assert_close(model.cls_head.text_encoder.encode(NAMES), expected)
    scaled = F.normalize(torch.stack([F.normalize(one, dim=-1) for one in raw]).mean(dim=0), dim=-1)
    assert (scaled - expected).abs().max() > 1e-5


@pytest.mark.parametrize('template', [[], ['a video of {}.', 'a video'], 'a {} {}'], ids=str)
def test_templates_without_one_place_for_the_name_are_refused(template, make_recognizer):
    with pytest.raises(ValueError, match='cls_head.template=.* must contain {} once'):
        make_recognizer(head=dict(template=template))


@pytest.mark.parametrize('prompt', ['DeepPrompt', 'ContextPrompt', 'ConditionalPrompt'])
def test_shares_of_the_texts_give_the_losses_and_gradients_of_one_process(prompt, make_recognizer, tmp_path):
    text_prompt = {
        'DeepPrompt': dict(type='DeepPrompt', length=2, depth=2),
        'ContextPrompt': dict(type='ContextPrompt', length=2, class_names=[*NAMES, 'else', 'nothing']),
        'ConditionalPrompt': dict(type='ConditionalPrompt', length=2),
    }[prompt]
    model = make_recognizer(head=dict(text_prompt=text_prompt, shard_texts=True), anchors=FEATURE_CONSISTENCY)
    running.in_two_processes(save_of_rank, copy.deepcopy(model), tmp_path)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    for name, value in loss_and_gradients(model, list(range(8))).items():
        shared = first[name] if 'loss' not in name else (first[name] + second[name]) / 2
        torch.testing.assert_close(shared, value, rtol=1e-5, atol=1e-5)
    assert len(first) >= 4


def test_each_process_encodes_its_share_only(make_recognizer, tmp_path):
    model = make_recognizer(head=dict(shard_texts=True), anchors=FEATURE_CONSISTENCY)
    running.in_two_processes(_save_texts, model, tmp_path)
    names = len(NAMES) + 2  # and the two negatives
    assert [torch.load(tmp_path / f'{rank}.pth') for rank in range(2)] == [-(-names // 2)] * 2


def _save_texts(rank, model, folder):
    """Save how many texts this process encodes in a training step."""
    texts = []
    model.backbone.text_tower.ln_final.register_forward_hook(
        lambda module, args, output: texts.append(output.shape[1]) if output.requires_grad else None
    )
    loss_and_gradients(torch.nn.parallel.DistributedDataParallel(model), [[0, 1, 4, 5], [2, 3, 6, 7]][rank])
    torch.save(sum(texts), folder / f'{rank}.pth')
