"""Check metafiles and READMEs of methods; --write renews the parts of them that follow from the metafiles.

Reads ``model-index.yml``, its metafiles, and ``projects/ga2_clip``. Prints a line for each error and exits
with 1 if there is one. What is written: the block of each collection in a README, between
``<!-- models: NAME -->`` and ``<!-- end of models -->``, and the metafile of the project, from the configs
that its own inherit from.
"""

import argparse
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = 'projects/ga2_clip'
NOT_MEASURED = 'not measured'
TYPES = dict(
    Collections={'Name': str, 'README': str, 'Paper': dict},
    Models={'Name': str, 'Config': str, 'In Collection': str, 'Metadata': dict, 'Results': list},
)
# MMAction2's {algorithm}_{module}_{training}_{data}.py: GPUs x clips, uniformly sampled frames, epochs.
PROJECT_NAME = re.compile(r'ga2-clip_[a-z0-9-]+-pre_\d+xb\d+-u\d+-\d+e_[a-z0-9-]+-rgb')
BASE = re.compile(r"^_base_ = '\{\{\$GA2MM_CONFIGS:\.\./\.\./\.\./configs\}\}/(.+\.py)'$", re.MULTILINE)
# What MMAction2's hook check-algo-readme looks for: a mark, and a paragraph below the heading.
ABSTRACT = re.compile(
    r'^<!-- \[ALGORITHM\] -->$.*^## Abstract$\s+(<!--.*?-->\s+)?(?!##|<!--)\S', re.MULTILINE | re.DOTALL
)


def main() -> int:
    """Print the errors; return 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--write', action='store_true', help='write what follows from the metafiles')
    args = parser.parse_args()
    errors = check(ROOT, args.write)
    for error in errors:
        print(f'error: {error}')
    return int(bool(errors))


def check(root: Path, write: bool = False) -> list[str]:
    """Check all files below ``root``; with ``write``, write what follows from the metafiles first.

    Returns:
        A line for each error: what is wrong, where, and how to mend it.
    """
    index = yaml.safe_load((root / 'model-index.yml').read_text(encoding='utf-8'))
    metafiles, errors = {}, []
    for name in index['Import']:
        try:
            metafiles[name] = yaml.safe_load((root / name).read_text(encoding='utf-8'))
        except (OSError, yaml.YAMLError) as error:
            errors.append(f'model-index.yml imports {name}: {" ".join(str(error).split())}')
            continue
        errors += check_types(name, metafiles[name])
    if errors:
        return errors
    errors += check_index(root, metafiles)
    if errors:
        return errors
    project, errors = project_metafile(root, metafiles)
    for path, text in written(root, metafiles, project, errors).items():
        old = (root / path).read_text(encoding='utf-8') if (root / path).is_file() else None
        if write:
            (root / path).write_text(text, encoding='utf-8')
        elif old != text:
            errors.append(f'{path} does not fit the metafiles: run python tools/model_index.py --write')
    return errors


def check_types(name: str, metafile: dict) -> list[str]:
    """Check that a metafile has the fields that are read below."""
    if not isinstance(metafile, dict) or set(metafile) != set(TYPES):
        return [f'{name}: its keys must be {", ".join(TYPES)}']
    return [
        f'{name}: {field} of {entry.get("Name", entry)} is not a {kind.__name__}'
        for key, fields in TYPES.items()
        for entry in metafile[key]
        for field, kind in fields.items()
        if not isinstance(entry.get(field), kind)
    ]


def check_index(root: Path, metafiles: dict[str, dict]) -> list[str]:
    """Check collections, models, and that no config is missing."""
    collections = [one for metafile in metafiles.values() for one in metafile['Collections']]
    models = [one for metafile in metafiles.values() for one in metafile['Models']]
    errors = []
    for kind, entries in (('collection', collections), ('model', models)):
        names = [one['Name'] for one in entries]
        errors += [f'{kind} {name} occurs twice' for name in sorted(set(names)) if names.count(name) > 1]
    for one in collections:
        errors += check_readme(root, one)
    known, used = {one['Name'] for one in collections}, {one['In Collection'] for one in models}
    errors += [f'collection {name} has no model, or is not defined' for name in sorted(known ^ used)]
    for name, metafile in metafiles.items():
        folder = Path(name).parent
        for one in metafile['Models']:
            errors += [f'{name}: {error}' for error in check_model(root, folder, one)]
        listed = {one['Config'] for one in metafile['Models']}
        # Configs of the miniature world have no published counterpart; their figures are in docs.
        there = {path.relative_to(root).as_posix() for path in (root / folder).glob('*.py')}
        there = {path for path in there if not Path(path).name.startswith('miniature')}
        errors += [f'{name} lacks {path}: add a model' for path in sorted(there - listed)]
    return errors


def check_readme(root: Path, collection: dict) -> list[str]:
    """Check a collection's paper and README, as MMAction2's hook check-algo-readme does."""
    name, readme, paper = (collection[key] for key in ('Name', 'README', 'Paper'))
    errors = []
    if not paper.get('Title') or not str(paper.get('URL')).startswith('https://'):
        errors.append(f'collection {name}: its paper needs a Title and a URL with https')
    if not (root / readme).is_file():
        errors.append(f'collection {name}: there is no {readme}')
    elif not ABSTRACT.search((root / readme).read_text(encoding='utf-8')):
        errors.append(f'{readme} needs <!-- [ALGORITHM] --> and, below "## Abstract", a text')
    return errors


def check_model(root: Path, folder: Path, model: dict) -> list[str]:
    """Check a model's config, its name, figures and weights."""
    name, config = model['Name'], model['Config']
    errors = []
    if config != f'{folder.as_posix()}/{name}.py' or not (root / config).is_file():
        errors.append(f'Config of {name} must be {folder.as_posix()}/{name}.py, and exist')
    for result in model['Results']:
        if not isinstance(result.get('Metrics'), dict) or not {'Task', 'Dataset'} <= set(result):
            errors.append(f'Results of {name} need Task, Dataset and Metrics')
            continue
        for key, value in result['Metrics'].items():
            is_number = isinstance(value, float | int) and 0 <= value <= 100
            if not is_number and value != NOT_MEASURED and key != 'Published From':
                errors.append(f'{key} of {name} is {value!r}: give per cent, or {NOT_MEASURED!r}')
    if not str(model.get('Weights', 'https://')).startswith('https://'):
        errors.append(f'Weights of {name} must be a URL with https; leave it out if there are none')
    return errors


def project_metafile(root: Path, metafiles: dict[str, dict]) -> tuple[dict, list[str]]:
    """Make the metafile of ``projects/ga2_clip``; each config has the figures of the one it inherits from."""
    collections = {one['Name']: one for metafile in metafiles.values() for one in metafile['Collections']}
    bases = {one['Config']: one for metafile in metafiles.values() for one in metafile['Models']}
    models, errors = [], []
    for path in sorted((root / PROJECT / 'configs').glob('*.py')):
        config = path.relative_to(root).as_posix()
        if not PROJECT_NAME.fullmatch(path.stem):
            errors.append(
                f'{config}: its name is not ga2-clip_MODEL-pre_GPUSxbCLIPS-uFRAMES-EPOCHSe_DATA-rgb.py'
            )
        base = BASE.search(path.read_text(encoding='utf-8'))
        model = bases.get(f'configs/{base[1]}') if base else None
        if model is None:
            errors.append(f'{config} must inherit from a config that a metafile has: see the other configs')
            continue
        models.append(model | dict(Name=path.stem, Config=config))
    collection = collections['GA2-CLIP'] | dict(README=f'{PROJECT}/README.md')
    errors += check_readme(root, collection)
    return dict(Collections=[collection], Models=models), errors


def written(root: Path, metafiles: dict[str, dict], project: dict, errors: list[str]) -> dict[str, str]:
    """Make the texts that follow from the metafiles, by path; adds to ``errors``."""
    head = f'# Written by tools/model_index.py from {", ".join(metafiles)}.\n'
    texts = {f'{PROJECT}/metafile.yml': head + yaml.safe_dump(project, sort_keys=False, width=200)}
    for metafile in (*metafiles.values(), project):
        for collection in metafile['Collections']:
            readme = collection['README']
            if readme not in texts and (root / readme).is_file():
                texts[readme] = (root / readme).read_text(encoding='utf-8')
            models = [one for one in metafile['Models'] if one['In Collection'] == collection['Name']]
            start, end = f'<!-- models: {collection["Name"]} -->\n', '<!-- end of models -->\n'
            before, found, rest = texts.get(readme, '').partition(start)
            _, ends, after = rest.partition(end)
            if not found or not ends:
                errors.append(f'{readme} needs the lines {start.strip()} and {end.strip()}')
                continue
            texts[readme] = before + start + block(collection, models) + end + after
    return texts


def block(collection: dict, models: list[dict]) -> str:
    """Write paper, table and commands of a collection."""
    paper, code = collection['Paper'], models[0].get('Code')
    links = f'[{paper["Title"]}]({paper["URL"]})' + (
        f', [code of the authors]({code["URL"]})' if code else ''
    )
    rows = [
        '',
        links,
        '',
        '| config | dataset | epochs | published by others | measured here | weights |',
        '| --- ' * 6 + '|',
    ]
    folder = f'{Path(collection["README"]).parent.as_posix()}/'
    for model in models:
        config = model['Config'].removeprefix(folder)
        result = model['Results'][0]
        weights = f'[file]({model["Weights"]})' if 'Weights' in model else 'not published'
        ours = ', '.join(str(value) for key, value in result['Metrics'].items() if 'Published' not in key)
        cells = [
            f'[`{Path(config).stem}`]({config})',
            result['Dataset'],
            str(model['Metadata'].get('Epochs', '–')),
            published(result['Metrics']),
            ours,
            weights,
        ]
        rows.append(f'| {" | ".join(cells)} |')
    if not collection['README'].startswith(PROJECT):
        rows += ['', '```bash', *commands(models[0]), '```']
    return '\n'.join([*rows, '', ''])


def published(metrics: dict) -> str:
    """Write the figures of others: ``base 96.8, novel 75.2, HM 84.6 (from ...)``."""
    names = {'Base Accuracy': 'base', 'Novel Accuracy': 'novel', 'Top 1 Accuracy': 'top-1', 'HM': 'HM'}
    figures = [
        f'{name} {metrics[f"Published {key}"]}'
        for key, name in names.items()
        if f'Published {key}' in metrics
    ]
    source = metrics.get('Published From')
    return (', '.join(figures) or '–') + (f' (from a {source})' if source else '')


def commands(model: dict) -> list[str]:
    """Write the commands that train, test and predict with a model, on 8 GPUs."""
    config, epochs = model['Config'], model['Metadata'].get('Epochs')
    if epochs is None:
        return [
            f"tools/dist_test.sh {config} '' 8",
            'ga2mm predict my_videos/ --classes "juggling, walking a dog" --clip ViT-B-16-quickgelu:openai',
        ]
    checkpoint, file = f'work_dirs/{model["Name"]}/epoch_{epochs}.pth', f'{model["Name"]}.ga2'
    return [
        f'tools/dist_train.sh {config} 8',
        f'tools/dist_test.sh {config} {checkpoint} 8',
        f'ga2mm export {config} {checkpoint} {file}',
        f'ga2mm predict {file} my_videos/',
    ]


if __name__ == '__main__':
    sys.exit(main())
