"""Negative prompts: names that are not classes, and their templates."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ga2mm.anchors.attribute_banks import ATTRIBUTE_BANKS, ATTRIBUTE_TEMPLATE
from ga2mm.datasets.label_map import read_label_map

_KEY = 'model.anchors.negatives'


def read_negatives(
    names: Sequence[str] | None = None,
    bank: str | None = None,
    file: str | Path | None = None,
    exclude: str | Path | None = None,
    templates: Sequence[str] | None = None,
) -> tuple[list[str], tuple[str, ...]]:
    """Read the negatives of a config (``model.anchors.negatives``) from exactly one source.

    Names are compared as CLIP reads them: ignoring case, with underscores as spaces.

    Args:
        names: List of names: ``['else', 'nothing']``.
        bank: Name of one of :data:`ATTRIBUTE_BANKS`.
        file: A label map or a text file with one name per line; see :func:`read_label_map`.
        exclude: A file of the same format whose names are excluded, such as the target's classes.
        templates: Sentences that contain ``{}`` once, for the frozen text tower: the frozen feature of a
            negative is the mean over them. None for the head's own template or, with a bank,
            :data:`ATTRIBUTE_TEMPLATE`.

    Returns:
        The names, at least one, and the templates, empty for the head's own.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The number of sources is not one, the bank is unknown, there is no name, a name is empty
            or repeated, or a template does not contain ``{}`` once.
    """
    sources = dict(names=names, bank=bank, file=file)
    given = [key for key, value in sources.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            f'{_KEY} needs exactly one of names, bank and file, but has {" and ".join(given) or "none"} '
            '(_delete_=True drops the keys of a base config)'
        )
    if bank is not None:
        if bank not in ATTRIBUTE_BANKS:
            raise ValueError(f'{_KEY}.bank={bank!r} does not exist: give one of {", ".join(ATTRIBUTE_BANKS)}')
        names = ATTRIBUTE_BANKS[bank]
        templates = [ATTRIBUTE_TEMPLATE] if templates is None else templates
    elif file is not None:
        names = _read_file('file', file)
    _check_names(names, _KEY if file is None else str(file))
    if exclude is not None:
        excluded = {_as_read(name) for name in _read_file('exclude', exclude)}
        names = [name for name in names if _as_read(name) not in excluded]
        if not names:
            raise ValueError(f'{_KEY}.exclude={str(exclude)!r} leaves no negative: give other names')
    return list(names), _check_templates(templates)


def check_no_class(negatives: Iterable[str], class_names: Iterable[str]) -> None:
    """Check that no negative is a trained class, which would be both positive and negative.

    Raises:
        ValueError: A negative is a trained class.
    """
    classes = {_as_read(name) for name in class_names}
    for name in negatives:
        if _as_read(name) in classes:
            raise ValueError(
                f'{_KEY} has {name!r}, which is a trained class: leave it out, for instance by '
                "exclude='the label map of all target classes'"
            )


def _as_read(name: str) -> str:
    """Normalise a name as CLIP reads it: lower case, single spaces instead of underscores."""
    return ' '.join(name.replace('_', ' ').lower().split())


def _read_file(key: str, path: str | Path) -> tuple[str, ...]:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'{_KEY}.{key}={str(path)!r} is not a file: give a label map, or a text file with one name '
            'per line'
        )
    return read_label_map(path)


def _check_names(names: Sequence[str], where: str) -> None:
    if isinstance(names, str) or not names:
        raise ValueError(f"{where}: names={names!r} is not a list of names: write, for example, ['else']")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'{where}: {name!r} is not a name: give words that can replace a class name')
        if _as_read(name) in seen:
            raise ValueError(f'{where}: {name!r} is listed twice: list each negative once')
        seen.add(_as_read(name))


def _check_templates(templates: Sequence[str] | None) -> tuple[str, ...]:
    if templates is None:
        return ()
    if isinstance(templates, str) or not templates:
        raise ValueError(
            f'{_KEY}.templates={templates!r} is not a list of sentences: write, for example, '
            "['a video of {}.']"
        )
    for place, template in enumerate(templates):
        if not isinstance(template, str) or template.count('{}') != 1:
            raise ValueError(
                f'{_KEY}.templates[{place}]={template!r} must contain {{}} once, for the negative'
            )
    return tuple(templates)
