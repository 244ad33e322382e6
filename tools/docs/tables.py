"""Renew the tables of a page of docs/experiments from the benchmark that its command ran.

    python tools/docs/tables.py docs/experiments/anchors_test.md work_dirs/benchmarks/anchors

The page has lines that say where tables stand, here those of the data set *mild*::

    <!-- tables: mild -->
    <!-- end of tables -->

What stands between them is replaced by the tables of ``table.md`` whose heading begins with ``mild:``, each
below its heading, and by the last paragraph: draws, seeds, minutes, commit and device.
"""

import argparse
import re
from pathlib import Path

from ga2mm.utils import one_line_errors, write_text

BLOCK = re.compile(r'(<!-- tables: ([^\n]+) -->\n).*?(<!-- end of tables -->\n)', re.DOTALL)


def renewed(page: str, measured: str) -> str:
    """Give a page with the tables of a benchmark's ``table.md``.

    Raises:
        ValueError: The page has no place for tables, or names a data set that the benchmark does not have.
    """
    *tables, footer = re.split(r'\n\n(?=\*\*)|\n\n(?=[^*|\n][^\n]*\n?\Z)', measured.strip())

    def fill(block: re.Match) -> str:
        dataset = block[2]
        chosen = [table for table in tables if table.startswith(f'**{dataset}: ')]
        if not chosen:
            raise ValueError(f'the benchmark has no table of {dataset!r}')
        # A heading is prose here, not bold, as on the rest of the page.
        chosen = [re.sub(r'\A\*\*(.*)\*\*', lambda heading: f'{heading[1]}:', table) for table in chosen]
        return block[1] + '\n\n'.join(['', *chosen, footer, '']).lstrip('\n') + block[3]

    page, count = BLOCK.subn(fill, page)
    if not count:
        raise ValueError('the page has no line <!-- tables: DATA SET --> with its end')
    return page


def main() -> None:
    """Run the command line, see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('page', type=Path, help='a page of docs/experiments')
    parser.add_argument('work_dir', type=Path, help='the folder of the benchmark')
    args = parser.parse_args()
    measured = (args.work_dir / 'table.md').read_text(encoding='utf-8')
    write_text(args.page, renewed(args.page.read_text(encoding='utf-8'), measured))


if __name__ == '__main__':
    with one_line_errors():
        main()
