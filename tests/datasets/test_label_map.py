"""Label maps."""

import pytest

from ga2mm.datasets import read_label_map
from tests.helpers import running


def test_label_map_formats(tmp_path):
    table = tmp_path / 'labels.csv'
    table.write_text('id,name\n1,"Moving up, then down"\n0,run\n\n2, "say ""hi""" \n\n')
    assert read_label_map(table) == ('run', 'Moving up, then down', 'say "hi"')
    plain = tmp_path / 'labels.txt'
    plain.write_text('Moving up, then down\nrun\r\n\n')
    assert read_label_map(str(plain)) == ('Moving up, then down', 'run')
    table.write_text('\ufeff"ID","Name"\n"0","1 finger"\n"1","2 fingers"\n')
    assert read_label_map(table) == ('1 finger', '2 fingers')


CASES = running.DATA / 'label_maps'


def test_numbered_label_map_of_ucf101():
    names = read_label_map(CASES / 'classInd.txt')
    assert (len(names), names[0], names[11]) == (12, 'ring bouncing', 'circle orbiting')


@pytest.mark.parametrize('lines', ['0 run\n1 jump\n', '001 run\n002 jump\n', '1 run\r\n2  jump\r\n\r\n'])
def test_numbered_label_maps(tmp_path, lines):
    (tmp_path / 'labels.txt').write_text(lines)
    assert read_label_map(tmp_path / 'labels.txt') == ('run', 'jump')


@pytest.mark.parametrize(
    'names',
    [
        ['50 salads', 'run', 'jump'],
        ['high jump 2', 'run', 'jump'],
        ['gesture 1', 'gesture 2', 'gesture 3'],
        ['Moving up, then down', 'carry/hold (an object)', "doesn't move"],
        ['[something] falling', 'Folding [something]', '(VT) round-off, flic-flac on'],
        ['übung', '跑步', 'कूदना', 'कूदनी'],
    ],
)
def test_names_that_look_like_another_format_are_read(tmp_path, names):
    (tmp_path / 'labels.txt').write_text('\n'.join(names), encoding='utf-8')
    assert read_label_map(tmp_path / 'labels.txt') == tuple(names)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('name_id.txt', "row 1: 'ring bouncing 0', like most lines, is more than a class name"),
        ('labels.json', "row 1: '{' is not a class name"),
        ('labels.tsv', "row 1: 'id\tname' is not '1 NAME'"),
        ('comment.txt', "row 1: '# my classes' is not a class name"),
    ],
)
def test_other_formats_are_refused_with_those_that_are_read(name, message):
    formats = "label maps are CSV files with the header 'id,name', or have one name per line, or '1 NAME'"
    with pytest.raises(ValueError, match=f'{name}, {message}.*; {formats}'):
        read_label_map(CASES / name)


@pytest.mark.parametrize(
    'lines',
    [
        ['1 run', '2 jump', '4 swim'],
        ['1 run', '2 jump', 'x swim', '4 fly'],
        ['2 run', '1 jump'],
        ['1. run', '2. jump'],
        ['1 001.run', '2 002.jump'],
        ['0,run', '1,jump'],
        ['0;run', '1;jump'],
        ['run,0', 'jump,1'],
        ['run,0', 'jump,0', 'swim,2'],
        ['run\t0', 'jump\t1'],
        ['run_0.mp4 0', 'run_1.mp4 0', 'jump_0.MP4 1'],
        ['run: 0', 'jump: 1'],
        ['0: run', '1: jump'],
        ['- run', '- jump'],
        ['names: [run, jump]'],
        ['classes:', '  - run', '  - jump'],
        ['["run", "jump"]'],
        ["['run', 'jump']"],
        ['{"run": 0, "jump": 1}'],
        ['"run"', '"jump"'],
        ['run,', 'jump,'],
        ['run;jump;swim'],
        ['| 0 | run |'],
        ['name', 'run', 'jump'],
        ['0', '1', '2'],
        ['run', '7'],
        ['ring bouncing 0'],
        ['run', '// more', 'jump'],
        ['<html>', 'run'],
    ],
    ids=' '.join,
)
@pytest.mark.parametrize('suffix', ['txt', 'yaml'])
def test_no_class_is_made_of_what_is_no_name(tmp_path, lines, suffix):
    path = tmp_path / f'labels.{suffix}'
    path.write_text('\n'.join(lines))
    with pytest.raises(
        ValueError, match=f'labels.{suffix}, row [0-9]: .*; label maps are CSV files'
    ) as caught:
        read_label_map(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'name', ['RIDE HORSE', 'ride_horse', 'ride-horse', 'RideHorse', 'ride  horse', 'ride horse.']
)
def test_names_that_differ_by_case_spaces_and_punctuation_are_refused(tmp_path, name):
    (tmp_path / 'labels.csv').write_text(f'id,name\n0,ride horse\n1,{name}\n')
    (tmp_path / 'labels.txt').write_text(f'ride horse\nrun\n{name}\n')
    for path in ('labels.csv', 'labels.txt'):
        with pytest.raises(
            ValueError, match=rf"{path}, row 3: class name '{name}' is already .* row [12] as 'ride"
        ):
            read_label_map(tmp_path / path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'id,name\n0,run\n2,jump\n', 'row 3: id 2, but no row has id 1'),
        (b'id,name\n1,run\n2,jump\n', 'row 3: id 2, but no row has id 0'),
        (b'id,name\n0,run\n0,jump\n', 'row 3: id 0 is already in row 2'),
        (b'id,name\n0,run\n-1,jump\n', "row 3: id '-1' is not an integer"),
        (b'id,name\n0,run\none,jump\n', "row 3: id 'one' is not an integer"),
        (b'id,name\n0,run\n1,\n', 'row 3: empty class name'),
        (b'id,name\n0,run\n1,run\n', "row 3: class name 'run' is already in .*row 2"),
        (b'id,name\n0,run\n1,up, down\n', 'row 3: 3 fields instead of 2'),
        (b'id,name\n0,run\n1\n', 'row 3: 1 fields instead of 2'),
        (b'id,name\n0,run\n1,"up" down\n', 'row 3: .*check the double quotes'),
        (b'id,name\n0,"run\n1,jump"\n', 'row 2: unexpected end of data; check the double quotes'),
        (b'id,name\n0,run\n1,\xff\n', 'row 3: not UTF-8'),
        (b'id,name\n0,run\n1,ju\x00mp\n', r"row 3: the character '\\x00'"),
        (b'id,name\n0,run\n1,ju\tmp\n', 'row 3: .*has a tab or control character'),
        (b'id,name\n0,run\n' + b'9' * 5000 + b',jump\n', "row 3: id '9{80}...' is not an integer"),
        (b'id,name\n0,run\n1,' + b'jump' * 2_500_000, 'row 3: more than 8192 characters'),
        ('id,name\n0,run\n'.encode('utf-16'), 'row 1: not UTF-8'),
        (b'0,run\n1,jump\n', "row 1: the header must be 'id,name', but is '0,run'"),
        (b'', "row 1: the header must be 'id,name', but is missing"),
    ],
)
def test_broken_label_table_names_file_and_row(tmp_path, content, message):
    path = tmp_path / 'labels.csv'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'labels.csv, {message}'):
        read_label_map(path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('run\n\njump\n', ', row 2: empty class name'),
        ('run\njump\nrun\n', ", row 3: class name 'run' is already in .*row 1"),
        ('', ': no class'),
        ('id,name\n', ': no class'),
    ],
)
def test_broken_label_list_names_file_and_row(tmp_path, content, message):
    path = tmp_path / 'labels.txt'
    path.write_text(content)
    with pytest.raises(ValueError, match=f'labels.txt{message}'):
        read_label_map(path)
