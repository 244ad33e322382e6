"""CoOp's contexts."""

import pytest
import torch

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from tests.helpers.models import NAMES, gradients, largest, make_clips, predict


@pytest.mark.parametrize(
    ('position', 'sentence'),
    [('end', 'a video of walk {}.'), ('middle', 'a video {} of walk.'), ('front', '{} a video of walk.')],
)
@pytest.mark.parametrize('own', [False, True])
def test_a_context_stands_where_it_is_told(position, sentence, own, make_recognizer):
    prompt = dict(type='ContextPrompt', length=4, init_words='a video of walk', class_position=position)
    if own:
        prompt['class_names'] = NAMES
    model = make_recognizer(head=dict(text_prompt=prompt))
    texts = model.cls_head.text_encoder.encode(NAMES)
    expected = model.backbone.frozen_text_features([sentence.format(name) for name in NAMES])
    torch.testing.assert_close(texts, expected)


def test_another_position_is_refused(make_recognizer):
    prompt = dict(type='ContextPrompt', length=4, class_position='back')
    with pytest.raises(ValueError, match="class_position='back': give 'end', 'middle', 'front'"):
        make_recognizer(head=dict(text_prompt=prompt))


def test_a_class_learns_its_own_context_and_no_other(make_recognizer):
    prompt = dict(type='ContextPrompt', length=2, class_names=NAMES)
    model = make_recognizer(head=dict(text_prompt=prompt))
    head = model.cls_head
    before = head.text_encoder.encode(NAMES)
    assert largest(gradients(model, before.square()[1, :3].sum()), 'class_contexts') > 0
    assert not head.text_prompt.class_contexts.grad[[0, 2]].any()
    with torch.no_grad():
        head.text_prompt.class_contexts[1].normal_()
    after = head.text_encoder.encode(NAMES[::-1])
    moved = (after.flip(0) - before).abs().amax(dim=1) > 1e-3
    assert moved.tolist() == [False, True, False]


def test_contexts_of_their_own_serve_no_novel_class_and_no_other_run(make_recognizer, tmp_path):
    (tmp_path / 'labels.csv').write_text('id,name\n0,walk\n1,climb stairs\n2,drink\n')
    prompt = dict(type='ContextPrompt', length=2, class_names=str(tmp_path / 'labels.csv'))
    model = make_recognizer(head=dict(text_prompt=prompt))
    assert predict(model, make_clips()).shape == (3, 3)
    model.set_classes(['walk', 'swim', 'dance'])
    with pytest.raises(ValueError, match="'swim' and 1 other names have no context: .* 3 classes"):
        predict(model, make_clips())
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match='has no soft prompt'):
        export_hard_prompt(tmp_path / 'epoch_1.pth', tmp_path / 'hard_prompt.safetensors')
