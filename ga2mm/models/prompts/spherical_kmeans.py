"""K-means by direction, of many small sets of points at once."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ga2mm.utils import at_least_float32


@torch.no_grad()
def spherical_kmeans(points: Tensor, num_clusters: int, iterations: int) -> Tensor:
    """Centres of the clusters of each set of points.

    A point counts by its direction alone, and belongs to the centre with the highest cosine. Source:
    Dhillon and Modha 2001, "Concept decompositions for large sparse text data using clustering". Design
    choice: the first centre is the point closest to the mean, each further one the point farthest from
    those before; then a fixed number of steps. So nothing is random, no set depends on another, and the
    order of the points does not matter but for rounding. A cluster without points keeps its centre, so
    fewer points than clusters give centres that repeat.

    Args:
        points: Sets of points (B, N, D); they get no gradient.
        num_clusters: Number of clusters of each set.
        iterations: Number of steps.

    Returns:
        Unit centres (B, num_clusters, D) in float32, in no particular order.
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
    """Points (B, number, D) to start from."""
    first = (points @ points.mean(dim=1, keepdim=True).mT).argmax(dim=1, keepdim=True)
    centres = [points.take_along_dim(first, dim=1)]
    closest = points @ centres[0].mT
    for _ in range(number - 1):
        farthest = closest.argmin(dim=1, keepdim=True)
        centres.append(points.take_along_dim(farthest, dim=1))
        closest = torch.maximum(closest, points @ centres[-1].mT)
    return torch.cat(centres, dim=1)
