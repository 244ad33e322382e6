import copy
import json
import pickle
import warnings
import zipfile

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ga2mm.models import OpenCLIP
from ga2mm.models.clip.loading import _build
from ga2mm.models.clip.text_layout import PLACEHOLDER

TEXTS = ['walk', 'climb stairs slowly', 'drink']
VISION, TEXT = 'vision_cfg', 'text_cfg'
VARIANTS = {
    'plain': {},
    'quick_gelu': {'quick_gelu': True},
    'average_pooling': {VISION: dict(pool_type='avg', final_ln_after_pool=True, no_ln_pre=True)},
    'layer_scale': {VISION: dict(ls_init_value=0.5), TEXT: dict(ls_init_value=0.5)},
    'attentional_pooling': {VISION: dict(attentional_pool=True, attn_pooler_queries=4, attn_pooler_heads=2)},
    'custom_text': {'custom_text': True},
    'bidirectional': {'custom_text': True, TEXT: dict(no_causal_mask=True, pool_type='last')},
    'causal_last': {TEXT: dict(pool_type='last')},
    'qk_norm': {VISION: dict(qk_norm=True), TEXT: dict(qk_norm=True, proj_bias=True)},
}
UNCUT = ('bidirectional', 'causal_last')


def varied(arch: dict, variant: str) -> dict:
    arch = copy.deepcopy(arch)
    for key, value in VARIANTS[variant].items():
        if isinstance(value, dict):
            arch[key].update(value)
        else:
            arch[key] = value
    return arch


def fingerprint(clip: OpenCLIP) -> str:
    return clip.identity.split()[-1]


def frames(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def weights_of(clip: OpenCLIP) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in clip.model.state_dict().items()}


def hold(tensors: dict[str, torch.Tensor]) -> nn.Module:
    """A module with these tensors in its state dict."""

    class Holder(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    root = Holder()
    for key, value in tensors.items():
        *path, name = key.split('.')
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, Holder())
            module = module._modules[part]
        module.register_buffer(name, value)
    return root


@pytest.fixture(scope='session')
def quick_clip() -> OpenCLIP:
    arch = dict(
        embed_dim=32,
        quick_gelu=True,
        vision_cfg=dict(image_size=32, layers=3, width=64, patch_size=8, head_width=32),
        text_cfg=dict(width=64, heads=2, layers=3),
    )
    return OpenCLIP(arch, 'random')


@pytest.fixture
def openai_archive(quick_clip, tmp_path) -> str:
    tensors = {key: value.half() for key, value in weights_of(quick_clip).items()}
    scalars = dict(input_resolution=32, context_length=77, vocab_size=49408)
    tensors.update({key: torch.tensor(value) for key, value in scalars.items()})
    path = str(tmp_path / 'openai.pt')
    torch.jit.trace(hold(tensors), torch.zeros(1)).save(path)
    return path


@pytest.mark.parametrize('variant', VARIANTS)
def test_towers_without_prompts_equal_open_clip(variant, arch, make_clip):
    clip = make_clip(arch=varied(arch, variant))
    tokens = clip.tokenize(TEXTS)
    assert (tokens.shape[1] == 77) == (variant in UNCUT)
    full = open_clip.SimpleTokenizer()(TEXTS)
    with torch.no_grad():
        theirs = clip.model.encode_image(frames()), clip.model.encode_text(full)
        ours = clip.encode_frames(frames()), clip.encode_tokens(tokens)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ours[1][0], ours[1][1], atol=1e-3)


def native(config: dict) -> bool:
    vision, text = config[VISION], config[TEXT]
    return (
        'multimodal_cfg' not in config
        and 'timm_model_name' not in vision
        and isinstance(vision['layers'], int)
        and not {'hf_model_name', 'hf_tokenizer_name'} & text.keys()
    )


def test_every_native_vit_of_open_clip_takes_prompts():
    names = [name for name in open_clip.list_models() if native(open_clip.get_model_config(name))]
    assert {'ViT-B-16', 'ViT-B-16-quickgelu', 'ViT-L-14', 'ViT-bigG-14'} <= set(names)
    for name in names:
        config = open_clip.get_model_config(name)
        with torch.device('meta'):
            model = _build(config, name)
        assert len(model.visual.transformer.resblocks) == config[VISION]['layers'], name


def test_pretrained_is_the_older_name_of_weights(arch, clip):
    assert OpenCLIP(arch, pretrained='random').identity == clip.identity
    assert OpenCLIP(arch, weights='miniature', pretrained='random').identity == clip.identity
    assert OpenCLIP(arch, weights='random', pretrained=None).identity == clip.identity


@pytest.mark.parametrize(
    'name', ['coca_ViT-B-32', 'ViT-B-16-SigLIP', 'ViTamin-S', 'RN50', 'roberta-ViT-B-32', 'convnext_base']
)
@pytest.mark.parametrize('pretrained', ['random', None])
def test_towers_that_take_no_prompts_are_refused(name, pretrained):
    with pytest.raises(ValueError, match='takes no prompts') as error:
        OpenCLIP(name, pretrained)
    assert name in str(error.value)
    assert '\n' not in str(error.value)


def test_openai_tag_of_a_resnet_is_refused_before_any_download():
    with pytest.raises(ValueError, match='takes no prompts'):
        OpenCLIP('RN50-quickgelu', 'openai')


@pytest.mark.parametrize('layout', ['bare', 'state_dict', 'module', 'half', 'custom_text_model'])
def test_pt_file_gives_the_same_clip(layout, clip, arch, make_clip, tmp_path):
    state_dict = weights_of(clip)
    if layout == 'half':
        # exact in half precision, so that both files hold the same numbers
        state_dict = {key: value.half().float() for key, value in state_dict.items()}
        torch.save(state_dict, tmp_path / 'float.pt')
        expected = make_clip(pretrained=str(tmp_path / 'float.pt'), quick_gelu=False)
        state_dict = {key: value.half() for key, value in state_dict.items()}
    else:
        expected = clip
    if layout == 'module':
        state_dict = {f'module.{key}': value for key, value in state_dict.items()}
    content = state_dict if layout in ('bare', 'half') else {'state_dict': state_dict, 'epoch': 3}
    torch.save(content, tmp_path / 'clip.pt')
    if layout == 'custom_text_model':
        loaded = make_clip(
            arch=dict(arch, custom_text=True), pretrained=str(tmp_path / 'clip.pt'), quick_gelu=False
        )
        torch.testing.assert_close(
            loaded.encode_tokens(loaded.tokenize(TEXTS)), clip.encode_tokens(clip.tokenize(TEXTS))
        )
        return
    loaded = make_clip(pretrained=str(tmp_path / 'clip.pt'), quick_gelu=False)
    assert loaded.identity == expected.identity
    assert loaded.model.visual.proj.dtype == torch.float32
    torch.testing.assert_close(loaded.encode_frames(frames()), expected.encode_frames(frames()))


def test_safetensors_state_their_activation(clip, quick_clip, arch, make_clip, tmp_path):
    path = str(tmp_path / 'clip.safetensors')
    save_file(weights_of(clip), path, {'quick_gelu': 'false'})
    assert make_clip(pretrained=path).identity == clip.identity
    with pytest.raises(ValueError, match='quick_gelu=True, but .* quick_gelu=False'):
        make_clip(pretrained=path, quick_gelu=True)
    with pytest.raises(ValueError, match='trained with GELU, but of the config uses QuickGELU'):
        make_clip(arch=dict(arch, quick_gelu=True), pretrained=path)
    save_file(weights_of(quick_clip), path, {'quick_gelu': 'true'})
    assert make_clip(arch=dict(arch, quick_gelu=True), pretrained=path).identity == quick_clip.identity
    with pytest.raises(ValueError, match='quick_gelu=True in the dict backbone.arch'):
        make_clip(pretrained=path)


def test_a_file_that_is_silent_about_its_activation_needs_a_statement(
    clip, quick_clip, arch, make_clip, tmp_path
):
    path = str(tmp_path / 'clip.safetensors')
    save_file(weights_of(clip), path)
    with pytest.raises(ValueError, match='does not say which activation') as error:
        make_clip(pretrained=path)
    assert 'backbone.quick_gelu=False' in str(error.value)
    assert make_clip(pretrained=path, quick_gelu=False).identity == clip.identity
    with pytest.raises(ValueError, match='trained with QuickGELU'):
        make_clip(pretrained=path, quick_gelu=True)
    # an architecture with QuickGELU states the activation; a contradiction is an error
    assert make_clip(arch=dict(arch, quick_gelu=True), pretrained=path).identity == quick_clip.identity
    with pytest.raises(ValueError, match='trained with GELU'):
        make_clip(arch=dict(arch, quick_gelu=True), pretrained=path, quick_gelu=False)


def test_openai_archive_is_read(openai_archive, quick_clip, arch, make_clip):
    loaded = make_clip(arch=dict(arch, quick_gelu=True), pretrained=openai_archive)
    half = {key: value.half().float() for key, value in weights_of(quick_clip).items()}
    for key, value in loaded.model.state_dict().items():
        assert torch.equal(value, half[key]), key


def test_openai_archive_needs_quick_gelu(openai_archive, make_clip):
    with pytest.raises(ValueError, match='set quick_gelu=True in the dict backbone.arch'):
        make_clip(pretrained=openai_archive)
    with pytest.raises(ValueError, match="set backbone.arch='ViT-B-16-quickgelu'"):
        make_clip(arch='ViT-B-16', pretrained=openai_archive)


def test_openai_state_dict_is_known_by_its_scalars(quick_clip, make_clip, tmp_path):
    state_dict = weights_of(quick_clip) | {'input_resolution': torch.tensor(32)}
    torch.save(state_dict, tmp_path / 'openai.pt')
    with pytest.raises(ValueError, match='trained with QuickGELU'):
        make_clip(pretrained=str(tmp_path / 'openai.pt'))


@pytest.mark.parametrize(
    ('name', 'tag', 'remedy'),
    [
        ('ViT-B-16', 'openai', "backbone.arch='ViT-B-16-quickgelu'"),
        ('ViT-B-32', 'metaclip_400m', "backbone.arch='ViT-B-32-quickgelu'"),
    ],
)
def test_a_tag_of_another_activation_is_refused_before_any_download(name, tag, remedy, tmp_path):
    with pytest.raises(ValueError, match='silently wrong') as error:
        OpenCLIP(name, tag, cache_dir=str(tmp_path))
    assert remedy in str(error.value)
    assert not list(tmp_path.iterdir())


def test_quick_gelu_that_contradicts_a_tag_is_refused():
    with pytest.raises(ValueError, match='leave the key out'):
        OpenCLIP('ViT-B-16-quickgelu', 'openai', quick_gelu=False)


def test_compact_token_table(clip, make_clip, tmp_path):
    ids = open_clip.SimpleTokenizer()(['a video of a person walk .']).unique().int()
    state_dict = weights_of(clip)
    table = state_dict.pop('token_embedding.weight')
    state_dict |= {'token_embedding.ids': ids, 'token_embedding.rows': table[ids.long()].half()}
    path = str(tmp_path / 'compact.safetensors')
    save_file(state_dict, path, {'quick_gelu': 'false'})
    loaded = make_clip(pretrained=path)
    assert make_clip(pretrained=path).identity == loaded.identity
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        tokens = loaded.tokenize(['a video of a person walk.'], prompt_length=2)
        known = loaded.encode_tokens(loaded.tokenize(['a person walk']))
    assert tokens.shape[1] == 11
    torch.testing.assert_close(
        known, clip.encode_tokens(clip.tokenize(['a person walk'])), rtol=0.02, atol=0.02
    )
    with pytest.warns(UserWarning, match="1 texts, such as 'a person juggle'"):
        loaded.tokenize(['a person walk', 'a person juggle'])


def save_directory(folder, clip: OpenCLIP, arch: dict, weights: bool = True) -> None:
    folder.mkdir()
    preprocess = dict(mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    config = dict(model_cfg=arch, preprocess_cfg=preprocess)
    (folder / 'open_clip_config.json').write_text(json.dumps(config))
    if weights:
        save_file(weights_of(clip), folder / 'open_clip_model.safetensors')


def test_local_directory_brings_architecture_weights_and_pixel_statistics(clip, arch, tmp_path):
    folder = tmp_path / 'my clip'
    save_directory(folder, clip, arch)
    loaded = OpenCLIP(f'local-dir:{folder}')
    assert fingerprint(loaded) == fingerprint(clip)
    loaded.check_identity(clip.identity, 'it')
    mean, std = loaded.pixel_mean_std
    assert mean == pytest.approx([25.5, 51, 76.5])
    assert std == pytest.approx([102, 127.5, 153])
    assert torch.equal(loaded.tokenize(TEXTS), clip.tokenize(TEXTS))


def test_broken_local_directories_are_refused(clip, arch, tmp_path):
    save_directory(tmp_path / 'empty', clip, arch, weights=False)
    with pytest.raises(ValueError, match='empty'):
        OpenCLIP(f'local-dir:{tmp_path / "empty"}')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        OpenCLIP(f'local-dir:{tmp_path / "nowhere"}')
    with pytest.raises(ValueError, match='leave out'):
        OpenCLIP(f'local-dir:{tmp_path / "empty"}', pretrained='random')


def test_another_geometry_is_refused_with_the_architecture_that_fits(make_clip, tmp_path):
    shapes = {
        'visual.conv1.weight': (768, 3, 32, 32),
        'visual.positional_embedding': (50, 768),
        'text_projection': (512, 512),
    }
    path = str(tmp_path / 'clip.safetensors')
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, path, {'quick_gelu': 'false'})
    with pytest.raises(ValueError, match='differences') as error:
        make_clip(pretrained=path)
    assert str(error.value).endswith("It fits backbone.arch='ViT-B-32' or 'ViT-B-32-quickgelu'")
    assert 'ln_final.weight is missing' in str(error.value)


def test_a_wrong_shape_is_named(clip, make_clip, tmp_path):
    path = str(tmp_path / 'clip.safetensors')
    save_file(weights_of(clip) | {'visual.proj': torch.zeros(64, 16)}, path, {'quick_gelu': 'false'})
    with pytest.raises(ValueError, match=r'1 differences.*visual.proj has shape \(64, 16\), not \(64, 32\)'):
        make_clip(pretrained=path)


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.mark.parametrize('by', ['torch', 'pickle'])
def test_code_in_a_pickle_is_not_run(by, make_clip, tmp_path):
    path, trace = tmp_path / 'clip.pt', tmp_path / 'trace'
    if by == 'torch':
        torch.save({'state_dict': RunsCode(trace)}, path)
    else:
        path.write_bytes(pickle.dumps(RunsCode(trace)))
    with pytest.raises(ValueError, match='not a file of tensors'):
        make_clip(pretrained=str(path), quick_gelu=False)
    assert not trace.exists()


@pytest.mark.parametrize('name', ['clip.pt', 'clip.safetensors'])
def test_garbage_is_refused(name, make_clip, tmp_path):
    (tmp_path / name).write_bytes(b'garbage' * 10)
    with pytest.raises(ValueError, match=name):
        make_clip(pretrained=str(tmp_path / name), quick_gelu=False)


def test_damaged_archive_is_refused(openai_archive, make_clip, tmp_path):
    with zipfile.ZipFile(openai_archive) as archive, zipfile.ZipFile(tmp_path / 'less.pt', 'w') as less:
        for name in archive.namelist():
            if not name.endswith('data.pkl'):
                less.writestr(name, archive.read(name))
    with pytest.raises(ValueError, match='less.pt'):
        make_clip(pretrained=str(tmp_path / 'less.pt'))


def test_a_list_is_no_state_dict(make_clip, tmp_path):
    torch.save([torch.zeros(1)], tmp_path / 'list.pt')
    with pytest.raises(ValueError, match='no state dict'):
        make_clip(pretrained=str(tmp_path / 'list.pt'), quick_gelu=False)


def test_missing_things_are_named(make_clip, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.pt'):
        make_clip(pretrained=str(tmp_path / 'absent.pt'))
    with pytest.raises(ValueError, match="'ViT-X-99' is not an architecture"):
        make_clip(arch='ViT-X-99')
    with pytest.raises(ValueError, match="'opnai' is neither a file nor a tag .*openai, laion"):
        make_clip(arch='ViT-B-32', pretrained='opnai')
    with pytest.raises(ValueError, match=r'backbone.weights is missing for ViT-B-32: .*\(openai, laion'):
        make_clip(arch='ViT-B-32', pretrained=None)


def test_frozen_clip_is_in_no_optimizer_and_no_checkpoint(clip):
    assert list(clip.parameters()) == list(clip.buffers()) == list(clip.children()) == []
    assert list(clip.state_dict()) == ['_extra_state']
    assert bytes(clip.state_dict()['_extra_state'].tolist()).decode() == clip.identity
    assert not any(parameter.requires_grad for parameter in clip.model.parameters())


def test_train_mode_does_not_reach_the_frozen_clip(arch, make_clip):
    arch[VISION]['patch_dropout'] = 0.5
    clip = make_clip(arch=arch).train()
    assert torch.equal(clip.encode_frames(frames()), clip.encode_frames(frames()))


def test_precision_reaches_the_frozen_clip(make_clip):
    clip = nn.Sequential(make_clip()).double()[0]
    assert clip.encode_frames(frames().double()).dtype == torch.float64
    assert clip.encode_tokens(clip.tokenize(TEXTS)).dtype == torch.float64
    clip.half()
    assert {value.dtype for value in clip.model.state_dict().values()} == {torch.float16}


def test_deepcopy_is_another_clip_with_the_same_weights(make_clip):
    clip = make_clip()
    other = copy.deepcopy(clip)
    assert other.identity == clip.identity
    assert other.text_tower is other.model
    expected = clip.encode_frames(frames())
    other.double()
    assert torch.equal(clip.encode_frames(frames()), expected)
    torch.testing.assert_close(other.encode_frames(frames().double()).float(), expected)


def test_frozen_text_is_encoded_once_until_the_clip_moves(make_clip):
    clip = make_clip()
    calls = []
    clip.text_tower.ln_final.register_forward_hook(lambda *args: calls.append(1))
    features = clip.frozen_text_features(TEXTS)
    assert clip.frozen_text_features(list(TEXTS)) is features
    assert len(calls) == 1
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(3))
    assert not features.requires_grad
    assert torch.equal(clip.frozen_text_features(TEXTS[:1]), clip.frozen_text_features(TEXTS[:1]))
    assert len(calls) == 2
    clip.to(torch.float64)
    assert clip.frozen_text_features(TEXTS).dtype == torch.float64
    assert len(calls) == 3


def test_many_texts_are_encoded_in_their_order(clip):
    texts = [f'action {number}' for number in range(300)]
    features = clip.frozen_text_features(texts)
    assert features.shape == (300, 32)
    torch.testing.assert_close(features[[0, 299]], clip.frozen_text_features([texts[0], texts[299]]))


def test_features_from_inference_mode_serve_in_training(make_clip):
    clip = make_clip()
    with torch.inference_mode():
        clip.frozen_text_features(TEXTS)
    video = torch.randn(1, 32, requires_grad=True)
    (video @ clip.frozen_text_features(TEXTS).t()).sum().backward()
    assert video.grad.abs().sum() > 0


def test_a_text_that_is_too_long_is_named(clip):
    long_name = 'walk ' * 74
    assert clip.tokenize([long_name, 'drink']).shape == (2, 76)
    assert clip.tokenize([long_name], prompt_length=1).shape == (1, 77)
    with pytest.raises(ValueError, match='walk walk .* with 2 prompt tokens has 78 tokens') as error:
        clip.tokenize(['drink', long_name], prompt_length=2)
    assert 'takes 77' in str(error.value)
    with pytest.raises(ValueError, match='takes 77'):
        clip.tokenize(['walk ' * 2000])


def test_placeholders_stand_behind_the_start_token(clip):
    plain, prompted = clip.tokenize(TEXTS), clip.tokenize(TEXTS, prompt_length=3)
    assert torch.equal(prompted[:, :1], plain[:, :1])
    assert (prompted[:, 1:4] == PLACEHOLDER).all()
    assert torch.equal(prompted[:, 4:], plain[:, 1:])


def test_frames_of_another_size_are_refused(clip):
    with pytest.raises(ValueError, match='frames are 32x48 pixels.* takes 32x32'):
        clip.encode_frames(torch.zeros(1, 3, 32, 48))


def test_grad_checkpointing_gives_equal_features_and_gradients(make_clip):
    results = []
    for grad_checkpointing in (False, True):
        clip = make_clip(grad_checkpointing=grad_checkpointing)
        calls = []
        clip.model.visual.transformer.resblocks[0].ln_2.register_forward_pre_hook(
            lambda *args, calls=calls: calls.append(1)
        )
        generator = torch.Generator().manual_seed(1)
        vision, text = (torch.randn(2, 3, 64, generator=generator).requires_grad_() for _ in range(2))
        videos = clip.encode_frames(frames(), list(vision))
        texts = clip.encode_tokens(clip.tokenize(TEXTS, 3), list(text))
        (videos @ texts.t()).square().sum().backward()
        results.append((videos, texts, vision.grad, text.grad))
        assert len(calls) == 1 + grad_checkpointing
    torch.testing.assert_close(*results)
    assert all(gradient.abs().amin(dim=(0, 2)).min() > 0 for gradient in results[0][2:])


@pytest.mark.parametrize(
    ('grad_checkpointing', 'vision', 'text'),
    [
        ('none', 0, 0),
        (False, 0, 0),
        ('text', 0, 3),
        ('all', 3, 3),
        (True, 3, 3),
        (0, 0, 0),
        (2, 2, 2),
        (9, 3, 3),
    ],
)
def test_grad_checkpointing_names_the_layers_that_are_computed_twice(
    grad_checkpointing, vision, text, make_clip
):
    clip = make_clip(grad_checkpointing=grad_checkpointing)
    calls = []
    for tower, blocks in (('vision', clip.model.visual.transformer), ('text', clip.text_tower.transformer)):
        for block in blocks.resblocks:
            block.ln_2.register_forward_pre_hook(lambda *args, tower=tower: calls.append(tower))
    prompts = torch.randn(3, 3, 64, requires_grad=True)
    videos = clip.encode_frames(frames(), list(prompts))
    (videos @ clip.encode_tokens(clip.tokenize(TEXTS, 3), list(prompts)).t()).sum().backward()
    assert (calls.count('vision'), calls.count('text')) == (3 + vision, 3 + text)


@pytest.mark.parametrize('grad_checkpointing', ['vision', -1, 1.5, None])
def test_wrong_grad_checkpointing_is_one_line(grad_checkpointing, make_clip):
    with pytest.raises(ValueError, match="give 'none', 'text', 'all' or a number of layers"):
        make_clip(grad_checkpointing=grad_checkpointing)


def test_identity_depends_on_every_tensor_and_on_the_activation(clip, quick_clip, make_clip, tmp_path):
    path = str(tmp_path / 'clip.safetensors')
    identities = {fingerprint(clip), fingerprint(quick_clip)}
    keys = ['visual.conv1.weight', 'text_projection', 'logit_scale', 'transformer.resblocks.2.ln_1.bias']
    for key in keys:
        weights = weights_of(clip)
        weights[key] += 0.01
        save_file(weights, path, {'quick_gelu': 'false'})
        identities.add(fingerprint(make_clip(pretrained=path)))
    assert len(identities) == 2 + len(keys)


def test_another_identity_is_refused(clip, quick_clip):
    with pytest.raises(ValueError, match='the file belongs to CLIP') as error:
        clip.check_identity(quick_clip.identity, 'the file')
    assert quick_clip.identity in str(error.value)
    assert clip.identity in str(error.value)
