"""Manifest of a generated dataset, a file in the folder of its lists."""

import json
from pathlib import Path
from typing import Any

MANIFEST = 'manifest.json'
"""Name of the file; its key ``parameters`` has the parameters of the generator."""


def generator_parameters(ann_file: str | Path) -> Any:
    """Give the parameters that generated the videos of a list; None for a list without a valid manifest."""
    try:
        content = json.loads(Path(ann_file).with_name(MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get('parameters') if isinstance(content, dict) else None
