"""Place of the packaged configs, in the layout of MMAction2's packages."""

from pathlib import Path

CONFIGS = Path(__file__).parent / '.mim' / 'configs'
"""Folder of the configs; in a clone of the repository a link to its ``configs``."""
