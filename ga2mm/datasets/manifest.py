"""What a generated dataset says of itself, in a file next to its lists."""

import json
from pathlib import Path
from typing import Any

MANIFEST = 'manifest.json'
"""The file; under ``parameters`` it has what the videos were generated with."""


def generator_parameters(ann_file: str | Path) -> Any:
    """What the videos of a list were generated with; None for a list without a manifest of a generator."""
    try:
        content = json.loads(Path(ann_file).with_name(MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get('parameters') if isinstance(content, dict) else None
