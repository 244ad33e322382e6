"""Write the soft prompt that a finished run learnt, for other runs to take as their hard prompt.

Takes a checkpoint of ga2mm, one of the released GA2-CLIP, the file from which the release reads its hard
prompt, or a checkpoint of ViFi-CLIP's prompts. Only ga2mm's says which CLIP its prompt belongs to: name that
of the others with --config, or the runs that take the prompt must set coupling.allow_other_clip=True.
"""

import argparse
from pathlib import Path

from ga2mm.apis.export_hard_prompt import export_hard_prompt
from ga2mm.utils import one_line_errors


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a finished run')
    parser.add_argument('out', type=Path, help='the .safetensors file to write')
    parser.add_argument('--config', type=Path, help='config of the CLIP that the prompt was learnt on')
    args = parser.parse_args()
    length, width = export_hard_prompt(args.checkpoint, args.out, args.config)
    print(f'{args.out}: hard prompt of {length} tokens of width {width}')


if __name__ == '__main__':
    with one_line_errors():
        main()
