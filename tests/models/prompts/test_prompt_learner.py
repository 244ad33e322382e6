"""Inputs that a prompt learner may request."""

import torch

from ga2mm.models.prompts import DeepPrompt
from tests.helpers.models import gradients, largest, make_clips, make_samples, predict


class LayerPrompt(DeepPrompt):
    """Shifts the context by the mean patch token of the last vision layer."""

    uses = ('layers',)
    shared_depth = 0

    def __init__(self, length, *, width, layers, vision_width, vision_layers):
        super().__init__(length, 1, width=width, layers=layers)
        self.vision_layers = vision_layers
        self.linear = torch.nn.Linear(vision_width, width)

    def condition(self, videos):
        assert len(videos.layers) == self.vision_layers == 3
        assert all(layer.shape == (len(videos.features), 2 * 16, 64) for layer in videos.layers)
        return videos.layers[-1].mean(dim=1)

    def forward(self, names, condition):
        return [self.soft_prompt[0] + self.linear(condition)[:, None, None]]


def test_a_learner_that_asks_for_them_gets_the_patch_tokens_of_all_frames(make_recognizer):
    model = make_recognizer(head=dict(text_prompt=dict(type=LayerPrompt, length=2)))
    losses = model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert largest(gradients(model, losses['loss_cls']), 'linear.weight') > 0
    scores = predict(model, make_clips(3))
    torch.testing.assert_close(predict(model, make_clips(3)[[2, 0]]), scores[[2, 0]], rtol=1e-4, atol=1e-5)
