"""Spherical k-means."""

import pytest
import torch
import torch.nn.functional as F

from ga2mm.models.prompts.spherical_kmeans import spherical_kmeans
from tests.helpers.features import seeded


def by_first_entry(centres: torch.Tensor) -> torch.Tensor:
    return centres.take_along_dim(centres[..., :1].argsort(dim=1), dim=1)


def test_kmeans_finds_separate_directions():
    directions = F.normalize(seeded(2, 3, 16), dim=-1)
    lengths = 1 + 9 * torch.rand(2, 60, 1, generator=torch.Generator().manual_seed(1))
    points = lengths * (directions.repeat(1, 20, 1) + 0.02 * seeded(2, 60, 16, seed=2))
    centres = spherical_kmeans(points, 3, 5)
    torch.testing.assert_close(by_first_entry(centres), by_first_entry(directions), atol=0.03, rtol=0)


def test_kmeans_settles_where_each_centre_is_the_mean_of_its_points():
    points = F.normalize(seeded(1, 50, 8), dim=-1)
    centres = spherical_kmeans(points, 4, 50)[0]
    closest = (points[0] @ centres.T).argmax(dim=-1)
    for cluster in range(4):
        mean = F.normalize(points[0][closest == cluster].mean(dim=0), dim=-1)
        torch.testing.assert_close(centres[cluster], mean)


def test_kmeans_starts_at_the_middle_and_goes_to_the_farthest():
    # The mean points to 0.7: it starts at 0.4, then takes 2.6, then 1.3.
    angles = torch.tensor([0.0, 0.1, 0.4, 1.3, 2.6])
    points = torch.stack([angles.cos(), angles.sin()], dim=-1)[None]
    centres = spherical_kmeans(points, 3, 1)[0]
    first = F.normalize(points[0, :3].mean(dim=0), dim=-1)
    torch.testing.assert_close(centres, torch.stack([first, points[0, 4], points[0, 3]]))


@pytest.mark.parametrize('number', [1, 2])
def test_kmeans_of_fewer_points_than_clusters_repeats_points(number):
    points = F.normalize(seeded(2, number, 8), dim=-1)
    centres = spherical_kmeans(points, 4, 3)
    cosines = centres @ points.mT
    torch.testing.assert_close(cosines.amax(dim=-1), torch.ones(2, 4))
    torch.testing.assert_close(cosines.amax(dim=1), torch.ones(2, number))


@pytest.mark.parametrize('value', [0.0, 3.0])
def test_kmeans_of_equal_points_gives_that_point(value):
    centres = spherical_kmeans(torch.full((1, 10, 4), value), 3, 3)
    torch.testing.assert_close(centres, torch.full((1, 3, 4), 0.5 if value else 0.0))


def test_kmeans_keeps_float32_under_autocast():
    points = seeded(2, 40, 16)
    with torch.autocast('cpu', torch.bfloat16):
        centres = spherical_kmeans(points, 4, 5)
    assert torch.equal(centres, spherical_kmeans(points, 4, 5))
