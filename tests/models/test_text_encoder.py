"""Templates of the text encoder."""

import pytest
import torch
import torch.nn.functional as F

from tests.helpers.models import NAMES


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
