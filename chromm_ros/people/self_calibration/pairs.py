"""How one camera stands to another, from people whom both see and of whom nobody says who is who.

Each view places each person roughly in its own frame: well across the ray, badly along it, and with the pose of the
body. One person seen by two views at one time turns one frame into the other, so every pair of people is a
hypothesis; the one under which most people of all times lie on each other wins, and is fitted to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.geometry.similarity import fit_similarity
from chromm_ros.people.self_calibration.sightings import PlacedPeople

SIZE_NOISE, DEPTH_NOISE = 0.15, 0.06
"""Standard deviations of the depth of a person as a part of it: what all views share, because the person is not of
average size, and what each view adds."""

PLACE_NOISE, SHAPE_NOISE = 0.1, 0.12
"""Standard deviations of the place across the ray, and of the landmarks about the middle of the person [m]."""

REACH = 12.0
"""Squared standard deviations (of four numbers) within which two views may mean the same person."""

HYPOTHESES, TRIED, REFITS = 300, 8, 4
"""Hypotheses that are weighed at most, those that are fitted, and how often each is fitted to its matches."""

COMPARISONS = 200_000
"""Comparisons of two people that the hypotheses of a pair of views may cost."""

ALIKE = (0.3, 0.5)
"""Angle [rad] and distance [m] within which two hypotheses are one."""


@dataclass(frozen=True)
class PairPose:
    """The likeliest pose of one view in the frame of another."""

    pose: np.ndarray  # (4, 4) second from first
    worth: float
    """Sum over the matched people of how well they match, each in [0, 1]."""
    sightings: int
    """Times with at least one match."""


@dataclass(frozen=True)
class ViewPair:
    """The people of two views at S times, ready to be compared under many poses."""

    first: PlacedPeople
    second: PlacedPeople
    middle_first: np.ndarray  # (S, A, 3)
    middle_second: np.ndarray  # (S, B, 3)
    both: np.ndarray  # (S, A, B) bool
    spread: np.ndarray  # (S, A, B) weighted mean of the squared extents of the two [m^2]
    covariance: np.ndarray  # (S, A, B, 3, 3) weighted mean of second times first, about their middles [m^2]

    @staticmethod
    def of(first: PlacedPeople, second: PlacedPeople) -> ViewPair:
        weights = np.sqrt(first.weights[:, :, None] * second.weights[:, None])  # (S, A, B, L)
        total = weights.sum(-1)
        weights = weights / np.maximum(total, 1e-9)[..., None]
        middle_a = np.einsum('sabl,sali->sabi', weights, first.points)
        middle_b = np.einsum('sabl,sbli->sabi', weights, second.points)
        a, b = first.points[:, :, None] - middle_a[..., None, :], second.points[:, None] - middle_b[..., None, :]
        return ViewPair(
            first,
            second,
            _middles(first),
            _middles(second),
            first.valid[:, :, None] & second.valid[:, None] & (total > 1.0),
            np.einsum('sabl,sabli->sab', weights, a**2 + b**2),
            np.einsum('sabl,sabli,sablj->sabij', weights, b, a),
        )

    def distances(self, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """(H, S, A, B) squared standard deviations between people under H poses, (H, 3, 3) and (H, 3)."""
        turned = np.einsum('hij,saj->hsai', rotation, self.middle_first)[:, :, :, None]
        other = self.middle_second[:, None]
        offset = turned + shift[:, None, None, None] - other
        columns = _columns(turned, other)
        apart = np.einsum('...i,...i->...', offset, np.linalg.solve(_covariance(columns), offset[..., None])[..., 0])
        shape = self.spread - 2 * np.einsum('hij,sabij->hsab', rotation, self.covariance)
        return np.where(self.both, apart + np.maximum(shape, 0) / SHAPE_NOISE**2, np.inf)

    def hypotheses(self) -> tuple[np.ndarray, np.ndarray]:
        """Poses (H, 3, 3), (H, 3) under which one pair of people coincides, best fitting shapes first."""
        s, i, j = np.nonzero(self.both)
        weights = np.sqrt(self.first.weights[s, i] * self.second.weights[s, j])
        fit = fit_similarity(self.first.points[s, i], self.second.points[s, j], weights, with_scale=False)
        misfit = self.spread[s, i, j] - 2 * np.einsum('hij,hij->h', fit.rotation, self.covariance[s, i, j])
        best = np.argsort(misfit, kind='stable')[: max(TRIED, min(HYPOTHESES, COMPARISONS // self.both.size))]
        return fit.rotation[best], fit.translation[best]

    def matches(self, rotation: np.ndarray, shift: np.ndarray) -> list[tuple[int, int, int, float]]:
        """(sighting, first, second, worth) of the people that match under a pose."""
        gains = np.maximum(1 - self.distances(rotation[None], shift[None])[0] / REACH, 0)
        found = []
        for s in np.nonzero(gains.any((1, 2)))[0]:
            for i, j in zip(*linear_sum_assignment(-gains[s])):
                if gains[s, i, j] > 0:
                    found.append((int(s), int(i), int(j), float(gains[s, i, j])))
        return found

    def refit(
        self, matches: list[tuple[int, int, int, float]], rotation: np.ndarray, shift: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pose that fits the matched people when each may slide along the rays of both views."""
        s, i, j = (np.array([match[n] for match in matches], int) for n in range(3))
        worth = np.array([match[3] for match in matches])
        a, b = self.middle_first[s, i] @ rotation.T, self.middle_second[s, j]
        columns = _columns(a, b)
        pull = np.linalg.solve(_covariance(columns), (a + shift - b)[..., None])
        slide = -(columns.swapaxes(-1, -2) @ pull)[..., 0]  # (M, 3) likeliest deviations
        farther_a = 1 + DEPTH_NOISE * slide[:, 0] + SIZE_NOISE * slide[:, 2]
        farther_b = 1 + DEPTH_NOISE * slide[:, 1] + SIZE_NOISE * slide[:, 2]
        source = self.first.points[s, i] * farther_a[:, None, None]  # about the camera: the pixels stay
        target = self.second.points[s, j] * farther_b[:, None, None]
        weights = worth[:, None] * np.sqrt(self.first.weights[s, i] * self.second.weights[s, j])
        fit = fit_similarity(source.reshape(-1, 3), target.reshape(-1, 3), weights.ravel(), with_scale=False)
        return fit.rotation, fit.translation


def relative_pose(pair: ViewPair) -> PairPose | None:
    """The pose of two views under which most people lie on each other; None when no two could be compared."""
    if not pair.both.any():
        return None
    rotations, shifts = pair.hypotheses()
    gains = np.maximum(1 - pair.distances(rotations, shifts) / REACH, 0)  # (H, S, A, B)
    # no one-to-one matching is worth more than this
    bound = np.minimum(gains.max(-1).sum(-1), gains.max(-2).sum(-1)).sum(-1)
    best: PairPose | None = None
    for start in _distinct(np.argsort(-bound, kind='stable'), rotations, shifts):
        rotation, shift = rotations[start], shifts[start]
        for _ in range(REFITS):
            matches = pair.matches(rotation, shift)
            worth = sum(match[3] for match in matches)
            if matches and (best is None or worth > best.worth):
                pose = np.eye(4)
                pose[:3, :3], pose[:3, 3] = rotation, shift
                best = PairPose(pose, worth, len({match[0] for match in matches}))
            if not matches:
                break
            rotation, shift = pair.refit(matches, rotation, shift)
    return best


def _distinct(order: np.ndarray, rotations: np.ndarray, shifts: np.ndarray) -> list[int]:
    """The first hypotheses of an order that are not like an earlier one."""
    kept: list[int] = []
    angle, distance = ALIKE
    for n in order:
        traces = np.einsum('hij,ij->h', rotations[kept], rotations[n])
        near = np.linalg.norm(shifts[kept] - shifts[n], axis=-1) < distance
        if not (near & (traces > 1 + 2 * np.cos(angle))).any():
            kept.append(int(n))
        if len(kept) == TRIED:
            break
    return kept


def _middles(people: PlacedPeople) -> np.ndarray:
    """(S, P, 3) weighted mean landmark [m]."""
    total = np.maximum(people.weights.sum(-1), 1e-9)
    return np.einsum('spl,spli->spi', people.weights, people.points) / total[..., None]


def _columns(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(..., 3, 3) how the offset of two middles changes by one deviation of the depth in the first view, of that in
    the second, and of the size of the person.

    Args:
        first: (..., 3) middles in the first view, turned into the axes of the second.
        second: (..., 3) middles in the second.
    """
    first, second = np.broadcast_arrays(first, second)
    return np.stack([DEPTH_NOISE * first, -DEPTH_NOISE * second, SIZE_NOISE * (first - second)], -1)


def _covariance(columns: np.ndarray) -> np.ndarray:
    return PLACE_NOISE**2 * np.eye(3) + columns @ columns.swapaxes(-1, -2)
