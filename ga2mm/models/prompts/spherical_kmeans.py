"""Spherical k-means for a batch of point sets."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ga2mm.utils import at_least_float32


@torch.no_grad()
def spherical_kmeans(points: Tensor, num_clusters: int, iterations: int) -> Tensor:
    """Compute the cluster centres of each set of points.

    Only the direction of a point matters; it belongs to the centre with the highest cosine. Source: Dhillon
    and Modha 2001, "Concept decompositions for large sparse text data using clustering". Design choice: the
    first centre is the point closest to the mean, and each further one is the point farthest from the
    previous centres; then follows a fixed number of steps. The result is deterministic, independent of other
    sets, and independent of the order of the points except for rounding. An empty cluster keeps its centre,
    so with fewer points than clusters centres repeat.

    Args:
        points: Sets of points (B, N, D); they get no gradient.
        num_clusters: Number of clusters per set.
        iterations: Number of steps.

    Returns:
        Unit centres (B, num_clusters, D) in float32, in arbitrary order.
    """
    with torch.autocast(points.device.type, enabled=False):
        points = F.normalize(at_least_float32(points), dim=-1)
        centres = _farthest_points(points, num_clusters)
        for _ in range(iterations):
            closest = (points @ centres.mT).argmax(dim=-1)
            members = F.one_hot(closest, num_clusters).to(points.dtype).mT
            means = F.normalize(members @ points, dim=-1)
            centres = torch.where(members.any(dim=-1, keepdim=True), means, centres)
        return centres


def _farthest_points(points: Tensor, number: int) -> Tensor:
    """Select the initial centres (B, number, D) among the points."""
    first = (points @ points.mean(dim=1, keepdim=True).mT).argmax(dim=1, keepdim=True)
    centres = [points.take_along_dim(first, dim=1)]
    closest = points @ centres[0].mT
    for _ in range(number - 1):
        farthest = closest.argmin(dim=1, keepdim=True)
        centres.append(points.take_along_dim(farthest, dim=1))
        closest = torch.maximum(closest, points @ centres[-1].mT)
    return torch.cat(centres, dim=1)
