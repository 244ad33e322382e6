"""The prompt learners of other methods: their released numbers, how they act here, and their configs."""

import importlib.util
import os
import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ga2mm.apis import read_config
from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.engine import read_checkpoint
from ga2mm.engine.gaussian_average_hook import gaussian_weights
from ga2mm.models import VideoTokens
from ga2mm.models.prompts import DeepPrompt
from ga2mm.models.prompts.hard_prompt_file import write_hard_prompt
from ga2mm.registry import MODELS
from ga2mm.structures import get_scores
from tests.helpers import running
from tests.helpers.models import NAMES, gradients, largest, make_clips, make_samples, predict
from tests.helpers.objectives import CONFIGS, NEGATIVES, WITH_ANCHORS
from tests.helpers.objectives import given as arguments_of

REFERENCES = sorted(running.DATA.glob('zoo_*.npz'))
CONDITIONAL = dict(text_prompt=dict(type='ConditionalPrompt', length=2))
PROJECTED = dict(vision_prompt=dict(type='ProjectedPrompt'))


def stem(path: Path) -> str:
    return path.stem


# Released numbers


@pytest.fixture(scope='module')
def tool():
    path = running.ROOT / 'tools' / 'analysis' / 'check_reference.py'
    spec = importlib.util.spec_from_file_location('check_reference', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def test_there_are_numbers_of_six_methods():
    assert [path.stem.split('_')[1] for path in REFERENCES] == [
        'cocoop', 'coop', 'ivlp', 'maple', 'promptsrc', 'vpt',
    ]  # fmt: skip


@pytest.mark.parametrize('path', REFERENCES, ids=stem)
def test_a_method_agrees_with_its_released_code(path, tool):
    reference = numbers_of(path)
    errors = {name: error for name, error, _ in tool.compare_prompt_learner(reference)}
    stored = {key.removeprefix('out/') for key in reference if key.startswith(('out/', 'grad/'))}
    assert errors.keys() == stored
    assert {key.removeprefix('learned/') for key in reference if key.startswith('learned/')} == {
        key.removeprefix('grad/') for key in stored if key.startswith('grad/')
    }
    assert max(errors.values()) < 1e-4, errors


def test_a_number_that_is_off_is_named(tool):
    reference = numbers_of(REFERENCES[1])
    reference['grad/prompt_learner.ctx'] = 1.01 * reference['grad/prompt_learner.ctx']
    reference['out/another'] = np.ones(3, dtype=np.float32)
    off = [name for name, error, limit in tool.compare_prompt_learner(reference) if not error <= limit]
    assert sorted(off) == ['another', 'grad/prompt_learner.ctx']


@pytest.mark.parametrize('kind', ['too little', 'too much'])
def test_a_file_that_does_not_fit_together_is_one_line(kind, tool, tmp_path, monkeypatch):
    reference = numbers_of(REFERENCES[1])
    if kind == 'too little':
        del reference['learned/prompt_learner.ctx']
    else:
        reference['learned/prompt_learner.bias'] = np.ones(3, dtype=np.float32)
    path = tmp_path / 'zoo.npz'
    np.savez(path, **reference)
    monkeypatch.setattr('sys.argv', ['check_reference', str(path)])
    with pytest.raises(SystemExit, match='zoo.npz holds no complete .*learned/prompt_learner'):
        tool.main()


# Towers


def test_patch_tokens_are_those_behind_each_block(clip):
    frames = make_clips(2)[:, 0, :, 0]
    prompts = [torch.randn(3, 64), None, torch.randn(2, 64)]
    seen = []
    hooks = [
        block.register_forward_hook(lambda module, args, output: seen.append(output))
        for block in clip.model.visual.transformer.resblocks
    ]
    features, layers = clip.encode_frames_and_layers(frames, prompts)
    for hook in hooks:
        hook.remove()
    assert torch.equal(features, clip.encode_frames(frames, prompts))
    assert [tuple(layer.shape) for layer in layers] == [(2, 16, 64)] * 3
    for layer, output in zip(layers, seen, strict=True):
        assert torch.equal(layer, output[:, 1:17])


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


# CoOp


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


# CoCoOp and other conditional prompts


def make_conditional(make_recognizer, max_texts: int = 512, **arguments):
    """A recognizer whose meta-net tells clips well apart; it is so narrow here that it may start dead."""
    model = make_recognizer(head=dict(CONDITIONAL, max_texts=max_texts), **arguments)
    with torch.no_grad():
        model.cls_head.text_prompt.meta_net[0].bias.fill_(1)
        model.cls_head.text_prompt.meta_net[2].weight.mul_(10)
    return model


def test_a_conditional_prompt_gives_each_clip_classes_of_its_own(make_recognizer):
    model = make_conditional(make_recognizer).eval()
    head, clip = model.cls_head, model.backbone
    feats, given = model.extract_feat(make_clips(4))
    assert given['class_features'].shape == (4, 3, 32)
    logits, _ = model.extract_feat(make_clips(4), stage='head')
    tokens = head.text_encoder.tokenize(tuple(NAMES))
    for index, feature in enumerate(feats):
        context = head.text_prompt.soft_prompt[0] + head.text_prompt.meta_net(feature)
        texts = F.normalize(clip.encode_tokens(tokens, [context]), dim=-1)
        torch.testing.assert_close(given['class_features'][index], texts, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            logits[index], clip.logit_scale * feature @ texts.t(), rtol=1e-4, atol=1e-4
        )
    assert (given['class_features'][0] - given['class_features'][1]).abs().max() > 1e-4


def test_scores_with_a_conditional_prompt_do_not_depend_on_the_batch(make_recognizer):
    model = make_conditional(make_recognizer)
    clips = make_clips(4, crops=2)
    together = predict(model, clips)
    for index in range(4):
        torch.testing.assert_close(predict(model, clips[[index]])[0], together[index], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        own, reverse = model.predict_offers(clips, make_samples(0, 0, 0, 0), [NAMES, NAMES[::-1]])
    for one, other, expected in zip(own, reverse, together, strict=True):
        torch.testing.assert_close(get_scores(one), expected)
        torch.testing.assert_close(get_scores(other).flip(0), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('max_texts', [1, 5])
def test_texts_in_chunks_give_the_same_losses_and_gradients(max_texts, make_recognizer):
    batch = make_clips(3), make_samples(0, 1, 2)
    whole, chunked = (make_conditional(make_recognizer, size) for size in (512, max_texts))
    losses, expected = chunked(*batch, mode='loss'), whole(*batch, mode='loss')
    torch.testing.assert_close(losses['loss_cls'], expected['loss_cls'])
    theirs = gradients(whole, expected['loss_cls'])
    for name, gradient in gradients(chunked, losses['loss_cls']).items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-4, atol=1e-6)
        assert gradient.any(), name


def test_no_texts_at_once_are_refused(make_recognizer):
    with pytest.raises(ValueError, match='cls_head.max_texts=0: give 1 or more'):
        make_recognizer(head=dict(CONDITIONAL, max_texts=0))


OBJECTIVES = arguments_of(*CONFIGS)


def test_anchor_strategies_see_what_they_see_without_a_condition(make_recognizer):
    """With a meta-net that shifts nothing all losses are those of the plain prompt."""
    model = make_conditional(make_recognizer, **OBJECTIVES)
    plain = dict(type='DeepPrompt', length=2, depth=1)
    plain = make_recognizer(head=dict(text_prompt=plain), **OBJECTIVES)
    batch = make_clips(5), make_samples(0, None, 1, None, 2)
    with torch.no_grad():
        model.cls_head.text_prompt.meta_net[2].weight.zero_()
        model.cls_head.text_prompt.meta_net[2].bias.zero_()
        for prompt in ('text_prompt', 'vision_prompt'):
            ours = getattr(model.cls_head, prompt).soft_prompt
            ours.copy_(getattr(plain.cls_head, prompt).soft_prompt)
        losses, expected = model(*batch, mode='loss'), plain(*batch, mode='loss')
    assert losses.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value, rtol=1e-4, atol=1e-5)


def test_anchor_strategies_see_each_clips_own_classes(make_recognizer):
    model = make_conditional(make_recognizer, **OBJECTIVES)
    clips, labels = make_clips(5), [0, None, 1, None, 2]
    losses = model(clips, make_samples(*labels), mode='loss')
    order = [3, 4, 0, 2, 1]
    shuffled = model(clips[order], make_samples(*[labels[index] for index in order]), mode='loss')
    for key, value in losses.items():
        torch.testing.assert_close(shuffled[key], value, rtol=1e-4, atol=1e-4)
    feats, given = model.extract_feat(clips)
    for number, config in enumerate([s for s in WITH_ANCHORS if s['type'] == 'JointSoftmax'], start=1):
        if config.get('prompted_negatives'):
            continue
        videos = model.backbone.logit_scale * feats[[1, 3]]
        classes = torch.einsum('vd,vcd->vc', videos, given['class_features'][[1, 3]])
        negatives = videos @ model.cls_head.text_encoder.encode_in_templates(NEGATIVES).t()
        both = torch.cat([classes, negatives], dim=1).log_softmax(dim=1)
        expected = -config['weight'] * both[:, 3:].logsumexp(dim=1).mean()
        found = losses[f'loss_anchor_JointSoftmax_{number}']
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


# MaPLe


@pytest.mark.parametrize('coupled', [False, True])
def test_vision_prompts_are_maps_of_the_text_prompts(coupled, clip, make_recognizer, tmp_path):
    text, coupling = dict(type='DeepPrompt', length=2, depth=3), None
    if coupled:
        path = tmp_path / 'hard_prompt.safetensors'
        write_hard_prompt(path, torch.randn(2, 64), clip.identity, 'a run')
        coupling = dict(type='HardPromptCoupling', hard_prompt=str(path))
    model = make_recognizer(head=dict(PROJECTED, text_prompt=text, coupling=coupling)).eval()
    head = model.cls_head
    prompts = head.vision_prompt()
    assert [tuple(prompt.shape) for prompt in prompts] == [(2, 64)] * 3
    for prompt, source, projection in zip(
        prompts, head.text_encoder.prompts(), head.vision_prompt.projections, strict=True
    ):
        torch.testing.assert_close(prompt, source @ projection.weight.t() + projection.bias)
    found = gradients(model, model(make_clips()).square()[:, :5].sum())
    for name, gradient in found.items():
        assert gradient.abs().max() > 0, name
    assert any('mapping' in name for name in found) == coupled


@pytest.mark.parametrize(
    'text_prompt',
    [
        None,
        dict(type='DeepPrompt', length=2, depth=0),
        dict(type='ConditionalPrompt', length=2),
        dict(type='ContextPrompt', length=2, class_names=NAMES),
    ],
    ids=str,
)
def test_vision_prompts_need_text_prompts_to_map(text_prompt, make_recognizer):
    with pytest.raises(ValueError, match='there are none that all clips and classes share'):
        make_recognizer(head=dict(PROJECTED, text_prompt=text_prompt))


def test_text_prompts_of_more_layers_than_the_vision_tower_has_are_refused(arch, make_recognizer):
    arch['vision_cfg']['layers'] = 2
    backbone = dict(type='OpenCLIP', arch=arch, pretrained='random')
    head = dict(PROJECTED, text_prompt=dict(type='DeepPrompt', length=2, depth=3))
    with pytest.raises(ValueError, match='of 3 layers to a vision tower of 2'):
        make_recognizer(head=head, backbone=backbone)


# PromptSRC


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


class Slope(BaseModel):
    """Learns one number; the loss is that number, so plain SGD lowers it by the rate each step."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=self.weight.sum())


class Nothing(BaseDataset):
    def load_data_list(self):
        return [{}, {}]

    def __getitem__(self, idx):
        return dict(inputs=torch.zeros(1))


def train(work_dir: Path, std: float = 1.0, epochs: int = 4, **options) -> Runner:
    """A run whose number is -2, -4, -6 and -8 at the ends of its epochs."""
    runner = Runner(
        model=Slope(),
        work_dir=str(work_dir),
        train_dataloader=dict(dataset=Nothing(), sampler=dict(type='DefaultSampler'), batch_size=1),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        custom_hooks=[
            dict(type='CheckpointSafetyHook'),
            dict(type='GaussianAverageHook', mean=3, std=std),
        ],
        default_scope='ga2mm',
        experiment_name=f'{work_dir.name}_{len(options)}',
        **options,
    )
    runner.train()
    return runner


def test_a_run_ends_with_the_weighted_mean_of_its_epochs_and_resumes(tmp_path):
    weights = torch.tensor([np.exp(-((epoch - 3) ** 2) / 2) for epoch in (1, 2, 3, 4)])
    expected = float((weights / weights.sum() * torch.tensor([-2.0, -4.0, -6.0, -8.0])).sum())
    runner = train(tmp_path / 'run')
    assert float(runner.model.weight.detach()) == pytest.approx(expected, rel=1e-5)

    def stored(epoch: int, folder: str = 'run') -> float:
        checkpoint = read_checkpoint(tmp_path / folder / f'epoch_{epoch}.pth')
        return float(checkpoint['state_dict']['weight'])

    assert [stored(epoch) for epoch in (1, 2, 3)] == [-2, -4, -6]
    assert stored(4) == pytest.approx(expected, rel=1e-5)
    middle = dict(load_from=str(tmp_path / 'run' / 'epoch_2.pth'), resume=True)
    train(tmp_path / 'resumed', **middle)
    assert stored(4, 'resumed') == stored(4)
    for other in (dict(std=2.0), dict(epochs=5)):
        with pytest.raises(ValueError, match='not averaged by GaussianAverageHook with mean=3, std='):
            train(tmp_path / 'other', **other, **middle)


def test_weights_of_the_epochs_sum_to_one_wherever_the_mean_is():
    for mean in (-1000, 5, 1000):
        weights = gaussian_weights(mean, 1.0, 10)
        assert float(weights.sum()) == pytest.approx(1)
        assert int(weights.argmax()) == min(max(mean - 1, 0), 9)


def test_a_deviation_of_0_is_refused(tmp_path):
    with pytest.raises(ValueError, match='std=0: give a number of epochs above 0'):
        train(tmp_path, std=0)
    with pytest.raises(ValueError, match='std=nan'):
        train(tmp_path, std=float('nan'))


# GA2-CLIP in other methods

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


MINIATURE = re.findall(r'^    (\w+)=dict\(', (running.ZOO / 'miniature.py').read_text(), re.MULTILINE)
PLUG_INS = [(method, 'base2novel') for method in MINIATURE if method != 'zero_shot_ensemble']
PLUG_INS += [(method, 'images_base2novel') for method in ('attriprompt', 'ivlp')]


@pytest.mark.parametrize(('method', 'protocol'), PLUG_INS)
def test_the_plug_in_adds_anchors_to_the_methods_own_data(method, protocol, in_miniature_folder, monkeypatch):
    monkeypatch.setenv('GA2MM_PROTOCOL', protocol)
    cfg, without = config_of('miniature_plus_ga2', method), config_of('miniature', method)
    assert 'anchors' not in without.train_dataloader.dataset
    assert cfg.train_dataloader.dataset == dict(without.train_dataloader.dataset, anchors=cfg.anchor_dataset)
    assert cfg.test_dataloader == without.test_dataloader
    assert cfg.optim_wrapper == without.optim_wrapper and cfg.train_cfg == without.train_cfg
    cfg.train_dataloader.batch_size = 2
    cfg.model.backbone.pretrained = 'random'
    loader = Runner.build_dataloader(cfg.train_dataloader)
    model = MODELS.build(cfg.model)
    model.set_classes(loader.dataset.metainfo['classes'])
    batch = model.data_preprocessor(next(iter(loader)), training=True)
    assert [sample.get('is_anchor', False) for sample in batch['data_samples']] == [False] * 2 + [True] * 8
    losses = model(**batch, mode='loss')
    assert losses['loss_anchor_FeatureConsistency'] > 0
    found = gradients(model, losses['loss_anchor_FeatureConsistency'])
    assert largest(found, 'coupling.mapping.0.weight') > 0
    # What the method itself adds stays.
    kept = [one.type for one in without.model.get('losses', [])]
    own = [type(one).__name__ for one in model.objectives.values()]
    assert own == ['ClassificationLoss', *kept, 'FeatureConsistency']


# Configs


def config_of(name: str, method: str | None = None) -> Config:
    return running.read_config(running.ZOO / f'{name}.py', method)


def test_every_method_has_a_config_for_both_worlds():
    real = {path.stem.removesuffix('_vit_b16') for path in running.ZOO.glob('*_vit_b16.py')} - {'plus_ga2'}
    assert real - set(MINIATURE) == {
        'vificlip_k400_prompts'
    }  # there is no Kinetics-400 of the miniature world
    assert not set(MINIATURE) - real


@pytest.mark.parametrize('method', [method for method in MINIATURE if method != 'zero_shot_ensemble'])
def test_the_plug_in_for_a_real_clip_takes_the_hard_prompt_of_a_text_prompt(method):
    cfg, without = config_of('plus_ga2_vit_b16', method), config_of(f'{method}_vit_b16')
    text_prompt = without.model.cls_head.get('text_prompt')
    source = method if text_prompt else 'coop'
    source = 'ivlp' if method == 'attriprompt' else source  # a pool of prompts is no hard prompt
    head = cfg.model.cls_head
    assert head.coupling.hard_prompt == f'hard_prompts/k400_{source}.safetensors'
    assert head.text_prompt == (text_prompt or config_of('coop_vit_b16').model.cls_head.text_prompt)
    assert cfg.train_dataloader.batch_sampler.num_anchors == 1
    assert cfg.train_dataloader.dataset.anchors == cfg.anchor_dataset
    assert cfg.optim_wrapper == without.optim_wrapper and cfg.auto_scale_lr == without.auto_scale_lr


def test_a_method_that_is_none_is_one_line():
    for name in ('miniature', 'plus_ga2_vit_b16'):
        with patch.dict(os.environ, GA2MM_METHOD='mapel'), pytest.raises((ValueError, OSError)) as error:
            read_config(running.ZOO / f'{name}.py')
        assert 'mapel' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(('protocol', 'epochs'), [('base2novel', 11), ('fewshot', 50)])
def test_vificlip_tunes_both_towers_with_the_published_schedule(protocol, epochs, monkeypatch):
    monkeypatch.setenv('GA2MM_PROTOCOL', protocol)
    cfg = config_of('vificlip_vit_b16')
    assert not cfg.model.backbone.frozen
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 2e-6, 1e-3)
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=64)
    linear, cosine = cfg.param_scheduler
    assert (linear.end, cosine.begin, cosine.T_max) == (5, 5, epochs - 5)
    assert cfg.train_cfg.max_epochs == cosine.end == epochs


def test_froster_distils_with_the_published_rate():
    cfg = config_of('froster_vit_b16')
    assert not cfg.model.backbone.frozen
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 3.33e-6, 0.01)
    (loss,) = cfg.model.losses
    assert (loss.type, loss.alpha) == ('ResidualFeatureDistillation', 0.1)


def test_the_zero_shot_ensemble_has_the_published_sentences():
    templates = config_of('zero_shot_ensemble_vit_b16').model.cls_head.template
    assert len(templates) == len(set(templates)) == 28
    assert templates[:3] == ['a photo of {}.', 'a photo of a person {}.', 'a photo of a person using {}.']
    assert templates[-1] == 'a demonstration of a person practicing {}.'


@pytest.mark.parametrize(
    ('method', 'text', 'vision', 'rate'),
    [
        ('coop', (4, None), None, 2e-3 / 32),
        ('cocoop', (4, None), None, 2e-3),
        ('vpt_shallow', None, (8, 1), 2.5e-3 / 4),
        ('vpt_deep', None, (8, 12), 2.5e-3 / 4),
        ('ivlp', (4, 9), (4, 9), 2.5e-3 / 4),
        ('maple', (2, 9), (None, None), 3.5e-3 / 4),
        ('promptsrc', (4, 9), (4, 9), 2.5e-3 / 4),
        ('attriprompt', (None, None), None, 2.5e-3 / 4),
    ],
)
def test_sizes_and_rates_are_the_published_ones(method, text, vision, rate):
    cfg = config_of(f'{method}_vit_b16')
    head = cfg.model.cls_head
    for prompt, expected in ((head.get('text_prompt'), text), (head.get('vision_prompt'), vision)):
        found = None if prompt is None else (prompt.get('length'), prompt.get('depth'))
        assert found == expected
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == 'SGD' and 'betas' not in optimizer
    assert cfg.auto_scale_lr.enable
    assert optimizer.lr / cfg.auto_scale_lr.base_batch_size == pytest.approx(rate)


@pytest.mark.parametrize('name', ['attriprompt_vit_b16', 'miniature'])
def test_attriprompt_has_its_three_parts(name):
    cfg = config_of(name, 'attriprompt')
    assert cfg.model.cls_head.text_prompt == dict(type='AttributeRetrieval')
    kinds = ['DualStreamContrastiveLoss', 'SelfRegularizationLoss', 'KeyLoss']
    assert [one.type for one in cfg.model.losses] == kinds


def test_promptsrc_has_its_three_parts():
    cfg = config_of('promptsrc_vit_b16')
    assert len(cfg.model.cls_head.template) == len(set(cfg.model.cls_head.template)) == 48
    assert [one.type for one in cfg.model.losses] == ['SelfConsistency']
    (hook,) = cfg.custom_hooks
    assert (hook.type, hook.mean, hook.std) == ('GaussianAverageHook', pytest.approx(9), pytest.approx(0.6))
