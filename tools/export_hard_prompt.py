"""Write the soft prompt that a finished run learnt, for other runs to take as their hard prompt."""

import argparse
from pathlib import Path

import torch

from ga2mm.engine import allow_mmengine_checkpoints
from ga2mm.models.prompts.hard_prompt import write_hard_prompt
from ga2mm.utils import one_line_errors

SOFT_PROMPT = 'cls_head.text_prompt.soft_prompt'
CLIP_IDENTITY = 'backbone._extra_state'


def export_hard_prompt(checkpoint: Path, out: Path) -> tuple[int, int]:
    """Write the text tower's soft prompt of the input layer as a hard prompt.

    Of a coupled prompt, too, it is the soft part that is written, as in the released code.

    Returns:
        Length and width of the prompt.

    Raises:
        ValueError: The checkpoint has no text prompt.
    """
    allow_mmengine_checkpoints()
    try:
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes torch raise
        raise ValueError(
            f'{checkpoint} is no checkpoint ({type(error).__name__}): give the .pth file of a finished run'
        ) from error
    try:
        state_dict = content['state_dict']
        prompt = state_dict[SOFT_PROMPT][0]
        identity = bytes(state_dict[CLIP_IDENTITY].tolist()).decode()
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f'{checkpoint} has no soft prompt in its text tower ({error}): give a checkpoint of a run '
            'whose config has cls_head.text_prompt'
        ) from error
    write_hard_prompt(out, prompt, identity, source=checkpoint.name)
    return tuple(prompt.shape)


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a finished run')
    parser.add_argument('out', type=Path, help='the .safetensors file to write')
    args = parser.parse_args()
    length, width = export_hard_prompt(args.checkpoint, args.out)
    print(f'{args.out}: hard prompt of {length} tokens of width {width}')


if __name__ == '__main__':
    with one_line_errors():
        main()
