"""Who is in an image: several people at once, each with a box and the 17 keypoints of COCO.

The convolutions are those of MoveNet MultiPose Lightning (:mod:`graph`). Its six maps have a quarter of the image's
resolution: a centre heatmap, size and offset of the box, keypoint heatmaps, the way from a centre to its keypoints,
and offsets that refine a keypoint. A keypoint lies where its heatmap is high near the place that its centre expects,
inside the box. Any size of image will do and any number of people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chromm_ros.network.open.crops import Pyramid, as_batch
from chromm_ros.network.open.graph import ConvolutionGraph

STRIDE = 4
KEYPOINTS = 17
SPREAD = 0.3
"""Variance of where a keypoint is looked for around its expected place, as a part of the shorter side, in cells."""

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 5, 6, 11, 12


@dataclass(frozen=True)
class FinderSettings:
    """How people are looked for."""

    side: int = 384
    """Longer side of the image that is looked at [px]. Whoever fills less than a tenth of it may be missed."""
    centre: float = 0.1
    """Least score of a centre. Low: whether anybody is there is decided by the crop."""
    keypoint: float = 0.15
    """Score from which a keypoint says how far a body reaches."""
    keypoints: int = 3
    """Such keypoints that a person has at least."""
    margin: float = 1.25
    """Side of a region over the distance that the body reaches from its hips, on either side."""


def find(graph: ConvolutionGraph, images: Tensor, most: int, least: float) -> tuple[Tensor, Tensor]:
    """People of B images.

    Args:
        graph: the network.
        images: (B, 3, H, W) in [0, 1], sides multiples of 32.
        most: people of an image.
        least: score of a centre below which its keypoints are not read.

    Returns:
        (B, most) centre scores, highest first; (B, most, 17, 3) x, y [px of ``images``] and score of the keypoints,
        zeros where the centre scores less than ``least``.
    """
    centre, size, shift, heat, reach, fine = graph(images * (255 * 0.00784) - 1)
    height, width = centre.shape[1:3]
    score = centre[..., 0].sigmoid()
    is_peak = score >= functional.max_pool2d(score[:, None], 5, 1, 2)[:, 0] - 1e-6
    score, index = torch.where(is_peak, score, 0.0).flatten(1).topk(most)
    keypoints = score.new_zeros(*score.shape, KEYPOINTS, 3)
    image, person = torch.nonzero(score > least, as_tuple=True)
    if not len(image):
        return score, keypoints
    cell = torch.stack([index // width, index % width], -1)[image, person]  # (N, 2) row, column
    place = (image, cell[:, 0], cell[:, 1])
    middle, half = cell + shift[place], size[place].clamp(min=0) / 2
    limit = middle.new_tensor([height, width])
    low, high = ((middle + sign * half).clamp(min=0).minimum(limit) for sign in (-1, 1))
    expected = cell[:, None] + reach[place].unflatten(-1, (KEYPOINTS, 2))  # (N, 17, 2)
    near = [
        _near(expected[..., axis], low[:, axis], high[:, axis], cells, SPREAD * min(height, width))
        for axis, cells in ((0, height), (1, width))
    ]
    likely = heat.sigmoid().permute(0, 3, 1, 2)[image] * near[0][..., :, None] * near[1][..., None, :]
    strength, best = likely.flatten(-2).max(-1)  # (N, 17)
    row, column = best // width, best % width
    names = torch.arange(KEYPOINTS, device=score.device)
    offset = fine.unflatten(-1, (KEYPOINTS, 2))[image[:, None], row, column, names]
    x, y = (column + offset[..., 1]) * STRIDE, (row + offset[..., 0]) * STRIDE
    keypoints[image, person] = torch.stack([x, y, strength], -1)
    return score, keypoints


def regions(
    graph: ConvolutionGraph, pyramids: Sequence[Pyramid], most: int, settings: FinderSettings
) -> list[np.ndarray]:
    """(P, 4) turned squares around the people of each image: centre x, y, side [px], angle [rad].

    Images of one shape are looked at together.
    """
    found: list[np.ndarray] = [np.zeros((0, 4))] * len(pyramids)
    sizes = [pyramid.size for pyramid in pyramids]
    for size in dict.fromkeys(sizes):
        rows = [n for n, own in enumerate(sizes) if own == size]
        height, width = _reduced(size, settings.side)
        small = as_batch([pyramids[n].resized(height, width) for n in rows], graph.device)
        scores, keypoints = (part.cpu().numpy() for part in find(graph, small, most, settings.centre))
        scale = np.array([size[1] / width, size[0] / height, 1.0])
        for n, score, points in zip(rows, scores, keypoints * scale):
            found[n] = _around(points[score > settings.centre], settings)
    return found


def _near(expected: Tensor, low: Tensor, high: Tensor, cells: int, variance: float) -> Tensor:
    """(N, 17, cells) weight of the cells along one axis; none outside of the box (N,)."""
    cell = torch.arange(cells, device=expected.device)
    inside = (cell >= low[:, None]) & (cell < high[:, None])
    return torch.exp(-(expected[..., None] - cell).square() / variance) * inside[:, None]


def _reduced(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """(height, width) with the longer side about ``longer``, both sides multiples of 32."""
    height, width = (max(32, round(side * longer / max(size) / 32) * 32) for side in size)
    return height, width


def _around(people: np.ndarray, settings: FinderSettings) -> np.ndarray:
    """(P, 4) regions of those people (N, 17, 3) of whom enough is seen."""
    rows = []
    for points in people:
        place, sure = points[:, :2], points[:, 2] > settings.keypoint
        if sure.sum() < settings.keypoints:
            continue
        hips = place[[LEFT_HIP, RIGHT_HIP]].mean(0)
        spine = place[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(0) - hips
        reach = max(1.12 * np.linalg.norm(place[sure] - hips, axis=-1).max(), 1.2 * float(np.linalg.norm(spine)))
        rows.append((*hips, 2 * settings.margin * reach, math.atan2(spine[0], -spine[1])))
    return np.array(rows).reshape(-1, 4)
