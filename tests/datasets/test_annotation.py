"""Annotation files."""

import pytest

from ga2mm.datasets import read_annotation, read_video_list


def test_annotation_lines(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(
        b'\xef\xbb\xbfa.mp4 0\r\n\r\n  folder/my clip, part 2.mp4  12 \nb.mp4, 3\nc\tq.mp4\t4\n\n'
        + 'übung.mp4 5'.encode()
    )
    assert read_annotation(path) == [
        ('a.mp4', 0),
        ('folder/my clip, part 2.mp4', 12),
        ('b.mp4', 3),
        ('c\tq.mp4', 4),
        ('übung.mp4', 5),
    ]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        (b'b.mp4', "no label in 'b.mp4'"),
        (b'b.mp4,1', "no label in 'b.mp4,1'"),
        (b'my clip.mp4', "label 'clip.mp4' is not an integer"),
        (b'b.mp4 1.0', "label '1.0' is not an integer"),
        (b'b.mp4 -1', 'label -1 is negative'),
        (b'b.mp4 ' + b'9' * 5000, "label '9{80}...' is not an integer"),
        (b'b.mp4 +1', r"label '\+1' is not an integer"),
        (b'b.mp4 0 1', "more than one label in 'b.mp4 0'"),
        (b'"my clip.mp4" 1', "'\"my clip.mp4\"' is not a path; write 'path label', without quotes"),
        (b'"b.mp4": 1', '\'"b.mp4":\' is not a path'),
        (b'# three clips 3', "'# three clips' is a comment"),
        (b'\xff.mp4 1', 'not UTF-8'),
        (b'b\x00.mp4 1', r"the character '\\x00'; save the file as plain text"),
        (b'\xef\xbb\xbfb.mp4 1', r"the character '\\ufeff'"),
        (b'b' * 10_000_000 + b' 1', 'more than 8192 characters in one line'),
    ],
)
def test_broken_annotation_names_file_and_row(tmp_path, line, message):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'a.mp4 0\n\n' + line + b'\nc.mp4 1\n')
    with pytest.raises(ValueError, match=f'list.txt, row 3: {message}'):
        read_annotation(path)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{', "'{' is not a path"),
        ('"a.mp4",', '\'"a.mp4",\' is not a path'),
        ('a.mp4,3', "more than one label in 'a.mp4,3'"),
        ('# all clips', "'# all clips' is a comment"),
        ('video_path,label', "'video_path,label' is a header"),
        ('path label', "'path label' is a header"),
    ],
)
def test_broken_video_list_names_file_and_row(tmp_path, line, message):
    path = tmp_path / 'list.txt'
    path.write_text(f'{line}\nb.mp4\n')
    with pytest.raises(ValueError, match=f'list.txt, row 1: {message}'):
        read_video_list(path)


def test_paths_that_look_like_another_format_are_read(tmp_path):
    path = tmp_path / 'list.txt'
    # HMDB51 has names that begin with '#'.
    lines = ['#20_Rhythm_clap_u.avi', '[Official] clip.mp4', "'tis v1.2 clip.mp4", 'label/path']
    path.write_text(''.join(f'{line} 0\n' for line in lines))
    assert [video for video, _ in read_annotation(path)] == lines
    assert read_video_list(path) == lines


@pytest.mark.parametrize(
    ('labels', 'num_classes', 'message'),
    [
        (
            [1, 2, 3],
            3,
            r'the highest is 3 and none is 0; count them from 0 to 2 \(the label map has 3 classes',
        ),
        ([1, 3, 3], 3, 'the highest is 3 and none is 0'),
        ([2, 1, 3], 4, 'the highest is 3 and none is 0; .*or remove class 0 from the label map'),
        ([1, 2, 3], 100, 'the highest is 3 and none is 0'),
    ],
)
def test_labels_that_count_from_1_are_named(tmp_path, labels, num_classes, message):
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'{number}.mp4 {label}\n' for number, label in enumerate(labels)))
    with pytest.raises(ValueError, match=f'list.txt: labels are off by one: {message}'):
        read_annotation(path, num_classes)


@pytest.mark.parametrize('labels', [[0, 1, 3], [1, 3], [1], [2, 3]])
def test_lists_that_lack_classes_are_read(tmp_path, labels):
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'{number}.mp4 {label}\n' for number, label in enumerate(labels)))
    assert [label for _, label in read_annotation(path, 5)] == labels


def test_annotation_without_a_sample(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text(' \n\n')
    for read in (read_annotation, read_video_list):
        with pytest.raises(ValueError, match='list.txt: no sample'):
            read(path)
        with pytest.raises(FileNotFoundError, match='no.txt'):
            read(tmp_path / 'no.txt')


def test_video_list_ignores_labels(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('a.mp4\nmy clip.mp4\n\nb c.mp4 7\nd.mp4, 0\n9\n')
    assert read_video_list(path) == ['a.mp4', 'my clip.mp4', 'b c.mp4', 'd.mp4', '9']
