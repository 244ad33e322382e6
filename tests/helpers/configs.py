"""Lists of the configs with a model."""

from pathlib import Path

from tests.helpers import running

CONFIGS = running.ROOT / 'configs'
MODEL_CONFIGS = sorted(
    path
    for path in CONFIGS.rglob('*.py')
    if path.relative_to(CONFIGS).parts[0] not in ('_base_', 'benchmarks')
)


def name_of(value: Path | str | None) -> str:
    return str(value.relative_to(CONFIGS).with_suffix('')) if isinstance(value, Path) else value or ''
