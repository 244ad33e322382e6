"""What a page offers: a classifier, class names to begin with and sample videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ga2mm.apis import VideoClassifier
from ga2mm.apis.model_file import is_model_file
from ga2mm.apis.zero_shot import zero_shot_config
from ga2mm.web.page_classifier import PageClassifier
from ga2mm.web.samples import NAMES, write_samples

EXAMPLE_NAMES = ('walking', 'playing the guitar', 'riding a bike', 'cooking')
"""Class names to begin with, for a CLIP without training."""

MINIATURE = (
    'This is the miniature CLIP, to try the page. It knows only the miniature world: coloured shapes that '
    'slide, spin, grow and so on. It says nothing about real videos; for those, start '
    'ga2mm demo my_model.ga2 or ga2mm demo --clip ViT-B-16-quickgelu:openai.'
)


@dataclass(frozen=True)
class Contents:
    """What a page offers.

    Attributes:
        classifier: Answers the requests.
        about: What the model is and knows, one to three sentences.
        names: Class names to begin with.
        samples: Videos to choose, by title.
    """

    classifier: PageClassifier
    about: str
    names: Sequence[str]
    samples: Mapping[str, Path]


def load_contents(model: str | None, clip: str | None, device: str | None, folder: Path) -> Contents:
    """Load a model for a page.

    Args:
        model: A model file or its place on the hub; None for a CLIP without training.
        clip: The CLIP, as in :func:`~ga2mm.apis.own_config.choose_clip`; with a model file, the place of the
            weights of its CLIP. None without a model is the miniature CLIP.
        device: The device; None for a GPU if there is one.
        folder: Folder for sample videos, which the miniature CLIP has.

    Raises:
        OSError: A file does not exist.
        ValueError: The model is not a model file, or it or the CLIP is wrong.
    """
    if model is not None:
        if not is_model_file(model):
            raise ValueError(f'{model} is not a model file (.ga2): ga2mm export makes one of a checkpoint')
        classifier = VideoClassifier(model, None, None, device, clip)
        about = (
            f'The model is {Path(model).name}, trained for {len(classifier.classes)} classes. '
            'It takes other names too.'
        )
        return Contents(PageClassifier(classifier), about, classifier.classes, {})
    if clip in (None, 'miniature'):
        samples = write_samples(folder / 'samples')
        classifier = VideoClassifier(zero_shot_config('miniature'), None, NAMES, device)
        return Contents(PageClassifier(classifier, samples.anchors), MINIATURE, NAMES, samples.videos)
    classifier = VideoClassifier(zero_shot_config(clip), None, EXAMPLE_NAMES, device)
    about = f'The model is the frozen CLIP {clip}, without any training. Give the names of your classes.'
    return Contents(PageClassifier(classifier), about, EXAMPLE_NAMES, {})
