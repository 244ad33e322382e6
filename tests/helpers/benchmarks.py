"""A small benchmark on the miniature world."""

from pathlib import Path

from mmengine.config import Config

from tests.helpers import running

SHORT = {
    'model.backbone.pretrained': 'random',
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
}


def write_config(path: Path, **changes) -> Path:
    """A benchmark of three short methods on draw 0 of the miniature world."""

    def method(name: str, **options) -> dict:
        return dict(config=str(running.CONFIGS / f'miniature_{name}.py'), options={**SHORT, **options})

    config = dict(
        methods={
            'zero-shot CLIP': dict(
                config=str(running.CONFIGS / 'miniature_zero_shot.py'),
                options={'model.backbone.pretrained': 'random'},
                learns=False,
            ),
            'deep prompts': method('deep_prompts'),
            'GA2-CLIP': method('ga2'),
        },
        datasets={'mild': {}},
        # The tool learns hard prompts in one epoch of this config.
        hard_prompt=dict(config=str(path.with_name('source.py'))),
        baseline='deep prompts',
        draws=[0],
        seeds=[0, 1],
    )
    config.update(changes)
    lines = [f'{key} = {value!r}' for key, value in config.items() if value is not None]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    source = Config(dict(_base_=str(running.CONFIGS / 'miniature_source.py')))
    path.with_name('source.py').write_text(
        f'_base_ = {source._base_!r}\n'
        "model = dict(backbone=dict(pretrained='random'))\n"
        'train_cfg = dict(max_epochs=1, val_interval=1)\n'
        'default_hooks = dict(checkpoint=dict(interval=1))\n'
    )
    return path
