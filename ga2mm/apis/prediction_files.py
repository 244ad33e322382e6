"""Files of predictions: tables, JSON and subtitles."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ga2mm.apis.prediction import Prediction
from ga2mm.utils import replace_when_written


def write_csv(path: str | Path, predictions: Sequence[Prediction], top: int = 1) -> None:
    """Write a table with one row per prediction, in UTF-8.

    Columns: ``video``, for parts of videos ``start`` and ``end`` in seconds, ``label``, ``probability``, for
    ``top`` of 2 or more the ranked classes ``class_1``, ``probability_1``, ..., and ``problem``.
    """
    parts = any(one.start is not None for one in predictions)
    ranks = [] if top < 2 else list(range(1, top + 1))
    header = ['video', *(['start', 'end'] if parts else []), 'label', 'probability']
    header += [f'{name}_{rank}' for rank in ranks for name in ('class', 'probability')] + ['problem']
    with replace_when_written(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for one in predictions:
            row: list[Any] = [one.video, *([one.start, one.end] if parts else [])]
            row += ['; '.join(one.labels) or one.label, _rounded(one.probability)]
            for rank in ranks:
                row += (
                    (one.top[rank - 1][0], _rounded(one.top[rank - 1][1]))
                    if rank <= len(one.top)
                    else ('', '')
                )
            writer.writerow([*row, one.problem])


def write_json(path: str | Path, content: Any) -> None:
    """Write plain values as JSON, in UTF-8."""
    with replace_when_written(path) as temporary:
        temporary.write_text(
            json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + '\n', encoding='utf-8'
        )


def write_srt(path: str | Path, segments: Sequence[Prediction]) -> None:
    """Write subtitles (SubRip) of segments that follow one another."""
    blocks = []
    for number, one in enumerate(segments, start=1):
        text = ', '.join(one.labels) or one.label or one.problem or ''
        share = '' if one.probability is None or len(one.labels) > 1 else f' ({one.probability:.0%})'
        line = ' '.join(f'{text}{share}'.split()).replace('-->', '->')
        blocks.append(f'{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{line}\n')
    with replace_when_written(path) as temporary:
        temporary.write_text('\n'.join(blocks), encoding='utf-8')


def _clock(seconds: float) -> str:
    """Give seconds as ``hours:minutes:seconds,milliseconds``."""
    whole = round(1000 * seconds)
    return f'{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}'


def _rounded(value: float | None) -> float | str:
    return '' if value is None else round(value, 6)
