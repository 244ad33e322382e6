"""Figures of results: each module turns plain data into one matplotlib figure."""

from ga2mm.visualization.bars import bars_figure
from ga2mm.visualization.confusion import confusion_figure, count_confusion
from ga2mm.visualization.curves import curves_figure, read_scalars
from ga2mm.visualization.html_page import html_picture, html_table, html_text, write_page
from ga2mm.visualization.results import read_results
from ga2mm.visualization.run_report import (
    ACCURACY_COLUMNS,
    accuracy_rows,
    read_test_metrics,
    write_run_report,
)
from ga2mm.visualization.save_figure import save_figure
from ga2mm.visualization.time_line import time_line_figure
from ga2mm.visualization.tradeoff import tradeoff_figure
from ga2mm.visualization.tsne import VideoSet, tsne, tsne_figure

__all__ = [
    'ACCURACY_COLUMNS',
    'VideoSet',
    'accuracy_rows',
    'bars_figure',
    'confusion_figure',
    'count_confusion',
    'curves_figure',
    'html_picture',
    'html_table',
    'html_text',
    'read_results',
    'read_scalars',
    'read_test_metrics',
    'save_figure',
    'time_line_figure',
    'tradeoff_figure',
    'tsne',
    'tsne_figure',
    'write_page',
    'write_run_report',
]
