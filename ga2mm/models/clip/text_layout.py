"""The arrangement of the tokens of several texts in one sequence without padding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ga2mm.models.clip.block import dot_product

PLACEHOLDER = -1
"""The token id that marks the position of a text prompt."""


@dataclass(frozen=True)
class Queries:
    """The tokens that a layer computes: some of the prefix, then some of each text, as a grid of texts.

    Attributes:
        tokens: Their indices (Q,) in the layout, ascending.
        prefix: Number of tokens of the prefix.
        prefix_mask: Keys of the prefix that these see, (prefix, P); None for all.
        grid: For each place of the grid, the index into ``tokens``, (N, L); places left over repeat a token.
        grid_mask: Keys of the prefix and of its text that each place sees, (N, 1, L, P + K); None for all.
        places: For each token its place in prefix and flat grid, (Q,).
    """

    tokens: Tensor
    prefix: int
    prefix_mask: Tensor | None
    grid: Tensor
    grid_mask: Tensor | None
    places: Tensor


class TextLayout:
    """The tokens of N texts in one sequence: a prefix that all texts share, then each text's own tokens.

    In a causal tower a token sees earlier tokens only. So the start token, shared prompts and shared first
    words are computed once for all texts, and what follows the pooled token is left out. In other towers the
    prefix is empty and nothing is left out.

    Args:
        tokens: Token ids (N, length) on the CPU, with a :data:`PLACEHOLDER` for each prompt token.
        pooled: The position (N,) whose output is the feature of the text.
        causal: Whether a token sees earlier tokens only.
        shared_prompts: Whether all texts have the same prompts.
        device: The device of the tower.

    Attributes:
        num_texts: N.
        num_prompts: Number of placeholders in each text.
        ids: Token ids (T,), 0 for a placeholder.
        positions: Position (T,) of each token in its text.
        slots: Indices (S,) of the placeholders.
        slot_texts, slot_prompts: For each placeholder its text, and its number in the text.
        all: All tokens as queries.
        words: All tokens but the placeholders as queries.
        pooled: The pooled tokens as queries.
    """

    def __init__(
        self, tokens: Tensor, pooled: Tensor, causal: bool, shared_prompts: bool, device: torch.device
    ) -> None:
        self.num_texts = len(tokens)
        self._causal, self._device = causal, device
        columns = torch.arange(tokens.shape[1])
        self._prefix = _num_shared(tokens, pooled, shared_prompts) if causal else 0
        own = (columns >= self._prefix) & ((columns <= pooled[:, None]) | (not causal))
        texts, positions = own.nonzero(as_tuple=True)
        texts = torch.cat([texts.new_zeros(self._prefix), texts])
        positions = torch.cat([columns[: self._prefix], positions])
        ids = tokens[texts, positions]
        is_prompt = ids == PLACEHOLDER
        slots, words = is_prompt.nonzero()[:, 0], (~is_prompt).nonzero()[:, 0]
        slot_prompts = ((tokens == PLACEHOLDER).cumsum(dim=1) - 1)[texts[slots], positions[slots]]
        self.num_prompts = int((tokens == PLACEHOLDER).sum(dim=1).max())
        self._texts, self._positions = texts, positions
        self._keys, _ = self._grid(torch.arange(len(ids)))
        is_pooled = (positions == pooled[texts]) & (torch.arange(len(ids)) >= self._prefix)
        self.all = self._queries(torch.arange(len(ids)))
        self.words = self._queries(words)
        self.pooled = self._queries(is_pooled.nonzero()[:, 0])
        self._pooled_in_words = torch.searchsorted(words, is_pooled.nonzero()[:, 0]).to(device)
        self.ids, self.positions = ids.clamp(min=0).to(device), positions.to(device)
        self.slots, self.slot_texts = slots.to(device), texts[slots].to(device)
        self.slot_prompts = slot_prompts.to(device)
        self._keys = self._keys.to(device)
        self._order = torch.cat([words, slots]).argsort().to(device)

    def prompts_at_slots(self, prompt: Tensor) -> Tensor:
        """Give a layer's prompt for each placeholder.

        Args:
            prompt: (length, width), (N, length, width) or (B, 1 or N, length, width).

        Returns:
            The tokens (B or 1, S, width).

        Raises:
            ValueError: The prompt has another length than the texts have placeholders.
        """
        if prompt.shape[-2] != self.num_prompts:
            raise ValueError(
                f'a text prompt has {prompt.shape[-2]} tokens, but the texts have {self.num_prompts} '
                'placeholders: tokenize the names with the length of the prompt'
            )
        prompt = prompt[(None,) * (4 - prompt.dim())]
        return prompt[:, self.slot_texts if prompt.shape[1] > 1 else 0, self.slot_prompts]

    def join(self, words: Tensor, prompts: Tensor) -> Tensor:
        """Put words (B, W, ...) and prompt tokens (B or 1, S, ...) into the order of the layout."""
        both = torch.cat([words, prompts.expand(len(words), -1, -1)], dim=1)
        return both.index_select(1, self._order)

    def places_of(self, needed: Queries, have: Queries) -> Tensor:
        """Give the indices of the needed tokens in the ones that a layer has."""
        return needed.tokens if have is self.all else self._pooled_in_words

    def attend(
        self, queries: Queries, keys_in_order: bool, attn: nn.Module, of_tokens: Tensor, keys_values: Tensor
    ) -> Tensor:
        """Compute the attention of some tokens to the prefix and to their text.

        Args:
            queries: The tokens.
            keys_in_order: Whether keys are in the order of the layout; otherwise words come first, then
                placeholders.
            attn: The attention module of a block.
            of_tokens: Queries (B, Q, width).
            keys_values: Keys and values (B, T, 2 · width).

        Returns:
            Values (B, Q, width).
        """
        if not keys_in_order:
            keys_values = keys_values.index_select(1, self._order)
        shared, num_clips = keys_values[:, : self._prefix], len(keys_values)
        own = _take(keys_values, self._keys)
        seen = torch.cat([shared[:, None].expand(-1, self.num_texts, -1, -1), own], dim=2)
        mask = queries.grid_mask
        if mask is not None and num_clips > 1:
            mask = mask.repeat(num_clips, 1, 1, 1)
        grid = dot_product(attn, _take(of_tokens, queries.grid).flatten(0, 1), seen.flatten(0, 1), mask)
        grid = grid.unflatten(0, (num_clips, -1)).flatten(1, 2)
        if queries.prefix:
            prefix = dot_product(attn, of_tokens[:, : queries.prefix], shared, queries.prefix_mask)
            grid = torch.cat([prefix, grid], dim=1)
        return grid.index_select(1, queries.places)

    def _queries(self, tokens: Tensor) -> Queries:
        num_prefix = int((tokens < self._prefix).sum())
        grid, places = self._grid(tokens)
        prefix_mask = grid_mask = None
        if self._causal:
            prefix_mask = tokens[:num_prefix, None] >= torch.arange(self._prefix)
            own = self._positions[tokens[grid]][..., None] >= self._prefix + torch.arange(self._keys.shape[1])
            grid_mask = torch.cat([own.new_ones(*grid.shape, self._prefix), own], dim=-1)[:, None]
        parts = tokens, num_prefix, prefix_mask, grid, grid_mask, places
        return Queries(*(one.to(self._device) if isinstance(one, Tensor) else one for one in parts))

    def _grid(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Arrange tokens that are not of the prefix as one row for each text."""
        num_prefix = int((tokens < self._prefix).sum())
        texts = self._texts[tokens[num_prefix:]]
        lengths = texts.bincount(minlength=self.num_texts)
        firsts = lengths.cumsum(0) - lengths
        columns = torch.arange(int(lengths.max()))
        grid = num_prefix + firsts[:, None] + columns.minimum(lengths[:, None] - 1)
        within = torch.arange(len(texts)) - firsts[texts]
        places = num_prefix + texts * len(columns) + within
        return grid, torch.cat([torch.arange(num_prefix), places])


def _take(values: Tensor, indices: Tensor) -> Tensor:
    """Take values (B, L, D) at indices (N, K): (B, N, K, D)."""
    return values.index_select(1, indices.flatten()).unflatten(1, indices.shape)


def _num_shared(tokens: Tensor, pooled: Tensor, shared_prompts: bool) -> int:
    """Count the first tokens that are the same in all texts and come before each text's pooled token."""
    same = (tokens == tokens[0]).all(dim=0)
    if not shared_prompts and len(tokens) > 1:
        same &= (tokens != PLACEHOLDER).all(dim=0)
    return min(int(same.long().cumprod(dim=0).sum()), int(pooled.min()))


def chunks(number: int, size: int) -> list[slice]:
    """Cut 0 to ``number`` into parts of ``size``."""
    return [slice(first, min(first + size, number)) for first in range(0, number, size)]


def prompt_of_chunk(prompt: Tensor | None, clips: slice, texts: slice) -> Tensor | None:
    """Give the part of a layer's prompt that belongs to some clips and texts."""
    if prompt is None or prompt.dim() == 2:
        return prompt
    prompt = prompt[clips] if prompt.dim() == 4 else prompt
    return prompt[..., texts, :, :] if prompt.shape[-3] > 1 else prompt


def text_pool_type(text: nn.Module) -> str:
    """Give the pooling of a text tower, which OpenCLIP's classes name differently."""
    return getattr(text, 'text_pool_type', None) or text.pool_type


def pooled_positions(text: nn.Module, tokens: Tensor) -> Tensor:
    """Give the position (N,) of the token whose output is the feature of its text, for tokens (N, L)."""
    pool_type = text_pool_type(text)
    if pool_type in ('first', 'last'):
        return torch.full((len(tokens),), 0 if pool_type == 'first' else tokens.shape[1] - 1)
    if pool_type == 'argmax':
        return tokens.argmax(dim=-1)
    end = getattr(text, 'text_eos_id', None) or text.eos_id
    return (tokens == end).int().argmax(dim=-1)
