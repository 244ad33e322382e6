"""Model files on Hugging Face's hub.

Places are written as ``hf-hub:ORG/REPO`` or ``hf://ORG/REPO``; ``/FILE.ga2`` and ``@REVISION`` may follow.
``HF_ENDPOINT`` names another hub, ``HF_TOKEN`` the account, as in ``huggingface_hub``.
"""

import re
from pathlib import Path
from typing import Any

from ga2mm.models.clip.download import answers

PREFIXES = ('hf-hub:', 'hf://')

DEFAULT_NAME = 'model.ga2'

_PLACE = re.compile(r'(?:hf-hub:|hf://)([\w.-]+/[\w.-]+)(?:/([^@]+\.ga2))?(?:@([\w./-]+))?')


def is_on_hub(path: str | Path) -> bool:
    """Tell whether a path names a file on the hub."""
    return str(path).startswith(PREFIXES)


def fetch(place: str) -> Path:
    """Download a model file, or take it from the cache.

    Args:
        place: The place, such as ``hf-hub:ORG/REPO``, where the file is ``model.ga2``.

    Returns:
        The local file.

    Raises:
        OSError: The file or the hub cannot be reached.
        ValueError: The place is not written as above.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    repo, name, revision = _split(place)
    if not constants.HF_HUB_OFFLINE and not answers(constants.ENDPOINT):
        cached = try_to_load_from_cache(repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
        raise FileNotFoundError(
            f'{place} is not on this machine, and {constants.ENDPOINT} does not answer: give a local file'
        )
    return Path(_call(place, hf_hub_download, repo, name, revision=revision))


def push(path: str | Path, place: str, private: bool = False) -> str:
    """Upload a model file; the repository is made if it does not exist.

    Args:
        path: The model file.
        place: The place, such as ``hf-hub:ORG/REPO``.
        private: Whether a new repository is private.

    Returns:
        The address of the file.

    Raises:
        OSError: The hub cannot be reached, or the account may not write there.
        ValueError: The file is not a model file, or the place is not written as above.
    """
    from huggingface_hub import HfApi

    from ga2mm.apis.model_file import read_model_file

    read_model_file(path)
    repo, name, revision = _split(place)
    api = HfApi()
    _call(place, api.create_repo, repo, private=private, exist_ok=True)
    done = _call(
        place,
        api.upload_file,
        path_or_fileobj=str(path),
        path_in_repo=name,
        repo_id=repo,
        revision=revision,
        commit_message=f'Add {name}',
    )
    return str(getattr(done, 'commit_url', done))


def _split(place: str) -> tuple[str, str, str | None]:
    """Give repository, file and revision of a place."""
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ValueError(
            f'{place} is not a place on the hub: write hf-hub:ORG/REPO or hf-hub:ORG/REPO/FILE.ga2'
        )
    return match[1], match[2] or DEFAULT_NAME, match[3]


def _call(place: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the hub; an error becomes one line that names the place."""
    try:
        return function(*args, **kwargs)
    except ValueError:
        raise
    except Exception as error:  # of huggingface_hub, of its HTTP library, of the network
        said = ' '.join(str(error).split())[:300] or type(error).__name__
        raise OSError(f'{place}: {said}') from error
