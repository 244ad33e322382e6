"""Export the soft prompt of a finished run as the hard prompt of other runs.

Accepts a checkpoint of ga2mm, a checkpoint of the released GA2-CLIP, the file from which the release reads
its hard prompt, or a checkpoint of ViFi-CLIP's prompts. Only ga2mm's checkpoints record the CLIP of the
prompt. For the others give the CLIP with --config, or set coupling.allow_other_clip=True in the runs that use
the prompt.
"""

import argparse
from pathlib import Path

from ga2mm.utils import one_line_errors


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a finished run')
    parser.add_argument('out', type=Path, help='the .safetensors file to write')
    parser.add_argument('--config', type=Path, help='config of the CLIP that the prompt was learnt on')
    args = parser.parse_args()

    from ga2mm.apis.export_hard_prompt import export_hard_prompt

    length, width = export_hard_prompt(args.checkpoint, args.out, args.config)
    print(f'{args.out}: hard prompt of {length} tokens of width {width}')


if __name__ == '__main__':
    with one_line_errors():
        main()
