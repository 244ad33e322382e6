"""The check of lists, before a run and by its tool."""

import random
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from mmengine.config import Config

from ga2mm.apis import check_train_config, run
from ga2mm.checks.class_check import check_anchor_classes, check_shots
from ga2mm.checks.config_lists import CheckedList, read_config_lists
from ga2mm.checks.same_videos import SAMPLE, same_contents
from ga2mm.checks.split_check import check_lists, check_test_config
from ga2mm.checks.video_check import check_files
from tests.helpers import running
from tests.helpers.lists import write_lines

LISTS = {
    'train.txt': ['a0.mp4 0', 'a1.mp4 0', 'b0.mp4 1', 'b1.mp4 1'],
    'val.txt': ['a2.mp4 0', 'b2.mp4 1'],
    'base.txt': ['a3.mp4 0', 'b3.mp4 1'],
    'novel.txt': ['c0.mp4 0', 'd0.mp4 1'],
    'novel2.txt': ['c1.mp4 0', 'd1.mp4 1'],
    'anchors.txt': ['x0.mp4', 'x1.mp4'],
    'base.csv': ['id,name', '0,climb', '1,ride horse'],
    'novel.csv': ['id,name', '0,PlayGuitar', '1,walk'],
    'anchors.csv': ['id,name', '0,juggling', '1,yoga'],
}


def check_config() -> dict:
    def dataset(name: str, split: str = 'base', **arguments) -> dict:
        return dict(
            type='ActionVideoDataset',
            ann_file=f'{name}.txt',
            label_map=f'{split}.csv',
            split=split,
            data_prefix=dict(video='videos'),
            pipeline=[dict(type='OpenVideo')],
            **arguments,
        )

    def loader(*args) -> dict:
        return dict(batch_size=1, sampler=sampler, dataset=dataset(*args, test_mode=True))

    sampler = dict(type='DefaultSampler')

    prefix = dict(video='videos')
    anchors = dict(type='AnchorVideoDataset', ann_file='anchors.txt', data_prefix=prefix, pipeline=[])
    return dict(
        model=dict(type='CLIPRecognizer'),
        train_cfg=dict(max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_cfg=dict(),
        val_evaluator=[],
        test_cfg=dict(),
        test_evaluator=[],
        train_dataloader=dict(
            batch_size=1,
            sampler=sampler,
            dataset=dict(type='AnchorDataset', dataset=dataset('train'), anchors=anchors),
        ),
        val_dataloader=loader('val'),
        test_dataloader=dict(
            base=loader('base'), novel=[loader('novel', 'novel'), loader('novel2', 'novel')]
        ),
    )


def check_split(*args) -> int:
    with pytest.raises(SystemExit) as exit_:
        running.tool('data/check_split.py', 'config.py', *args)
    return exit_.value.code


@pytest.fixture
def in_lists_folder(tmp_path, monkeypatch) -> Path:
    """The current folder: good lists, their videos (empty files) and a config."""
    monkeypatch.chdir(tmp_path)
    Path('videos').mkdir()
    for name, lines in LISTS.items():
        write_lines(Path(name), lines)
        if name.endswith('.txt'):
            for line in lines:
                (Path('videos') / line.split()[0]).touch()
    write_config(check_config())
    return tmp_path


def write_config(cfg: dict) -> None:
    write_lines(Path('config.py'), [f'{key} = {value!r}' for key, value in cfg.items()])


def test_good_lists_pass(in_lists_folder, capsys):
    assert check_split('--shots', 2, '--anchor-labels', 'anchors.csv') == 0
    assert capsys.readouterr().out == (
        'checked 4 training videos (2 classes of 2), 2 anchor videos, 2 validation videos (2 classes of 1), '
        '2 test videos (2 classes of 1), 2 test videos (2 classes of 1), 2 test videos (2 classes of 1): '
        '0 errors, 0 warnings\n'
    )
    assert check_train_config(Config.fromfile('config.py')) == []


BROKEN = {
    'label outside': ('val.txt', ['a2.mp4 0', 'b2.mp4 5'], 'error: val_dataloader.dataset: .*row 2: label 5'),
    'off by one': (
        'train.txt',
        ['a0.mp4 1', 'a1.mp4 1', 'b0.mp4 2', 'b1.mp4 2'],
        'error: train_dataloader.dataset.dataset: train.txt: labels are off by one: the highest is 2',
    ),
    'empty class': (
        'train.txt',
        ['a0.mp4 0', 'a1.mp4 0'],
        "error: .*train.txt: 1 of 2 classes have no video: 'ride horse'$",
    ),
    'empty test class': ('base.txt', ['a3.mp4 0'], 'warning: .*base.txt: 1 of 2 classes have no video'),
    'twice': (
        'train.txt',
        [*LISTS['train.txt'], './a0.mp4 0'],
        'error: .*train.txt: 1 rows repeat a video: .*videos/a0.mp4$',
    ),
    'two labels': (
        'train.txt',
        [*LISTS['train.txt'], 'a0.mp4 1'],
        r'error: .*train.txt: 1 videos have two labels: .*a0.mp4 \(labels 0 and 1\)$',
    ),
    'test in training': (
        'train.txt',
        [*LISTS['train.txt'][:3], '../videos/b3.mp4 1'],
        'error: 1 videos are in both the training list .*train.txt and the test list .*base.txt: .*/b3.mp4$',
    ),
    'validation in training': (
        'val.txt',
        ['a1.mp4 0', 'b2.mp4 1'],
        'error: 1 videos are in both the training list .*train.txt and the validation list .*val.txt',
    ),
    'test among the anchors': (
        'anchors.txt',
        ['x0.mp4', 'c0.mp4'],
        'error: 1 videos are in both the anchor list .*anchors.txt and the test list .*novel.txt',
    ),
    'base among novel': (
        'novel.txt',
        ['a3.mp4 0', 'd0.mp4 1'],
        'error: 1 videos are in both the test list .*base.txt and the test list .*novel.txt',
    ),
    'validation on the test list': (
        'val.txt',
        LISTS['base.txt'],
        'warning: 2 videos are in both the validation list .*val.txt and the test list .*base.txt',
    ),
    'novel class is base': (
        'novel.csv',
        ['id,name', '0,Climb', '1,RideHorse'],
        r"error: 2 novel classes are base classes too: 'climb' \('Climb'\), 'ride horse' \('RideHorse'\)$",
    ),
    'no list': ('anchors.txt', None, 'error: train_dataloader.dataset.anchors: .*No such file.*anchors.txt'),
}


@pytest.mark.parametrize(('name', 'lines', 'line'), BROKEN.values(), ids=BROKEN)
def test_broken_lists_are_named(in_lists_folder, capsys, name, lines, line):
    Path(name).unlink()
    if lines is not None:
        write_lines(Path(name), lines)
    level = line.split(':')[0]
    assert check_split() == int(level == 'error')
    *found, last = capsys.readouterr().out.splitlines()
    [finding] = [text for text in found if text.startswith(level)]
    assert re.match(line, finding)
    assert last.startswith('checked')
    # This needs no videos, so training reports it too.
    assert finding in [str(one) for one in check_train_config(Config.fromfile('config.py'))]


@pytest.mark.parametrize('negatives', [['else', 'play guitar'], dict(names=['play guitar'])])
def test_novel_class_among_the_negatives_is_named(in_lists_folder, negatives):
    write_config(check_config() | dict(model=dict(anchors=dict(negatives=negatives))))
    [finding] = check_train_config(Config.fromfile('config.py'))
    assert finding.level == 'error'
    named = "1 names of model.anchors.negatives are novel classes: 'play guitar'; leave them out"
    assert finding.message.startswith(named)


@pytest.mark.parametrize(
    ('labels', 'shots', 'findings'),
    [
        ([0, 0, 1, 1, 2, 2], None, []),
        ([0, 0, 1, 1, 2, 2], 2, []),
        (
            [0, 0, 1, 2, 2],
            None,
            ["warning: t: 1 of 3 classes do not have 2 videos (fewest 1, most 2): 'b' has 1"],
        ),
        ([0, 0, 1, 2, 2], 2, ["error: t: 1 of 3 classes do not have 2 videos (fewest 1, most 2): 'b' has 1"]),
        ([0, 1, 1, 2, 2, 2], None, []),
        (
            [0, 1, 1, 2, 2, 2],
            2,
            ["error: t: 2 of 3 classes do not have 2 videos (fewest 1, most 3): 'a' has 1, 'c' has 3"],
        ),
    ],
)
def test_numbers_of_shots_are_checked(labels, shots, findings):
    one = CheckedList('training', 't', 'base', ('a', 'b', 'c'), tuple('uvwxyz'[: len(labels)]), tuple(labels))
    assert [str(finding) for finding in check_shots([one], shots)] == findings


def test_expected_number_of_shots_from_the_command_line(in_lists_folder, capsys):
    assert check_split('--shots', 4) == 1
    assert capsys.readouterr().out.startswith('error: train.txt: 2 of 2 classes do not have 4 videos')


def test_missing_videos_are_counted_and_named(in_lists_folder, capsys):
    for video in ('b1', 'b0', 'c0'):
        Path(f'videos/{video}.mp4').unlink()
    assert check_split() == 1
    train, novel, _ = capsys.readouterr().out.splitlines()
    assert re.match('error: .*train.txt: 2 of 4 videos are missing: .*/b0.mp4, .*/b1.mp4; check', train)
    assert re.match('error: .*novel.txt: 1 of 2 videos are missing: .*/c0.mp4; check data_prefix', novel)
    cfg = Config.fromfile('config.py')
    assert check_train_config(cfg) == []
    cfg.train_dataloader.dataset.dataset.data_prefix.video = 'elsewhere'
    assert '4 of 4 videos are missing: ' in str(check_files(read_config_lists(cfg)[0])[0])


def test_only_the_first_missing_videos_are_named(in_lists_folder, capsys):
    write_lines(Path('base.txt'), [f'e{i}.mp4 {i % 2}' for i in range(8)])
    assert check_split() == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert '8 of 8 videos' in line and 'e4.mp4 and 3 more;' in line and 'e5.mp4' not in line


def test_long_paths_are_cut(in_lists_folder):
    write_lines(Path('base.txt'), [f'{"x" * 8000}{i}.mp4 {i % 2}' for i in range(8)])
    for finding in (
        *check_test_config(check_config(), True),
        *check_files(read_config_lists(check_config())[0]),
    ):
        assert finding.level == 'error' and len(finding.message) < 4000


def test_lists_of_frame_folders_are_named(in_lists_folder, capsys):
    write_lines(Path('base.txt'), ['run_1 120 0', 'run_2 80 1'])
    assert check_split() == 1
    assert "error: base.txt: rows are 'FOLDER FRAMES LABEL'" in capsys.readouterr().out


def test_linked_folders_hide_no_shared_video(in_lists_folder):
    Path('link').symlink_to('videos')
    write_lines(Path('val.txt'), ['a0.mp4 0', 'b2.mp4 1'])
    cfg = check_config()
    cfg['val_dataloader']['dataset']['data_prefix'] = dict(video='link')
    [finding] = check_train_config(cfg)
    assert re.match('error: 1 videos are in both the training list', str(finding))


def link(path: Path, to: Path) -> None:
    path.symlink_to(to.name)


def other_spelling(path: Path, to: Path) -> None:
    path.parent.joinpath('sub').mkdir()
    path.symlink_to(f'sub/../{to.name}')


@pytest.mark.parametrize('make', [link, lambda path, to: path.hardlink_to(to), other_spelling, shutil.copy])
def test_one_video_under_two_names_is_found(in_lists_folder, make):
    trained, tested = Path('videos/a0.mp4'), Path('videos/b3.mp4')
    trained.write_bytes(bytes(range(256)) * 1000)
    Path('videos/a1.mp4').write_bytes(bytes(range(256)) * 999 + bytes(256))  # of the same size
    tested.unlink()
    if make is shutil.copy:
        make(trained, tested)
    else:
        make(tested, trained)
    [finding] = check_train_config(Config.fromfile('config.py'))
    assert re.match(
        'error: 1 videos are in both the training list .*train.txt and the test list .*base.txt: '
        '.*/b3.mp4 .the same video as .*/a0.mp4.$',
        str(finding),
    )
    [finding] = check_test_config(Config.fromfile('config.py'), learnt=True)
    assert re.match(
        'error: 1 videos are in both the test list .*base.txt and the training list', str(finding)
    )
    [warning] = check_test_config(Config.fromfile('config.py'), learnt=False)
    assert (warning.level, warning.message) == ('warning', finding.message)


def test_two_names_of_a_video_in_one_list(in_lists_folder):
    """A repeated file is an error; a copy may be intended; with two labels one is wrong."""
    for name in ('a1', 'b0', 'b1'):
        Path(f'videos/{name}.mp4').write_bytes(name.encode())
    Path('videos/a0.mp4').unlink()
    Path('videos/a0.mp4').symlink_to('a1.mp4')
    shutil.copy('videos/b0.mp4', 'videos/b1.mp4')
    twice, copies = check_train_config(Config.fromfile('config.py'))
    assert re.match(
        'error: train.txt: 1 rows repeat a video: .*a1.mp4 .the same video as .*a0.mp4', str(twice)
    )
    assert re.match('warning: train.txt: 1 videos are copies: .*b1.mp4 .the same video as .*b0', str(copies))
    shutil.copy('videos/a1.mp4', 'videos/b1.mp4')
    findings = [str(one) for one in check_train_config(Config.fromfile('config.py'))]
    assert [one for one in findings if 'b1.mp4 (the same video as' in one and '(labels 0 and 1)' in one]


def test_large_videos_are_compared_by_samples(tmp_path):
    size = 10 * SAMPLE
    content = random.Random(0).randbytes(size)
    files = [str(tmp_path / name) for name in 'abcdef']
    changes = [[], [], [0], [size // 2], [size - 1], []]
    for file, places in zip(files, changes, strict=True):
        changed = bytearray(content)
        for place in places:
            changed[place] ^= 1
        Path(file).write_bytes(changed)
    Path(files[-1]).write_bytes(content[:-1])  # another size
    found, left = same_contents(files)
    assert (found, left) == ({file: files[0] if file == files[1] else file for file in files}, 0)
    assert same_contents(files, most=1) == ({file: file for file in files}, 4)
    assert same_contents([str(tmp_path), str(tmp_path / 'missing')])[1] == 0


def test_too_many_videos_for_a_run_are_left_to_the_tool(in_lists_folder, monkeypatch, capsys):
    for name in ('a0', 'b3'):
        Path(f'videos/{name}.mp4').write_bytes(b'a video')
    cfg = Config.fromfile('config.py')
    for limit, message in (
        ('MOST_FILES', '14 videos are too many to compare'),
        ('MOST_READ', '1 more videos have'),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f'ga2mm.checks.video_check.{limit}', 1)
            [finding] = check_train_config(cfg)
        assert finding.level == 'warning' and finding.message.startswith(message)
    assert check_split() == 1
    assert 'b3.mp4 (the same video as' in capsys.readouterr().out


def repeated(dataset: dict) -> dict:
    return dict(type='RepeatDataset', times=2, dataset=dataset)


def concatenated(dataset: dict) -> dict:
    """Two lists with one class each."""
    lines = Path(dataset['ann_file']).read_text().splitlines()
    write_lines(Path('first.txt'), lines[: len(lines) // 2])
    write_lines(Path('second.txt'), lines[len(lines) // 2 :])
    parts = [dict(dataset, ann_file=name) for name in ('first.txt', 'second.txt')]
    return dict(
        type='ConcatDataset', datasets=[parts[0], dict(type='RepeatDataset', times=1, dataset=parts[1])]
    )


@pytest.mark.parametrize(
    ('labels', 'wrong'), [((0, 0, 1, 1), 0), ((1, 0, 1, 1), 0), ((1, 1, 0, 0), 4), ((1, 1, 1, 0), 3)]
)
def test_labels_are_compared_with_folders_that_have_class_names(in_lists_folder, labels, wrong):
    """As with a label map in another order, or with labels that count from 1."""
    videos = ['climb/a.mp4', 'climb/b.mp4', 'RideHorse/c.mp4', 'ride horse/d.mp4', 'other/e.mp4']
    lines = [f'{video} {label}' for video, label in zip(videos, (*labels, 0), strict=True)]
    write_lines(Path('train.txt'), lines)
    found = [str(finding) for finding in check_train_config(Config.fromfile('config.py'))]
    assert len(found) == (wrong > 0)
    if wrong:
        assert found[0].startswith(
            f"error: train.txt: {wrong} of 4 videos lie in another class's folder, such as"
        )
        assert "/climb/a.mp4 with label 1, 'ride horse'; use the label map of this list" in found[0]


@pytest.mark.parametrize('anchors', [{}, dict(anchors=None)], ids=['no key', 'None'])
def test_a_training_list_without_anchors_is_checked(in_lists_folder, anchors):
    cfg = check_config()
    dataset = cfg['train_dataloader']['dataset']['dataset']
    cfg['train_dataloader']['dataset'] = dict(type='AnchorDataset', dataset=dataset, **anchors)
    training = read_config_lists(cfg, ['train_dataloader'])[0]
    assert [(one.role, one.key) for one in training] == [('training', 'train_dataloader.dataset.dataset')]
    assert check_train_config(cfg) == []


@pytest.mark.parametrize('wrapped', [repeated, concatenated])
def test_datasets_inside_others_are_checked(in_lists_folder, wrapped):
    cfg = check_config()
    training = cfg['train_dataloader']['dataset']
    training['dataset'] = wrapped(training['dataset'])
    training['anchors'] = dict(type='RepeatDataset', times=2, dataset=training['anchors'])
    for loader in (cfg['val_dataloader'], cfg['test_dataloader']['base']):
        loader['dataset'] = repeated(loader['dataset'])
    lists, findings = read_config_lists(cfg)
    assert [one.role for one in lists] == ['training', 'anchor', 'validation', 'test', 'test', 'test']
    assert lists[0].labels == (0, 0, 1, 1) and not findings
    assert check_train_config(cfg) == []
    write_lines(Path('base.txt'), ['a3.mp4 0', 'b1.mp4 1'])
    write_lines(Path('novel.txt'), ['x1.mp4 0', 'd0.mp4 1'])
    trained, anchor = check_train_config(cfg)
    assert trained.message.startswith('1 videos are in both the training list')
    assert anchor.message.startswith(
        '1 videos are in both the anchor list anchors.txt and the test list novel'
    )


def test_a_wrapped_validation_set_chooses_no_checkpoint_on_test_videos(in_lists_folder):
    cfg = check_config() | dict(
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', save_best='acc/top1'))
    )
    shutil.copy('base.txt', 'val.txt')
    [finding] = check_train_config(cfg)
    assert finding.level == 'error' and '2 videos are in both the validation list' in finding.message
    cfg['val_dataloader']['dataset'] = repeated(cfg['test_dataloader']['base']['dataset'])
    with pytest.raises(ValueError, match="save_best would choose the checkpoint on the test set 'base'"):
        run.train(Config(cfg))


CLASSES = {
    'other validation classes': (
        {'val_dataloader.dataset.label_map': ['climb', 'run']},
        'error: the validation list val.txt has 2 classes, the training list train.txt 2, and they differ: '
        "label 1 is 'run' and 'ride horse'; use one label map for both",
    ),
    'validation classes in another order': (
        {'val_dataloader.dataset.label_map': ['ride horse', 'climb']},
        "error: the validation list val.txt .*: label 0 is 'ride horse' and 'climb'",
    ),
    'more validation classes': (
        {'val_dataloader.dataset.label_map': ['climb', 'ride horse', 'run']},
        "error: the validation list val.txt has 3 classes, .* label 2 is 'run' and 'none'",
    ),
    'novel validation': (
        {'val_dataloader.dataset.label_map': 'novel.csv', 'val_dataloader.dataset.split': 'novel'},
        "error: the validation list val.txt .* 'PlayGuitar' and 'climb'",
    ),
    'short test label map': (
        {'test_dataloader.base.dataset.label_map': ['climb']},
        r'error: test_dataloader.base.dataset: base.txt, row 2: label 1 is outside the label map',
    ),
    'test set without classes': (
        {'test_dataloader.base.dataset': dict(type='AnchorVideoDataset', ann_file='base.txt', pipeline=[])},
        'error: test_dataloader.base.dataset does not name its classes: use ActionVideoDataset',
    ),
    'irrelevant videos alone': (
        {
            'test_dataloader': dict(
                irrelevant=dict(dataset=dict(type='AnchorVideoDataset', ann_file='base.txt', pipeline=[]))
            )
        },
        'error: test_dataloader.irrelevant.dataset needs another test set with classes',
    ),
    'untrained base classes': (
        {'test_dataloader.base.dataset.label_map': ['Climb', 'run']},
        "warning: base.txt: 1 of 2 base classes are not trained on: 'run'",
    ),
    'names of the head': (
        {'model': dict(cls_head=dict(class_names=['climb', 'run']))},
        "error: model.cls_head.class_names has 2 classes, .* label 1 is 'run' and 'ride horse'",
    ),
    'file of names of the head': (
        {'model': dict(cls_head=dict(class_names='anchors.csv'))},
        "error: model.cls_head.class_names has 2 classes, .* label 0 is 'juggling' and 'climb'",
    ),
    'no file of names': (
        {'model': dict(cls_head=dict(class_names='missing.csv'))},
        'error: model.cls_head: .*No such file.*missing.csv',
    ),
    'contexts of base classes': (
        {'model': dict(cls_head=dict(text_prompt=dict(class_names='base.csv')))},
        'error: novel.txt: 2 classes have no trained context in .*PlayGuitar',
    ),
    'contexts of all classes': (
        {
            'model': dict(
                cls_head=dict(text_prompt=dict(class_names=['climb', 'ride horse', 'PlayGuitar', 'walk']))
            )
        },
        'error: novel.txt: 2 classes have no trained context in .*PlayGuitar',
    ),
}


@pytest.mark.parametrize(('changes', 'line'), CLASSES.values(), ids=CLASSES)
def test_classes_that_do_not_fit_are_found_before_training(in_lists_folder, capsys, changes, line):
    cfg = Config(check_config())
    cfg.merge_from_dict(changes, allow_list_keys=False)
    for key in ('test_dataloader', 'test_dataloader.base.dataset'):
        if key in changes:  # replaces the value, not merged
            *parents, last = key.split('.')
            place = cfg
            for parent in parents:
                place = place[parent]
            place[last] = changes[key]
    findings = [str(finding) for finding in check_train_config(cfg)]
    assert [finding for finding in findings if re.match(line, finding)], findings
    write_config(cfg)
    assert check_split() == int(line.startswith('error'))
    assert [text for text in capsys.readouterr().out.splitlines() if re.match(line, text)]


def test_a_test_set_of_all_classes_may_have_the_novel_ones(in_lists_folder):
    cfg = check_config()
    everything = dict(cfg['test_dataloader']['base']['dataset'], split='all')
    everything['label_map'] = ['climb', 'ride horse', 'PlayGuitar', 'walk']
    cfg['test_dataloader']['all'] = dict(dataset=everything)
    assert [one.level for one in check_train_config(cfg)] == ['warning']  # two classes without a video
    cfg['train_dataloader']['dataset']['dataset'].update(label_map=everything['label_map'], split='all')
    assert "2 novel classes are base classes too: 'PlayGuitar'" in str(check_train_config(cfg))


def test_irrelevant_videos_of_a_known_class_are_found(in_lists_folder):
    cfg = check_config()
    cfg['test_dataloader']['irrelevant'] = dict(dataset=cfg['train_dataloader']['dataset']['anchors'] | dict(
        ann_file='irrelevant.txt', test_mode=True))  # fmt: skip
    write_lines(Path('irrelevant.txt'), ['x2.mp4', 'x3.mp4'])
    assert check_train_config(cfg) == []
    write_lines(Path('irrelevant.txt'), ['x2.mp4', 'c0.mp4'])
    [finding] = check_train_config(cfg)
    assert re.match('error: 1 videos are in both the test list novel.txt and the test list irr', str(finding))


BROKEN_TESTS = {
    'twice': ('base.txt', ['a3.mp4 0', './a3.mp4 0', 'b3.mp4 1'], 'base.txt: 1 rows repeat a video'),
    'two labels': ('base.txt', ['a3.mp4 0', 'a3.mp4 1'], 'base.txt: 1 videos have two labels'),
    'trained on': (
        'novel.txt',
        ['a0.mp4 0', 'd0.mp4 1'],
        '1 videos are in both the test list novel.txt and the tr',
    ),
    'an anchor': (
        'novel.txt',
        ['x0.mp4 0', 'd0.mp4 1'],
        '1 videos are in both the test list novel.txt and the an',
    ),
    'base and novel': ('novel.txt', ['a3.mp4 0', 'd0.mp4 1'], '1 videos are in both the test list base.txt'),
    'shared class': ('novel.csv', ['id,name', '0,Climb', '1,walk'], '1 novel classes are base classes too'),
    'from 1': (
        'base.txt',
        ['a3.mp4 1', 'b3.mp4 2'],
        'test_dataloader.base.dataset: base.txt: labels are off by',
    ),
    'no list': ('base.txt', None, 'test_dataloader.base.dataset: .*No such file.*base.txt'),
    'no video': (
        'base.txt',
        ['p.mp4 0', 'q.mp4 1'],
        'test_dataloader.base.dataset: none of the 2 videos of base.txt',
    ),
}


@pytest.mark.parametrize(('name', 'lines', 'line'), BROKEN_TESTS.values(), ids=BROKEN_TESTS)
def test_lists_are_checked_before_a_test(in_lists_folder, name, lines, line):
    cfg = Config.fromfile('config.py')
    assert check_test_config(cfg, learnt=True) == []
    Path(name).unlink()
    if lines is not None:
        write_lines(Path(name), lines)
    [finding] = check_test_config(cfg, learnt=True)
    assert finding.level == 'error' and re.match(line, finding.message)
    with pytest.raises(ValueError, match=line):
        run.test(cfg, 'epoch_1.pth')


def test_a_test_needs_no_good_training_list(in_lists_folder):
    cfg = Config.fromfile('config.py')
    write_lines(Path('train.txt'), ['a0.mp4 0', 'a0.mp4 0'])  # twice, and no video of class 1
    assert check_test_config(cfg, learnt=True) == []
    Path('train.txt').unlink()
    [finding] = check_test_config(cfg, learnt=True)
    assert finding.level == 'warning' and 'No such file' in finding.message
    write_lines(Path('base.txt'), ['a3.mp4 0'])
    assert [str(one)[:20] for one in check_test_config(cfg, True)][1:] == ['warning: base.txt: 1']


def test_a_wrong_data_folder_is_found_before_training(in_lists_folder):
    cfg = Config.fromfile('config.py')
    cfg.train_dataloader.dataset.dataset.data_prefix.video = 'elsewhere'
    assert check_train_config(cfg) == []
    [finding] = check_train_config(cfg, look_for_videos=True)
    assert re.match(
        'error: train_dataloader.dataset.dataset: none of the 4 videos of train.txt that were checked can '
        'be opened, the first is .*/elsewhere/a0.mp4 .no such file.; check data_prefix',
        str(finding),
    )
    with pytest.raises(ValueError, match='none of the 4 videos of train.txt'):
        run.train(cfg)


def test_videos_that_are_there_but_cannot_be_opened_are_not_called_missing(in_lists_folder):
    for name in ('a0', 'a1', 'b0'):
        Path(f'videos/{name}.mp4').unlink()
    Path('videos/a0.mp4').symlink_to('a0.mp4')
    Path('videos/a1.mp4').mkdir()
    lists, _ = read_config_lists(check_config())
    missing, others = check_files(lists)
    assert missing.message.startswith('train.txt: 1 of 4 videos are missing: ')
    assert re.match(
        'train.txt: 2 of 4 videos cannot be opened: .*a0.mp4 .too many levels of symbolic links., '
        '.*/a1.mp4 .a folder',
        others.message,
    )


def test_videos_that_may_not_be_read_are_not_called_missing():
    with tempfile.TemporaryDirectory() as folder:  # the folders above tmp_path may not be read either
        Path(folder).chmod(0o755)
        closed = Path(folder) / 'closed'
        closed.mkdir()
        for file in (Path(folder) / 'a.mp4', closed / 'b.mp4'):
            file.touch(mode=0)
        closed.chmod(0)
        one = CheckedList('test', 'list.txt', 'all', ('a',), (f'{folder}/a.mp4', f'{closed}/b.mp4'), (0, 0))
        with running.unprivileged():
            [finding] = check_files([one])
    assert finding.message == (
        f'list.txt: 2 of 2 videos cannot be opened: {folder}/a.mp4 (permission denied), '
        f'{closed}/b.mp4 (permission denied)'
    )


@pytest.mark.parametrize(
    ('name', 'line'),
    [
        ('play_guitar', "novel class 'PlayGuitar' is also a class of the anchors: 'play_guitar'"),
        ('playing guitar', "novel class 'PlayGuitar' resembles a class of the anchors: 'playing guitar'"),
        ('ride horses', "base class 'ride horse' resembles a class of the anchors: 'ride horses'"),
    ],
)
def test_classes_of_the_anchors_are_compared_by_name(in_lists_folder, capsys, name, line):
    write_lines(Path('anchors.csv'), ['id,name', '0,yoga', f'1,{name}'])
    assert check_split('--anchor-labels', 'anchors.csv') == 0
    assert capsys.readouterr().out.splitlines()[:-1] == [f'warning: {line}']
    # The same names, from the anchors' own label map.
    cfg = check_config()
    write_lines(Path('anchors.txt'), ['x0.mp4 0', 'x1.mp4 1'])
    anchors = dict(cfg['train_dataloader']['dataset']['dataset'], ann_file='anchors.txt', split='all')
    cfg['train_dataloader']['dataset']['anchors'] = anchors | dict(label_map='anchors.csv')
    assert [one.message for one in check_anchor_classes(read_config_lists(cfg)[0])] == [line]


def test_other_datasets_are_skipped_with_a_warning(in_lists_folder, capsys):
    cfg = check_config()
    dataset = cfg['val_dataloader']['dataset']
    dataset['type'] = 'mmaction.VideoDataset'
    del dataset['label_map'], dataset['split']
    cfg['test_dataloader'] = cfg['test_dataloader']['base']
    write_config(cfg)
    assert check_split() == 0
    assert capsys.readouterr().out == (
        'warning: val_dataloader.dataset: a dataset of type mmaction.VideoDataset is not checked\n'
        'checked 4 training videos (2 classes of 2), 2 anchor videos, 2 test videos (2 classes of 1): '
        '0 errors, 1 warnings\n'
    )


def test_training_needs_no_test_list(in_lists_folder):
    Path('novel.txt').unlink()
    [finding] = check_train_config(Config.fromfile('config.py'))
    assert finding.level == 'warning' and 'test_dataloader.novel[0].dataset: ' in finding.message
    assert check_split() == 1


def test_miniature_lists_are_good(in_miniature_folder):
    for name in ('ga2', 'deep_prompts', 'zero_shot', 'coupled'):
        cfg = Config.fromfile(running.CONFIGS / f'miniature_{name}.py')
        lists, findings = read_config_lists(cfg)
        assert lists and findings == []
        assert check_lists(lists) + check_shots(lists, 2) + check_files(lists) == []


@pytest.mark.parametrize('loader', [None, 'base', [None]])
def test_what_is_no_dataloader_is_left_to_the_run(in_lists_folder, loader):
    cfg = check_config()
    cfg['test_dataloader']['novel'] = loader
    cfg['val_dataloader'] = loader
    assert check_train_config(cfg) == []
