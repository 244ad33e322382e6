"""Convert OpenAI's CLIP, a TorchScript archive, to safetensors with the activation in the metadata."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from mmengine.config import Config


def convert(archive: Path, out: Path) -> 'Config':
    """Write OpenAI's CLIP as safetensors in its original precision.

    Returns:
        A config whose ``model.backbone`` is this CLIP.

    Raises:
        FileNotFoundError: The archive does not exist.
        ValueError: The archive is not a ViT CLIP of OpenAI.
    """
    from conversion import write_clip_and_prompts

    from ga2mm.models.clip.weights import read_weights

    weights = read_weights(archive)
    if weights.quick_gelu is not True:
        raise ValueError(
            f"{archive} does not say that it is OpenAI's: give the archive as published; a backbone takes "
            'other state dicts as they are (backbone.weights, backbone.quick_gelu)'
        )
    return write_clip_and_prompts(archive, weights, out, dict(type='CoupledPromptHead'), {}, None)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('archive', type=Path, help="OpenAI's .pt file")
    parser.add_argument('out', type=Path, help='the .safetensors file to write')
    args = parser.parse_args()
    print(f'{args.out}: in a config\n{convert(args.archive, args.out).pretty_text}')


if __name__ == '__main__':
    with one_line_errors():
        main()
