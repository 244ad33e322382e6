"""Compare ga2mm with stored reference numbers of GA2-CLIP or of another prompt learner.

The file has weights, inputs, outputs and gradients of released code for a tiny model; tests/data/README.md
describes the two layouts. Prints the relative error of each tensor (largest difference divided by largest
magnitude) and exits with 1 if an error exceeds its tolerance.
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Print the comparison; return 0 if all tensors agree, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, help='reference numbers, an .npz file')
    path = parser.parse_args().file

    import numpy as np
    from reference_numbers import compare_ga2_clip, compare_prompt_learner

    try:
        with np.load(path, allow_pickle=False) as file:
            reference = {key: file[key] for key in file.files}
    except Exception as error:  # NumPy raises various errors for damaged files
        sys.exit(f'{path} cannot be read as an .npz file of arrays: {error}')
    if 'geometry' not in reference:
        sys.exit(f'{path} holds no reference numbers: it has no array "geometry"')
    compare = compare_prompt_learner if 'geometry_names' in reference else compare_ga2_clip
    worst = 0.0
    try:
        for name, error, tolerance in compare(reference):
            worst = max(worst, error / tolerance)
            print(f'{name:75s} {error:.2e}  {"ok" if error <= tolerance else f"EXCEEDS {tolerance:.0e}"}')
    except (KeyError, ValueError) as error:
        sys.exit(f'{path} holds no complete reference numbers: {error}')
    print('agrees' if worst <= 1 else 'DIFFERS', f'(largest error is {worst:.2f} of its tolerance)')
    return int(not worst <= 1)


if __name__ == '__main__':
    sys.exit(main())
