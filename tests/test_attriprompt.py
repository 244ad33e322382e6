import itertools
import json
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from ga2mm.models import AttributeRetrieval, VideoTokens
from ga2mm.models.feature_cache import FeatureCache
from ga2mm.models.prompts.spherical_kmeans import spherical_kmeans
from ga2mm.objectives import BatchFeatures, DualStreamContrastiveLoss, KeyLoss, SelfRegularizationLoss
from ga2mm.registry import MODELS
from tests.helpers import running
from tests.helpers.models import count_text_passes, gradients, make_clips, make_samples, predict

NAMES = ('walk', 'climb stairs', 'drink')
CLIPS, FRAMES = 4, 2


def seeded(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def retrieval(seed: int = 0, **arguments) -> AttributeRetrieval:
    """A retrieval for the tiny CLIP; its towers have 3 layers of width 64."""
    torch.manual_seed(seed)
    towers = dict(width=64, layers=3, vision_width=64, vision_layers=3)
    return AttributeRetrieval(**{**dict(num_clusters=3, pool_size=8), **towers, **arguments})


@pytest.fixture(scope='module')
def tokens(clip) -> VideoTokens:
    """Tokens of 4 clips of 2 frames, from the tiny CLIP's vision tower."""
    layers = []
    blocks = clip.model.visual.transformer.resblocks
    hooks = [block.register_forward_hook(lambda *call: layers.append(call[-1][:, 1:])) for block in blocks]
    with torch.no_grad():
        features = clip.encode_frames(seeded(CLIPS * FRAMES, 3, 32, 32)).unflatten(0, (CLIPS, FRAMES))
    for hook in hooks:
        hook.remove()
    layers = [layer.unflatten(0, (CLIPS, FRAMES)).flatten(1, 2) for layer in layers]
    return VideoTokens(F.normalize(features.mean(dim=1), dim=-1), features, layers)


def compose(prompt: AttributeRetrieval, condition) -> list[torch.Tensor]:
    """The prompts (clips, length, width) of each text layer."""
    return [layer[:, 0] for layer in prompt(NAMES, condition)]


def given(**features) -> BatchFeatures:
    """Features of which an objective uses these alone."""
    names = ('clips', 'classes', 'labels', 'logits', 'logit_scale')
    return BatchFeatures(**{**dict.fromkeys(names), **features})


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


# K-means


def by_first_entry(centres: torch.Tensor) -> torch.Tensor:
    return centres.take_along_dim(centres[..., :1].argsort(dim=1), dim=1)


def test_kmeans_finds_separate_directions():
    directions = F.normalize(seeded(2, 3, 16), dim=-1)
    lengths = 1 + 9 * torch.rand(2, 60, 1, generator=torch.Generator().manual_seed(1))
    points = lengths * (directions.repeat(1, 20, 1) + 0.02 * seeded(2, 60, 16, seed=2))
    centres = spherical_kmeans(points, 3, 5)
    torch.testing.assert_close(by_first_entry(centres), by_first_entry(directions), atol=0.03, rtol=0)


def test_kmeans_settles_where_each_centre_is_the_mean_of_its_points():
    points = F.normalize(seeded(1, 50, 8), dim=-1)
    centres = spherical_kmeans(points, 4, 50)[0]
    closest = (points[0] @ centres.T).argmax(dim=-1)
    for cluster in range(4):
        mean = F.normalize(points[0][closest == cluster].mean(dim=0), dim=-1)
        torch.testing.assert_close(centres[cluster], mean)


def test_kmeans_starts_at_the_middle_and_goes_to_the_farthest():
    # The mean points to 0.7: it starts at 0.4, then takes 2.6, then 1.3.
    angles = torch.tensor([0.0, 0.1, 0.4, 1.3, 2.6])
    points = torch.stack([angles.cos(), angles.sin()], dim=-1)[None]
    centres = spherical_kmeans(points, 3, 1)[0]
    first = F.normalize(points[0, :3].mean(dim=0), dim=-1)
    torch.testing.assert_close(centres, torch.stack([first, points[0, 4], points[0, 3]]))


@pytest.mark.parametrize('number', [1, 2])
def test_kmeans_of_fewer_points_than_clusters_repeats_points(number):
    points = F.normalize(seeded(2, number, 8), dim=-1)
    centres = spherical_kmeans(points, 4, 3)
    cosines = centres @ points.mT
    torch.testing.assert_close(cosines.amax(dim=-1), torch.ones(2, 4))
    torch.testing.assert_close(cosines.amax(dim=1), torch.ones(2, number))


@pytest.mark.parametrize('value', [0.0, 3.0])
def test_kmeans_of_equal_points_gives_that_point(value):
    centres = spherical_kmeans(torch.full((1, 10, 4), value), 3, 3)
    torch.testing.assert_close(centres, torch.full((1, 3, 4), 0.5 if value else 0.0))


def test_kmeans_keeps_float32_under_autocast():
    points = seeded(2, 40, 16)
    with torch.autocast('cpu', torch.bfloat16):
        centres = spherical_kmeans(points, 4, 5)
    assert torch.equal(centres, spherical_kmeans(points, 4, 5))


def test_retrieval_keeps_float32_under_autocast(tokens):
    prompt = retrieval()
    with torch.autocast('cpu', torch.bfloat16):
        found = prompt.condition(tokens)
    assert torch.equal(found.similarities, prompt.condition(tokens).similarities)


# Retrieval


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
    prompt = retrieval(vision_layer_of=[2, 0, 2])
    before = prompt.condition(tokens).similarities
    layers = [tokens.layers[0].roll(1, dims=0), tokens.layers[1].roll(1, dims=0), tokens.layers[2]]
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
        (dict(iterations=0), 'text_prompt.iterations=0: give 1 or more'),
        (dict(temperature=0.1, num_clusters=1), 'nothing to weigh with one retrieved prompt'),
        (dict(temperature=0), 'text_prompt.temperature=0: give a number above 0, or None'),
        (dict(vision_layer_of=[0, 1]), 'give 3 numbers from 0 to 2, one for each text layer'),
        (dict(vision_layer_of=[0, 1, 3]), 'give 3 numbers from 0 to 2, one for each text layer'),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        retrieval(**arguments)


def test_tokens_of_other_layers_are_refused(tokens):
    with pytest.raises(ValueError, match='tokens of 2 layers, but the vision tower has 3'):
        retrieval().condition(VideoTokens(tokens.features, tokens.frames, tokens.layers[:2]))


# The cache


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


@pytest.mark.parametrize('bound', [0, 1, 3])
def test_the_cache_keeps_no_more_than_its_bound(bound):
    cache = FeatureCache(bound)
    for start in range(5):
        cache.get(range(start, start + 4), lambda places: torch.ones(len(places), 2, 3))
        assert len(cache) == bound


def test_the_cache_forgets_what_was_used_longest_ago():
    cache, calls = FeatureCache(2), []

    def ask(identifier):
        return cache.get([identifier], lambda places: calls.append(identifier) or torch.zeros(1, 1, 1))

    for identifier in 'abacab':
        ask(identifier)
    assert ''.join(calls) == 'abcb'
    cache.clear()
    ask('a')
    assert ''.join(calls) == 'abcba'


# Losses

SCALE = torch.tensor(5.0)


def features(*shape: int, seed: int) -> torch.Tensor:
    return F.normalize(seeded(*shape, seed=seed), dim=-1)


def log_share(values: list[float], place: int) -> float:
    return math.log(math.exp(values[place]) / sum(map(math.exp, values)))


def dual_stream(clips, classes, labels, scale=SCALE) -> torch.Tensor:
    features = given(clips=clips, classes=classes, labels=labels, logit_scale=scale)
    return DualStreamContrastiveLoss()(features)


def regularization(form, classes, frozen_classes, clips) -> torch.Tensor:
    features = given(classes=classes, frozen_classes=frozen_classes, clips=clips, logit_scale=SCALE)
    return SelfRegularizationLoss(form)(features)


def dual_stream_by_hand(videos, texts, labels) -> float:
    def dot(a, b):
        return 5 * float(sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)))

    clips = range(len(videos))
    first = sum(log_share([dot(videos[i], text) for text in texts[i]], labels[i]) for i in clips)
    second = 0.0
    for i in clips:
        logits = [dot(texts[i][labels[i]], videos[j]) for j in clips]
        own = [j for j in clips if labels[j] == labels[i]]
        second += sum(log_share(logits, j) for j in own) / len(own)
    return -(first + second) / len(videos) / 2


@pytest.mark.parametrize('per_clip', [True, False])
def test_dual_stream_loss_is_its_formula(per_clip):
    videos, labels = features(4, 6, seed=1), torch.tensor([2, 0, 2, 1])
    texts = features(4, 3, 6, seed=2) if per_clip else features(3, 6, seed=2)
    expected = dual_stream_by_hand(videos, texts if per_clip else [texts] * 4, labels.tolist())
    assert float(dual_stream(videos, texts, labels)) == pytest.approx(expected, rel=1e-4)


def test_dual_stream_loss_does_not_depend_on_the_order_of_classes_or_clips():
    videos, texts, labels = features(4, 6, seed=1), features(4, 3, 6, seed=2), torch.tensor([2, 0, 2, 1])
    expected = dual_stream(videos, texts, labels)
    classes, clips = torch.tensor([1, 2, 0]), torch.tensor([3, 1, 0, 2])
    other = dual_stream(videos, texts[:, classes], classes.argsort()[labels])
    torch.testing.assert_close(other, expected)
    torch.testing.assert_close(dual_stream(videos[clips], texts[clips], labels[clips]), expected)


def test_dual_stream_loss_of_perfect_features_is_its_least_value():
    texts, labels = torch.eye(3), torch.tensor([0, 0, 0, 1])
    loss = dual_stream(texts[labels], texts, labels, torch.tensor(100.0))
    assert float(loss) == pytest.approx(3 * math.log(3) / 4 / 2, abs=1e-5)
    alone = dual_stream(texts[:1], texts, labels[:1], torch.tensor(100.0))
    assert float(alone) == pytest.approx(0, abs=1e-5)


def test_dual_stream_loss_reaches_videos_and_texts():
    videos, texts = features(3, 6, seed=1).requires_grad_(), features(3, 4, 6, seed=2).requires_grad_()
    dual_stream(videos, texts, torch.tensor([0, 1, 1])).backward()
    assert (videos.grad.abs().amax(dim=-1) > 0).all()
    assert (texts.grad.abs().amax(dim=-1) > 0).all()


def test_self_regularization_is_its_formula():
    videos, frozen = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    texts = torch.tensor([[[0.8, 0.6], [0.6, 0.8]], [[1.0, 0.0], [0.0, 1.0]]])

    def value(form):
        return float(regularization(form, texts, frozen, videos))

    assert value('l1') == pytest.approx((0.2 + 0.6 + 0.6 + 0.2) / 8, abs=1e-5)
    assert value('cosine') == pytest.approx((0.2 + 0.2) / 4, abs=1e-5)
    divergence = 0.0
    for frozen_logits, logits in (([5.0, 3.0], [4.0, 3.0]), ([0.0, 4.0], [0.0, 5.0])):
        for c in range(2):
            log_p = log_share(frozen_logits, c)
            divergence += math.exp(log_p) * (log_p - log_share(logits, c))
    assert value('kl') == pytest.approx(divergence / 2, abs=1e-5)


@pytest.mark.parametrize('form', ['l1', 'cosine', 'kl'])
def test_self_regularization_holds_the_texts_alone(form):
    videos, frozen = features(3, 6, seed=1).requires_grad_(), features(4, 6, seed=2).requires_grad_()
    for shape in ((4, 6), (3, 4, 6)):
        texts = features(*shape, seed=3).requires_grad_()
        value = regularization(form, texts, frozen, videos)
        value.backward()
        assert float(value) > 0
        assert (texts.grad.abs().amax(dim=-1) > 0).all()
        order = torch.tensor([2, 0, 3, 1])
        swapped = regularization(form, texts[..., order, :], frozen[order], videos)
        torch.testing.assert_close(swapped, value)
        same = regularization(form, frozen.expand(shape), frozen, videos)
        assert float(same) == pytest.approx(0, abs=1e-6)
    assert videos.grad is None
    assert frozen.grad is None


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form='l2': give 'l1', 'cosine' or 'kl'"):
        SelfRegularizationLoss('l2')


# In the recognizer


def test_the_recognizer_learns_pool_and_keys(make_recognizer):
    """Logits of each clip's own classes, and the loss of the keys."""
    prompt = dict(type='AttributeRetrieval', num_clusters=2, pool_size=6)
    model = make_recognizer(head=dict(text_prompt=prompt), losses=[dict(type='KeyLoss', weight=0.5)])
    text_prompt = model.cls_head.text_prompt
    losses = model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert set(losses) == {'loss_cls', 'loss_KeyLoss', 'top1_acc', 'top5_acc'} and losses['loss_KeyLoss'] > 0
    (losses['loss_cls'] + losses['loss_KeyLoss']).backward()
    assert float(text_prompt.prompts.grad.abs().max()) > 0
    assert float(text_prompt.keys.grad.abs().max()) > 0
    assert float(model.cls_head.vision_prompt.soft_prompt.grad.abs().max()) > 0
    # In evaluation a clip's scores are its own.
    scores = predict(model, make_clips(3))
    for index in range(3):
        torch.testing.assert_close(predict(model, make_clips(3)[index : index + 1])[0], scores[index])


def test_the_key_loss_needs_a_retrieval(make_recognizer):
    model = make_recognizer(losses=[dict(type='KeyLoss')])
    with pytest.raises(ValueError, match="needs cls_head.text_prompt=dict\\(type='AttributeRetrieval'"):
        model(make_clips(3), make_samples(0, 1, 2), mode='loss')


MINIATURE = dict(type='OpenCLIP', arch='miniature', pretrained='miniature')
OTHER_NAMES = ('jump', 'walk', 'sit', 'run')


@pytest.fixture
def make_retriever(make_recognizer):
    """Builds a recognizer on the miniature CLIP that keeps so many retrievals."""

    def make(max_cached: int = 256, **arguments):
        prompt = dict(type='AttributeRetrieval', **arguments)
        head = dict(text_prompt=prompt, max_cached=max_cached)
        return make_recognizer(backbone=MINIATURE, head=head)

    return make


def count_texts(model) -> list[int]:
    """How many texts each pass through the text tower has."""
    texts: list[int] = []
    model.backbone.text_tower.ln_final.register_forward_hook(
        lambda module, args, output: texts.append(len(output))
    )
    return texts


def class_features(model, clips, names=NAMES) -> torch.Tensor:
    """Features (clips, classes, embed_dim) of these classes as each clip has them."""
    model.set_classes(names)
    return model.extract_feat(clips)[1]['class_features']


@pytest.mark.parametrize(('bound', 'texts'), [(0, 56), (1, 49), (100, 28)])
def test_clips_that_retrieved_the_same_are_encoded_once(bound, texts, make_retriever):
    """Four clips with retrievals of their own, in batches of 3, 2 and 3, for lists of 3 and 4 classes."""
    model, plain = make_retriever(bound).eval(), make_retriever(0).eval()
    clips, counted = make_clips(4), count_texts(model)
    for chosen, names in itertools.product(([0, 1, 0], [1, 2], [0, 2, 3]), (NAMES, OTHER_NAMES)):
        with torch.no_grad():
            found, expected = (class_features(each, clips[chosen], names) for each in (model, plain))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert sum(counted) == texts


@pytest.mark.parametrize('change', ['training step', 'prompts alone', 'checkpoint'])
def test_kept_retrievals_are_forgotten_when_the_prompts_change(change, make_retriever):
    model, clips = make_retriever(), make_clips(3)
    with torch.no_grad():
        before = class_features(model.eval(), clips)
    if change == 'training step':
        learnt = model.cls_head.text_prompt
        learnt.keys.requires_grad_(False)  # so that clips retrieve the same as before
        optimizer = build_optim_wrapper(learnt, dict(optimizer=dict(type='SGD', lr=0.01)))
        losses = model.train()(clips, make_samples(0, 1, 2), mode='loss')
        optimizer.update_params(model.parse_losses(losses)[0])
    elif change == 'prompts alone':
        model.cls_head.text_prompt.prompts.data.mul_(5)
    else:
        state = model.state_dict()
        state['cls_head.text_prompt.prompts'] = 5 * state['cls_head.text_prompt.prompts']
        model.load_state_dict(state)
    plain = make_retriever(0)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        after = class_features(model.eval(), clips)
        torch.testing.assert_close(after, class_features(plain.eval(), clips), rtol=0, atol=1e-6)
        assert float((after - before).abs().max()) > 1e-3
        counted = count_texts(model)
        assert torch.equal(class_features(model, clips), after)
    assert not counted


def test_kept_retrievals_follow_the_precision(make_retriever):
    model, clips = make_retriever().eval(), make_clips(3)
    with torch.no_grad():
        exact = class_features(model, clips)
        with torch.autocast('cpu', torch.bfloat16):
            rounded = class_features(model, clips)
        assert float((rounded - exact).abs().max()) > 1e-4
        torch.testing.assert_close(class_features(model, clips), exact, rtol=0, atol=1e-6)


def test_neither_weighted_retrievals_nor_those_of_training_are_kept(make_retriever):
    for model in (make_retriever(temperature=0.1).eval(), make_retriever().train()):
        counted = count_texts(model)
        with torch.set_grad_enabled(model.training):
            for _ in range(2):
                model(make_clips(3), stage='head')
        assert counted == [9, 9]


def test_a_negative_number_of_retrievals_is_refused(make_retriever):
    with pytest.raises(ValueError, match='cls_head.max_cached=-1: give 0 or more'):
        make_retriever(-1)


DUAL_STREAM = dict(type='DualStreamContrastiveLoss', weight=0.5)
REGULARIZATION = dict(type='SelfRegularizationLoss', form='cosine', weight=2.0)
LOSSES = [DUAL_STREAM, REGULARIZATION, dict(REGULARIZATION, form='kl')]
TEXT_PROMPTS = [
    dict(type='DeepPrompt', length=2, depth=2),
    dict(type='ConditionalPrompt', length=2),
    dict(type='AttributeRetrieval', num_clusters=2, pool_size=6),
]
ANCHORS = dict(negatives=['else'], strategies=[dict(type='FeatureConsistency')])


@pytest.mark.parametrize('anchors', [None, ANCHORS], ids=['no anchors', 'anchors'])
@pytest.mark.parametrize('text_prompt', TEXT_PROMPTS, ids=lambda prompt: prompt['type'])
def test_auxiliary_losses_of_labelled_clips_are_logged_each(text_prompt, anchors, make_recognizer):
    arguments = dict(head=dict(text_prompt=text_prompt), anchors=anchors)
    model = make_recognizer(losses=LOSSES, **arguments)
    clips, labels = make_clips(5), [0, None, 1, None, 1]
    if anchors is None:
        clips, labels = clips[[0, 2, 4]], [0, 1, 1]
    samples = make_samples(*labels)
    losses = model(clips, samples, mode='loss')
    without = make_recognizer(**arguments)(clips, samples, mode='loss')
    for name, value in without.items():
        torch.testing.assert_close(losses[name], value)
    assert losses.keys() - without.keys() == {
        'loss_DualStreamContrastiveLoss',
        'loss_SelfRegularizationLoss_1',
        'loss_SelfRegularizationLoss_2',
    }
    labelled = [place for place, label in enumerate(labels) if label is not None]
    feats, others = model.extract_feat(clips[labelled])
    classes, scale = others['class_features'], others['logit_scale']
    frozen = model.backbone.frozen_text_features([f'a video of a person {name}.' for name in NAMES])
    labels = torch.tensor([0, 1, 1])
    features = given(clips=feats, classes=classes, labels=labels, logit_scale=scale, frozen_classes=frozen)
    expected = {
        'DualStreamContrastiveLoss': 0.5 * DualStreamContrastiveLoss()(features),
        'SelfRegularizationLoss_1': 2 * SelfRegularizationLoss('cosine')(features),
        'SelfRegularizationLoss_2': 2 * SelfRegularizationLoss('kl')(features),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[f'loss_{name}'], value, rtol=1e-4, atol=1e-5)


def test_attriprompt_learns_by_its_losses(make_recognizer):
    """Each loss reaches what it should, in float32 under autocast too, and a step takes their sum."""
    head = dict(text_prompt=TEXT_PROMPTS[2])
    model = make_recognizer(head=head, losses=[DUAL_STREAM, REGULARIZATION])
    for precision in (torch.float32, torch.bfloat16):
        with torch.autocast('cpu', precision, enabled=precision != torch.float32):
            losses = model(make_clips(3), make_samples(0, 1, 2), mode='loss')
        terms = {name: value for name, value in losses.items() if 'loss' in name}
        assert {value.dtype for value in terms.values()} == {torch.float32}
        total, _ = model.parse_losses(losses)
        assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
        for name in ('loss_DualStreamContrastiveLoss', 'loss_SelfRegularizationLoss'):
            model.zero_grad()
            losses[name].backward(retain_graph=True)
            for learnt in ('text_prompt.prompts', 'text_prompt.keys'):
                gradient = model.cls_head.get_parameter(learnt).grad
                assert gradient.isfinite().all() and gradient.any()
        for name, gradient in gradients(model, total).items():
            assert gradient.isfinite().all() and gradient.any(), name


@pytest.mark.parametrize(('losses', 'passes'), [([], 1), ([DUAL_STREAM], 1), (LOSSES, 2)], ids=str)
def test_frozen_classes_are_encoded_only_if_a_loss_uses_them(losses, passes, make_recognizer):
    model = make_recognizer(losses=losses)
    calls = count_text_passes(model)
    model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert len(calls) == passes


def test_a_loss_without_gradient_is_named(make_recognizer):
    model = make_recognizer(head=dict(text_prompt=None), losses=[DUAL_STREAM, REGULARIZATION])
    with pytest.warns(UserWarning) as warned:
        model(make_clips(3), make_samples(0, 1, 2), mode='loss')
    assert [str(one.message) for one in warned] == [
        'loss_SelfRegularizationLoss has no gradient with these prompts'
    ]


@pytest.mark.parametrize(
    ('losses', 'message'),
    [
        (DUAL_STREAM, r'model\.losses=.* is no list: write \[dict\(type=...\)\]'),
        (None, r'model\.losses=None is no list'),
        (
            [DUAL_STREAM, dict(type='CrossEntropyLoss')],
            r'model\.losses\[1\] is CrossEntropyLoss, which is no',
        ),
    ],
    ids=['dict', 'None', 'another'],
)
def test_what_is_no_list_of_auxiliary_losses_is_refused(losses, message, make_recognizer):
    with pytest.raises(ValueError, match=message):
        make_recognizer(losses=losses)


# Runs and tools


def test_the_miniature_world_as_images_is_trained_and_tested(in_miniature_folder, monkeypatch, tmp_path):
    monkeypatch.setenv('GA2MM_PROTOCOL', 'images_base2novel')
    monkeypatch.setenv('GA2MM_METHOD', 'attriprompt')
    config = running.ZOO / 'miniature.py'
    options = ['--cfg-options', 'model.backbone.pretrained=random']
    short = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    running.tool('train.py', config, '--work-dir', tmp_path, '--seed', 0, *options, *short)
    (logged,) = running.logged_losses(tmp_path)
    terms = {'cls', 'KeyLoss', 'DualStreamContrastiveLoss', 'SelfRegularizationLoss'}
    assert logged.keys() == {'loss', *(f'loss_{term}' for term in terms)}
    assert logged['loss'] == pytest.approx(sum(logged[f'loss_{term}'] for term in terms), rel=1e-3)
    running.tool('test.py', config, tmp_path / 'epoch_1.pth', '--work-dir', tmp_path, *options)
    found = json.loads((tmp_path / 'test_metrics.json').read_text())
    assert found['top1_percent'].keys() >= {'base', 'novel', 'hm'}


def test_the_cost_of_texts_is_a_table(capsys):
    sizes = ['--classes', 2, 3, '--batch', 2, '--frames', 1, '--repeats', 1]
    running.tool('analysis/benchmark_text_cost.py', *sizes)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'ms a clip in evaluation, batches of 2 clips of 1 frames'
    header, rule, *rows = [line.strip('|').split('|') for line in lines[2:]]
    assert len(header) == len(rule) == 6
    for row, classes in zip(rows, (2, 3), strict=True):
        assert int(row[0]) == classes
        times = [float(cell.split()[0]) for cell in row[1:]]
        ratios = [float(cell.split('(')[1].rstrip('×) ')) for cell in row[1:]]
        assert len(ratios) == 5 and ratios[0] == 1
        for time, ratio in zip(times, ratios, strict=True):  # rounded to one decimal, perhaps to 0.0
            assert (ratio - 0.051) * (times[0] - 0.051) <= time + 0.051
            assert (ratio + 0.051) * (times[0] + 0.051) >= time - 0.051


def test_the_cost_of_texts_needs_retrieved_prompts():
    config = running.CONFIGS / 'miniature_deep_prompts.py'
    with pytest.raises(SystemExit, match=r"^error: .*: give a config with text_prompt=dict\(type='Attrib"):
        running.tool('analysis/benchmark_text_cost.py', config)
