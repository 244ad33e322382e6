"""Convert a checkpoint of ViFi-CLIP: its tuned CLIP, or its prompts and their CLIP."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from mmengine.config import Config

TEMPLATE = 'a photo of a {}.'
"""Text of a class in all released configs without prompts (``CTX_INIT``)."""


def convert(checkpoint: Path, clip: Path, clip_out: Path, out: Path | None = None) -> 'Config':
    """Write the CLIP of a ViFi-CLIP checkpoint, and its prompts if it has any.

    Names of tensors: github.com/muzairkhattak/ViFi-CLIP, trainers/vificlip.py and clip/model.py.

    Args:
        checkpoint: ViFi-CLIP's checkpoint.
        clip: The original OpenAI CLIP, for the token table, which the checkpoint lacks.
        clip_out: The safetensors file for the CLIP.
        out: The checkpoint for the prompts; None for a CLIP that was tuned without prompts.

    Returns:
        A config whose ``model`` loads the written files.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file has another format, or ``out`` is given without prompts or missing with prompts.
    """
    from conversion import (
        add_token_table,
        drop_class_buffers,
        refuse_unknown,
        split_towers,
        take_prompts,
        write_clip_and_prompts,
    )

    from ga2mm.engine import read_checkpoint, state_dict_of

    state_dict = state_dict_of(read_checkpoint(checkpoint), checkpoint)
    towers, others = split_towers(state_dict)
    weights = add_token_table(towers, drop_class_buffers(others), clip, checkpoint)
    prompts = {
        'text_prompt': take_prompts(others, 'prompt_learner.ctx', 'text_encoder', checkpoint),
        'vision_prompt': take_prompts(others, 'image_encoder.VPT', 'image_encoder', checkpoint),
    }
    refuse_unknown(others, checkpoint)
    prompts = {name: prompt for name, prompt in prompts.items() if prompt is not None}
    if bool(prompts) != (out is not None):
        raise ValueError(
            f'{checkpoint} has prompts: give the argument OUT, a file for them'
            if prompts
            else f'{checkpoint} has no prompts, only a CLIP: leave out the argument {out}'
        )
    cls_head = dict(type='CoupledPromptHead')
    if not prompts:
        cls_head['template'] = TEMPLATE
    for name, prompt in prompts.items():
        depth, length, _ = prompt.shape
        cls_head[name] = dict(type='DeepPrompt', length=length, depth=depth)
    learnt = {f'{name}.soft_prompt': prompt for name, prompt in prompts.items()}
    return write_clip_and_prompts(checkpoint, weights, clip_out, cls_head, learnt, out)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help="ViFi-CLIP's checkpoint")
    parser.add_argument('out', type=Path, nargs='?', help='the checkpoint to write, if there are prompts')
    parser.add_argument('--clip', type=Path, required=True, help="OpenAI's CLIP that it started from")
    parser.add_argument('--clip-out', type=Path, required=True, help='the .safetensors file for its CLIP')
    args = parser.parse_args()
    config = convert(args.checkpoint, args.clip, args.clip_out, args.out)
    print(f'{args.out or args.clip_out}: in a config\n{config.pretty_text}')


if __name__ == '__main__':
    with one_line_errors():
        main()
