"""The retrieval of attribute prompts."""

import math

import pytest
import torch
import torch.nn.functional as F

from ga2mm.models import AttributeRetrieval, VideoTokens
from ga2mm.models.feature_cache import FeatureCache
from ga2mm.objectives import KeyLoss
from ga2mm.registry import MODELS
from tests.helpers.features import given, seeded

NAMES = ('walk', 'climb stairs', 'drink')
CLIPS, FRAMES = 4, 2


def retrieval(seed: int = 0, **arguments) -> AttributeRetrieval:
    """A retrieval for the tiny CLIP; its towers have 3 layers of width 64."""
    torch.manual_seed(seed)
    towers = dict(width=64, layers=3, vision_width=64, vision_layers=3)
    return AttributeRetrieval(**{**dict(num_clusters=3, pool_size=8), **towers, **arguments})


@pytest.fixture(scope='module')
def tokens(clip) -> VideoTokens:
    """Tokens of 4 clips of 2 frames, from the tiny CLIP's vision tower."""
    with torch.no_grad():
        features, layers = clip.encode_frames_and_layers(seeded(CLIPS * FRAMES, 3, 32, 32))
    features = features.unflatten(0, (CLIPS, FRAMES))
    layers = [layer.unflatten(0, (CLIPS, FRAMES)).flatten(1, 2) for layer in layers]
    return VideoTokens(F.normalize(features.mean(dim=1), dim=-1), features, layers)


def compose(prompt: AttributeRetrieval, condition) -> list[torch.Tensor]:
    """The prompts (clips, length, width) of each text layer."""
    return [layer[:, 0] for layer in prompt(NAMES, condition)]


def key_loss(condition) -> torch.Tensor:
    return KeyLoss()(given(condition=condition))


def change(tokens: VideoTokens, function) -> VideoTokens:
    return VideoTokens(tokens.features, tokens.frames, [function(layer) for layer in tokens.layers])


def encode(clip, prompts: list[torch.Tensor]) -> torch.Tensor:
    """Unit text features (clips, classes, embed_dim): every class with the prompts of every clip."""
    clips, length = prompts[0].shape[:2]
    texts = clip.tokenize(NAMES, length).repeat(clips, 1)
    prompts = [prompt.repeat_interleave(len(NAMES), dim=0) for prompt in prompts]
    return F.normalize(clip.encode_tokens(texts, prompts), dim=-1).unflatten(0, (clips, len(NAMES)))


def test_retrieval_keeps_float32_under_autocast(tokens):
    prompt = retrieval()
    with torch.autocast('cpu', torch.bfloat16):
        found = prompt.condition(tokens)
    assert torch.equal(found.similarities, prompt.condition(tokens).similarities)


def test_every_text_layer_gets_the_prompts_of_every_clip(tokens):
    prompt = MODELS.build(
        dict(
            type='AttributeRetrieval',
            num_clusters=3,
            prompt_length=2,
            top_k=2,
            width=64,
            layers=3,
            vision_width=64,
            vision_layers=3,
        )
    )
    assert prompt.length == 3 * 2 * 2
    layers = compose(prompt, prompt.condition(tokens))
    assert [tuple(layer.shape) for layer in layers] == [(CLIPS, 12, 64)] * 3
    assert {name: tuple(value.shape) for name, value in prompt.state_dict().items()} == {
        'keys': (3, 16, 64),
        'prompts': (3, 16, 2, 64),
    }


def test_a_cluster_retrieves_the_prompts_with_the_closest_keys():
    prompt = retrieval(num_clusters=2, top_k=2, pool_size=5, layers=1, vision_layers=1, vision_width=2)
    angles = torch.tensor([0.1, 1.5, 3.2, 0.4, 1.7])
    with torch.no_grad():
        prompt.keys[0] = 7 * torch.stack([angles.cos(), angles.sin()], dim=-1)
    patches = torch.tensor([[[9.0, 0.0], [1.0, 0.0], [0.0, 2.0]]])
    found = prompt.condition(VideoTokens(torch.ones(1, 1), torch.ones(1, 1, 1), [patches]))
    assert found.indices.tolist() == [[[0, 1, 3, 4]]]
    expected = [math.cos(0.1), math.cos(1.5 - math.pi / 2), math.cos(0.4), math.cos(1.7 - math.pi / 2)]
    assert found.similarities.flatten().tolist() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(compose(prompt, found)[0][0], prompt.prompts[0, [0, 1, 3, 4], 0])
    assert float(key_loss(found)) == pytest.approx(1 - sum(expected) / 4, abs=1e-5)


@pytest.mark.parametrize(
    ('text', 'vision', 'expected'),
    [
        (3, 3, [0, 1, 2]),
        (12, 12, list(range(12))),
        (12, 24, [0, 2, 4, 6, 8, 10, 13, 15, 17, 19, 21, 23]),
        (3, 2, [0, 0, 1]),
        (1, 4, [0]),
    ],
)
def test_vision_layers_are_spread_over_the_text_layers(text, vision, expected):
    assert retrieval(layers=text, vision_layers=vision).vision_layer_of == expected


def test_a_text_layer_looks_at_its_vision_layer_alone(tokens):
    prompt = retrieval()
    before = prompt.condition(tokens).similarities
    layers = [tokens.layers[0], tokens.layers[1].roll(1, dims=0), tokens.layers[2]]
    after = prompt.condition(VideoTokens(tokens.features, tokens.frames, layers)).similarities
    assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
    torch.testing.assert_close(after[:, 1], before[:, 1].roll(1, dims=0))
    assert not torch.allclose(after[:, 1], before[:, 1])


def test_a_clip_does_not_depend_on_the_others(tokens):
    prompt = retrieval()
    together = prompt.condition(tokens)
    assert len(set(prompt.cache_keys(together))) == CLIPS
    for place in range(CLIPS):
        alone = prompt.condition(change(tokens, lambda layer, place=place: layer[place : place + 1]))
        assert torch.equal(alone.indices[0], together.indices[place])
        torch.testing.assert_close(alone.similarities[0], together.similarities[place])


@pytest.mark.parametrize('unit', ['tokens', 'frames'])
def test_the_order_of_the_tokens_does_not_matter(unit, tokens):
    def shuffle(layer):
        if unit == 'frames':
            return layer.unflatten(1, (FRAMES, -1)).flip(1).flatten(1, 2)
        return layer[:, torch.randperm(layer.shape[1], generator=torch.Generator().manual_seed(0))]

    prompt = retrieval()
    before, after = prompt.condition(tokens), prompt.condition(change(tokens, shuffle))
    assert torch.equal(after.indices, before.indices)
    torch.testing.assert_close(after.similarities, before.similarities)


@pytest.mark.parametrize('degenerate', ['one token', 'equal tokens', 'zeros'])
def test_tokens_that_do_not_cluster_still_give_all_prompts(degenerate, tokens):
    functions = {
        'one token': lambda layer: layer[:, :1],
        'equal tokens': lambda layer: layer[:, :1].expand_as(layer),
        'zeros': torch.zeros_like,
    }
    prompt = retrieval(top_k=2)
    found = prompt.condition(change(tokens, functions[degenerate]))
    assert found.indices.shape == (CLIPS, 3, 6)
    assert all(len(row.unique()) == 2 for row in found.indices.flatten(0, 1))
    key_loss(found).backward()
    assert prompt.keys.grad.isfinite().all()


def test_weighted_prompts_follow_the_softmax_of_the_cosines(tokens):
    prompt = retrieval(temperature=0.5)
    found = prompt.condition(tokens)
    cosines = found.similarities[1, 2].tolist()
    total = sum(math.exp(cosine / 0.5) for cosine in cosines)
    weights = [3 * math.exp(cosine / 0.5) / total for cosine in cosines]
    by_hand = [
        weight * prompt.prompts[2, index, 0]
        for weight, index in zip(weights, found.indices[1, 2].tolist(), strict=True)
    ]
    torch.testing.assert_close(compose(prompt, found)[2][1], torch.stack(by_hand))


@pytest.mark.parametrize('temperature', [None, 0.1])
def test_gradients_reach_what_was_retrieved_and_nothing_else(temperature, clip, tokens):
    prompt = retrieval(temperature=temperature)
    tokens = change(tokens, lambda layer: layer.clone().requires_grad_())
    found = prompt.condition(tokens)
    (encode(clip, compose(prompt, found)) * seeded(CLIPS, len(NAMES), 32)).sum().backward()
    for layer in range(3):
        retrieved = torch.zeros(8, dtype=torch.bool)
        retrieved[found.indices[:, layer].flatten()] = True
        assert 0 < int(retrieved.sum()) < 8
        for learnt in (prompt.prompts, prompt.keys):
            touched = learnt.grad[layer].flatten(1).abs().amax(dim=-1) > 0
            assert torch.equal(touched, retrieved)
    assert all(layer.grad is None for layer in tokens.layers)
    assert all(parameter.grad is None for parameter in clip.model.parameters())


def test_the_key_loss_pulls_keys_towards_the_clusters(tokens):
    prompt = retrieval()
    start = key_loss(prompt.condition(tokens))
    optimizer = torch.optim.Adam(prompt.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        loss = key_loss(prompt.condition(tokens))
        loss.backward()
        optimizer.step()
    assert prompt.prompts.grad is None
    assert float(loss) < 0.7 * float(start)


def test_clips_that_retrieve_the_same_share_an_identifier(tokens):
    # 3 % longer tokens are other tokens with the same directions.
    doubled = change(tokens, lambda layer: torch.cat([layer, 1.03 * layer]))
    prompt = retrieval()
    found = prompt.cache_keys(prompt.condition(doubled))
    assert found[:CLIPS] == found[CLIPS:]
    assert len(set(found)) == CLIPS


def test_weighted_clips_share_no_identifier(tokens):
    prompt = retrieval(temperature=0.1, pool_size=1)
    found = prompt.condition(tokens)
    assert int(found.indices.max()) == 0
    assert prompt.cache_keys(found) is None
    prompt = retrieval(pool_size=1)
    assert len(set(prompt.cache_keys(prompt.condition(tokens)))) == 1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(top_k=9), r'top_k=9 prompts cannot be retrieved from a pool of pool_size=8'),
        (dict(num_clusters=0), 'text_prompt.num_clusters=0: give 1 or more'),
        (dict(temperature=0.1, num_clusters=1), 'no effect with one retrieved prompt'),
        (dict(temperature=0), 'text_prompt.temperature=0: give a number above 0, or None'),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        retrieval(**arguments)


def test_tokens_of_other_layers_are_refused(tokens):
    with pytest.raises(ValueError, match='tokens of 2 layers, but the vision tower has 3'):
        retrieval().condition(VideoTokens(tokens.features, tokens.frames, tokens.layers[:2]))


def test_cached_text_features_equal_plain_ones(clip, tokens):
    prompt = retrieval()
    cache, calls = FeatureCache(max_entries=2), []
    tokens = change(tokens, lambda layer: layer[[0, 1, 0, 2, 1, 0]])
    found = prompt.condition(tokens)
    with torch.no_grad():
        prompts = compose(prompt, found)
        plain = encode(clip, prompts)

        def encode_places(places):
            calls.append(places)
            return encode(clip, [layer[places] for layer in prompts])

        for _ in range(2):
            kept = cache.get(prompt.cache_keys(found), encode_places)
            torch.testing.assert_close(torch.stack(kept), plain)
    assert calls == [[0, 1, 3], [0]]  # the two last new ones, 1 and 3, were kept
    assert len(cache) == 2
