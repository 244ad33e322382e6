"""Convert a checkpoint of the released GA2-CLIP: its prompts and its CLIP."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ga2mm.utils import one_line_errors

if TYPE_CHECKING:
    from mmengine.config import Config

MAPPING = 'prompt_learner.proj_b2n_VPT.'
"""Prefix of the layer that couples the hard prompt to the soft prompt."""


def convert(checkpoint: Path, out: Path, clip: Path, clip_out: Path, hard_prompt: Path) -> 'Config':
    """Write prompts and CLIP of a released GA2-CLIP checkpoint.

    Args:
        checkpoint: GA2-CLIP's checkpoint.
        out: The checkpoint to write.
        clip: The original OpenAI CLIP, for the token table, which the checkpoint lacks.
        clip_out: The safetensors file for the checkpoint's CLIP.
        hard_prompt: The file from which the release read its hard prompt, or another file that
            ``tools/convert/hard_prompt.py`` accepts.

    Returns:
        A config whose ``model`` loads the written files. The hard prompt is in ``out``.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file has another format, or content that ga2mm does not support.
    """
    from conversion import (
        add_token_table,
        drop_class_buffers,
        refuse_unknown,
        split_towers,
        take_prompts,
        write_clip_and_prompts,
    )

    from ga2mm.apis.export_hard_prompt import soft_prompt_of
    from ga2mm.engine import read_checkpoint, state_dict_of

    content = read_checkpoint(checkpoint)
    state_dict = state_dict_of(content, checkpoint)
    towers, others = split_towers(state_dict)
    weights = add_token_table(towers, drop_class_buffers(others), clip, checkpoint)
    text = take_prompts(others, 'prompt_learner.ctx_VPT', 'text_encoder', checkpoint)
    vision = take_prompts(others, 'image_encoder.VPT', 'image_encoder', checkpoint)
    mapping = {key: others.pop(key) for key in list(others) if key.startswith(MAPPING)}
    refuse_unknown(others, checkpoint)
    if content.get('fusion_model_state_dict'):
        raise ValueError(
            f'{checkpoint} has weights in fusion_model_state_dict: ga2mm averages the frames, which '
            'needs no weights'
        )
    if text is None:
        raise ValueError(f'{checkpoint} has no prompt_learner.ctx_VPT: is it a checkpoint of GA2-CLIP?')
    frozen = soft_prompt_of(state_dict_of(read_checkpoint(hard_prompt), hard_prompt), hard_prompt)

    learnt = {'text_prompt.soft_prompt': text, 'coupling.hard_prompt': frozen}
    learnt |= {f'coupling.mapping.{key.removeprefix(MAPPING)}': value for key, value in mapping.items()}
    depth, length, _ = text.shape
    text_prompt = dict(type='DeepPrompt', length=length, depth=depth)
    coupling = dict(
        type='HardPromptCoupling',
        # Only training needs it. It belongs to another CLIP if the release tuned the backbone in between.
        hard_prompt=f'hard_prompts/{hard_prompt.stem}.safetensors',
        allow_other_clip=True,
    )
    cls_head = dict(type='CoupledPromptHead', text_prompt=text_prompt, coupling=coupling)
    if vision is not None:
        learnt['vision_prompt.soft_prompt'] = vision
        depth, length, _ = vision.shape
        cls_head['vision_prompt'] = dict(type='DeepPrompt', length=length, depth=depth)
    return write_clip_and_prompts(checkpoint, weights, clip_out, cls_head, learnt, out)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help="GA2-CLIP's checkpoint")
    parser.add_argument('out', type=Path, help='the checkpoint to write')
    parser.add_argument('--clip', type=Path, required=True, help="OpenAI's CLIP that it started from")
    parser.add_argument('--clip-out', type=Path, required=True, help='the .safetensors file for its CLIP')
    parser.add_argument('--hard-prompt', type=Path, required=True, help='the file of its hard prompt')
    args = parser.parse_args()
    config = convert(args.checkpoint, args.out, args.clip, args.clip_out, args.hard_prompt)
    print(f'{args.out}: in a config\n{config.pretty_text}')


if __name__ == '__main__':
    with one_line_errors():
        main()
