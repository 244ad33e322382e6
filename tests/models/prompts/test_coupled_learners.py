"""The coupling of GA2-CLIP in the prompt learners of other methods."""

from pathlib import Path

import pytest
import torch

from ga2mm.models import VideoTokens
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from tests.helpers.models import NAMES, gradients, largest, make_clips, make_samples, predict

LEARNERS = {
    'deep': dict(type='DeepPrompt', length=2, depth=2),
    'context': dict(type='ContextPrompt', length=2),
    'contexts of classes': dict(type='ContextPrompt', length=2, class_names=NAMES),
    'conditional': dict(type='ConditionalPrompt', length=2),
    'retrieval': dict(type='AttributeRetrieval', num_clusters=2, pool_size=6),
}
learners = pytest.mark.parametrize('learner', LEARNERS.values(), ids=LEARNERS)


def write_hard_prompt_of(clip, folder: Path, length: int = 2) -> str:
    path = folder / 'hard_prompt.safetensors'
    write_hard_prompt(path, torch.randn(length, 64), clip.identity, 'a run')
    return str(path)


def plug_in(learner: dict, hard_prompt: str) -> dict:
    return dict(text_prompt=learner, coupling=dict(type='HardPromptCoupling', hard_prompt=hard_prompt))


@learners
def test_the_input_layers_prompts_of_any_learner_are_coupled(learner, clip, make_recognizer, tmp_path):
    model = make_recognizer(head=plug_in(learner, write_hard_prompt_of(clip, tmp_path))).eval()
    head = model.cls_head
    tokens = VideoTokens(torch.randn(5, 32), torch.randn(5, 2, 32), list(torch.randn(3, 5, 32, 64)))
    condition = head.text_prompt.condition(tokens)
    first, *deeper = head.text_prompt(NAMES, condition)
    coupled, *unchanged = head.text_encoder.prompts(NAMES, condition)
    linear, hard = head.coupling.mapping[0], head.coupling.hard_prompt
    half = linear.weight.shape[1] // 2
    expected = hard @ linear.weight[:, :half].t() + first @ linear.weight[:, half:].t() + linear.bias
    torch.testing.assert_close(coupled, expected.relu())
    assert len(unchanged) == len(deeper) == head.text_prompt.depth - 1
    assert all(torch.equal(*pair) for pair in zip(unchanged, deeper, strict=True))


@learners
def test_a_coupled_learner_trains_and_its_scores_do_not_depend_on_the_batch(
    learner, clip, make_recognizer, tmp_path
):
    model = make_recognizer(head=plug_in(learner, write_hard_prompt_of(clip, tmp_path)))
    losses = model(make_clips(4), make_samples(0, 1, 2, 0), mode='loss')
    found = gradients(model, sum(value for key, value in losses.items() if 'loss' in key))
    assert largest(found, 'coupling.mapping.0.weight') > 0 and largest(found, 'text_prompt') > 0
    scores = predict(model, make_clips(4))
    torch.testing.assert_close(predict(model, make_clips(4)[[2, 0]]), scores[[2, 0]], rtol=1e-4, atol=1e-5)


@learners
def test_a_checkpoint_of_a_coupled_learner_needs_no_file(learner, clip, make_recognizer, tmp_path):
    trained = make_recognizer(head=plug_in(learner, write_hard_prompt_of(clip, tmp_path)))
    other = make_recognizer(head=plug_in(learner, 'gone.safetensors'), seed=1)
    other.load_state_dict(trained.state_dict())
    torch.testing.assert_close(predict(other, make_clips()), predict(trained, make_clips()))


@learners
def test_a_hard_prompt_of_another_length_than_the_learners_is_refused(
    learner, clip, make_recognizer, tmp_path
):
    hard_prompt = write_hard_prompt_of(clip, tmp_path, length=3)
    with pytest.raises(ValueError, match=r'length and width \(3, 64\), but text_prompt needs \(2, 64\)'):
        make_recognizer(head=plug_in(learner, hard_prompt))
