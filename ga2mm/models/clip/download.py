"""Check before a download that its server can be reached, since OpenCLIP tries again for a minute."""

import os
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import open_clip
from huggingface_hub import constants, try_to_load_from_cache

SECONDS = 5.0
"""Time for the server to answer. Design choice."""


def check_reachable(arch: str, weights: str | None, cache_dir: str | None = None) -> None:
    """Check that the weights of a CLIP are on this machine or their server answers.

    Args:
        arch: OpenCLIP's name of the architecture, or ``hf-hub:ORG/REPO``.
        weights: The tag of the weights; anything else needs no download, except ``hf-hub:``.
        cache_dir: As in OpenCLIP.

    Raises:
        FileNotFoundError: The weights are not here and the server does not answer.
    """
    config = open_clip.get_pretrained_cfg(arch, weights) if weights else {}
    of_hub = arch.removeprefix('hf-hub:') + '/' if arch.startswith('hf-hub:') else config.get('hf_hub')
    if of_hub:
        here, server = _in_hub_cache(of_hub, cache_dir), constants.ENDPOINT
    elif config.get('url'):
        folder = Path(cache_dir or Path.home() / '.cache' / 'clip')
        here, server = (folder / Path(config['url']).name).is_file(), config['url']
    else:
        return
    offline = bool(of_hub) and constants.HF_HUB_OFFLINE
    if here or (not offline and answers(server)):
        return
    why = 'HF_HUB_OFFLINE is set' if offline else f'{server} does not answer'
    raise FileNotFoundError(
        f'the weights of {":".join(filter(None, [arch, weights]))} are not on this machine, and {why}; '
        'give a local file of weights instead (backbone.weights=FILE, ga2mm: --clip FILE)'
    )


def _in_hub_cache(of_hub: str, cache_dir: str | None) -> bool:
    """Tell whether a file of weights of Hugging Face's hub, ``ORG/REPO/FILE``, has been downloaded."""
    repo, name = os.path.split(of_hub)
    stem = name.rpartition('.')[0] or 'open_clip_pytorch_model'
    names = {name, f'{stem}.safetensors', f'{stem}.bin', 'open_clip_model.safetensors', 'model.safetensors'}
    found = (try_to_load_from_cache(repo, one, cache_dir=cache_dir) for one in names if one)
    return any(isinstance(path, str) for path in found)


def answers(url: str) -> bool:
    """Tell whether a server answers in time; the look-up of its name is included."""
    answers = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method='HEAD'), timeout=SECONDS).close()
        except urllib.error.HTTPError:
            pass  # an answer, too
        except OSError:
            return
        answers.append(url)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return bool(answers)
