"""The cache of text features."""

import pytest
import torch

from ga2mm.models.feature_cache import FeatureCache


@pytest.mark.parametrize('bound', [0, 1, 3])
def test_the_cache_keeps_no_more_than_its_bound(bound):
    cache = FeatureCache(bound)
    for start in range(5):
        cache.get(range(start, start + 4), lambda places: torch.ones(len(places), 2, 3))
        assert len(cache) == bound


def test_the_cache_forgets_what_was_used_longest_ago():
    cache, calls = FeatureCache(2), []

    def ask(identifier):
        return cache.get([identifier], lambda places: calls.append(identifier) or torch.zeros(1, 1, 1))

    for identifier in 'abacab':
        ask(identifier)
    assert ''.join(calls) == 'abcb'
    cache.clear()
    ask('a')
    assert ''.join(calls) == 'abcba'
