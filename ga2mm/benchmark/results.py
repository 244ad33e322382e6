"""Results of a benchmark: rows, tables and report."""

from pathlib import Path

from ga2mm.benchmark.plan import Benchmark
from ga2mm.benchmark.report import write_report
from ga2mm.benchmark.run_cell import read_result
from ga2mm.benchmark.tables import make_footer, make_tables, write_rows
from ga2mm.utils import replace_when_written


def write_results(benchmark: Benchmark, work_dir: Path) -> None:
    """Write rows, tables and report of all finished cells, and print the tables."""
    rows = [row for row in (read_result(cell, work_dir) for cell in benchmark.cells) if row is not None]
    if not rows:
        return
    write_rows(rows, work_dir)
    tables = make_tables(benchmark, rows)
    footer = make_footer(benchmark, rows)
    text = '\n\n'.join([*(table.markdown() for table in tables), footer]) + '\n'
    with replace_when_written(work_dir / 'table.md') as temporary:
        temporary.write_text(text)
    print(f'\n{text}\nfiles: {work_dir}', flush=True)
    write_report(benchmark, rows, tables, footer, work_dir)
