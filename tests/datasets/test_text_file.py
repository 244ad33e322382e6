"""Text files that cannot be read."""

import os

import pytest

from ga2mm.datasets import read_annotation, read_label_map, read_video_list
from tests.helpers import running


@pytest.mark.parametrize('read', [read_annotation, read_video_list, read_label_map])
def test_files_that_are_none_are_named(tmp_path, read):
    (tmp_path / 'circle').symlink_to('circle')
    os.mkfifo(tmp_path / 'pipe')  # a read would block forever
    for name, kind, message in (
        ('circle', OSError, 'Too many levels of symbolic links'),
        ('pipe', ValueError, 'pipe: not a regular file'),
        ('.', OSError, 'Is a directory'),
        ('a' * 300, OSError, 'File name too long'),
        ('a\0b', ValueError, r"'.*a\\x00b': the file name contains the character NUL"),
    ):
        with pytest.raises(kind, match=message):
            read(f'{tmp_path}/{name}')


@pytest.mark.parametrize('read', [read_annotation, read_video_list, read_label_map])
def test_a_file_that_may_not_be_read_is_not_called_missing(tmp_path, read):
    (tmp_path / 'list.txt').write_text('a.mp4 0')
    (tmp_path / 'list.txt').chmod(0)
    with pytest.raises(PermissionError, match='Permission denied: .*list.txt'), running.unprivileged():
        read(tmp_path / 'list.txt')
