"""The attribute retrieval of AttriPrompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ga2mm.models.prompts.prompt_learner import PromptLearner
from ga2mm.models.prompts.spherical_kmeans import spherical_kmeans
from ga2mm.registry import MODELS

if TYPE_CHECKING:
    from ga2mm.models.video_encoder import VideoTokens

ITERATIONS = 5
"""Number of k-means steps. Design choice."""


@dataclass(frozen=True)
class Retrieval:
    """The prompts that a batch of clips retrieved: ``num_clusters · top_k`` of the pool of each text layer.

    Attributes:
        indices: Indices into the pool (B, text layers, retrieved), ascending. An index is repeated if several
            clusters of a clip retrieved it.
        similarities: Cosines (B, text layers, retrieved) of the clusters with the retrieved keys. They have a
            gradient with respect to the keys.
        weights: Factors (B, text layers, retrieved) of the prompts.
    """

    indices: Tensor
    similarities: Tensor
    weights: Tensor

    def __getitem__(self, clips: Sequence[int] | slice) -> 'Retrieval':
        """Select clips."""
        return Retrieval(self.indices[clips], self.similarities[clips], self.weights[clips])


@MODELS.register_module()
class AttributeRetrieval(PromptLearner):
    """Text prompts that a clip retrieves from a pool by its patch tokens, layer by layer (AttriPrompt).

    Each text layer has a pool of prompts, a key for each prompt, and a vision layer. The vision layers are
    evenly spaced from the first to the last, one to one if both towers are equally deep.

    1. The output patch tokens of the vision layer, of all frames of the clip together, are clustered.
    2. Each cluster centre retrieves the ``top_k`` prompts whose keys have the highest cosine with it.
    3. The retrieved prompts of all clusters, in the pool's order, are the prompt tokens of the text layer.

    The text features have a gradient with respect to the retrieved prompts and their keys, and
    :class:`~ga2mm.objectives.KeyLoss` moves the keys towards the centres. Keys that no clip retrieves keep
    their direction. The patch tokens get no gradient, also with vision prompts: the retrieval does not tune
    the vision tower. A clip's prompts do not depend on the other clips of the batch.

    Source: the abstract of arXiv 2509.05949, which states the clustering of each vision layer's features, the
    retrieval from a pool by the aggregated features and the prompts at every text layer; we know of no
    released code. K-means, which the abstract does not name, is from a third-party summary. Design choices,
    which the paper does not state: all arguments and their defaults; a separate pool and a vision layer for
    each text layer; k-means by direction, since the retrieval is by cosine; one clustering for all frames of
    a clip; keys and prompts initialised from N(0, 0.02²).

    Args:
        num_clusters: Number of clusters of a clip's tokens in each layer.
        pool_size: Number of prompts in the pool of each text layer.
        prompt_length: Number of tokens of each prompt of the pool.
        top_k: Number of prompts that each cluster retrieves.
        temperature: None for straight-through retrieval: prompts are used without a factor, so they depend
            only on the retrieved indices; a key gets the gradient of a prompt that is multiplied by the
            cosine. A number for weighted retrieval: the prompts that a clip retrieved for a layer are
            multiplied by the softmax, over all of them, of cosine / ``temperature``, times their number.
        width, layers: Width and number of layers of the text tower. Given by the model.
        vision_width, vision_layers: The same of the vision tower. Given by the model.

    Raises:
        ValueError: An argument is out of its range.
    """

    uses = ('layers',)
    shared_depth = 0

    def __init__(
        self,
        num_clusters: int = 4,
        pool_size: int = 16,
        prompt_length: int = 1,
        top_k: int = 1,
        temperature: float | None = None,
        *,
        width: int,
        layers: int,
        vision_width: int,
        vision_layers: int,
    ) -> None:
        super().__init__()
        counts = dict(
            num_clusters=num_clusters, pool_size=pool_size, prompt_length=prompt_length, top_k=top_k
        )
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f'text_prompt.{name}={count}: give 1 or more')
        if top_k > pool_size:
            raise ValueError(
                f'text_prompt.top_k={top_k} prompts cannot be retrieved from a pool of '
                f'pool_size={pool_size}: lower top_k or enlarge the pool'
            )
        if temperature is not None and temperature <= 0:
            raise ValueError(f'text_prompt.temperature={temperature}: give a number above 0, or None')
        if temperature is not None and num_clusters * top_k == 1:
            raise ValueError(
                f'text_prompt.temperature={temperature} has no effect with one retrieved prompt: '
                'raise num_clusters or top_k, or give None'
            )
        self.num_clusters = num_clusters
        self.top_k = top_k
        self.temperature = temperature
        self.vision_layer_of = torch.linspace(0, vision_layers - 1, layers).round().long().tolist()
        self.vision_layers = vision_layers
        self.length = num_clusters * top_k * prompt_length
        self.depth = layers
        self.keys = nn.Parameter(torch.randn(layers, pool_size, vision_width) * 0.02)
        self.prompts = nn.Parameter(torch.randn(layers, pool_size, prompt_length, width) * 0.02)

    def condition(self, videos: 'VideoTokens') -> Retrieval:
        """Retrieve prompts for each clip, in float32 independent of the towers' precision.

        Raises:
            ValueError: The number of token tensors differs from the number of vision layers.
        """
        tokens = videos.layers
        if len(tokens) != self.vision_layers:
            raise ValueError(
                f'AttributeRetrieval got tokens of {len(tokens)} layers, but the vision tower has '
                f'{self.vision_layers}: give the patch tokens of every layer'
            )
        centres = {
            layer: spherical_kmeans(tokens[layer], self.num_clusters, ITERATIONS)
            for layer in set(self.vision_layer_of)
        }
        queries = torch.stack([centres[layer] for layer in self.vision_layer_of], dim=1)
        with torch.autocast(queries.device.type, enabled=False):
            cosines = queries @ F.normalize(self.keys, dim=-1).mT  # (B, text layers, clusters, pool)
            similarities, indices = cosines.topk(self.top_k, dim=-1)
            indices, order = indices.flatten(2).sort(dim=-1, stable=True)
            similarities = similarities.flatten(2).gather(-1, order)
            return Retrieval(indices, similarities, self._weights(similarities))

    def _weights(self, similarities: Tensor) -> Tensor:
        if self.temperature is None:
            return 1 + (similarities - similarities.detach())
        return similarities.shape[-1] * (similarities / self.temperature).softmax(dim=-1)

    def cache_keys(self, condition: Retrieval) -> list[tuple[int, ...]] | None:
        """Give the retrieved indices of each clip; None for weighted prompts, which no two clips share."""
        return (
            None
            if self.temperature is not None
            else [tuple(row) for row in condition.indices.flatten(1).tolist()]
        )

    def forward(self, names: Sequence[str], condition: Retrieval) -> list[Tensor]:
        """Give the prompts of all text layers, tensors of shape (B, 1, length, width)."""
        per_layer = zip(self.prompts, condition.indices.unbind(1), condition.weights.unbind(1), strict=True)
        return [
            (pool[indices] * weights[..., None, None]).flatten(1, 2)[:, None]
            for pool, indices, weights in per_layer
        ]
