"""People inside one view over time: head tokens matched by optimal transport against a gallery (CHROMM 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets, ViewPeople
from chromm_ros.geometry.cameras import transform
from chromm_ros.people.assignment import mutual_best, sinkhorn
from chromm_ros.people.observations import usable
from chromm_ros.people.plausibility import split_implausible
from chromm_ros.people.settings import TrackingSettings

HALF_WAY = 10.0
"""Scaled token distance half way between the same person and different people: what the dustbin score -10 fits."""

WALKING_SPEED = 1.5
"""[m/s] With what errors of the joints explain, the movement from which on a person costs the whole
``motion_weight``."""


def track(people: ViewPeople, settings: TrackingSettings, errors: EstimateErrors) -> Tracklets:
    """Identity of every detection within its view; ids count from 0 in each view, in order of appearance.

    Detections that cannot be used, duplicates and implausible movements get -1 and are counted by reason.
    """
    mask, dropped = usable(people, settings.duplicate_distance)
    ids = match_tokens(people, mask, settings, errors)
    ids, implausible = split_implausible(people, ids, settings, errors)
    if implausible:
        dropped['implausible movement'] = implausible
    return Tracklets(ids, dropped)


def match_tokens(
    people: ViewPeople, mask: np.ndarray, settings: TrackingSettings, errors: EstimateErrors
) -> np.ndarray:
    """(V, T, M) ids by tokens and movement alone; all views advance together, step by step.

    Args:
        mask: (V, T, M) the detections that may be used.
    """
    views, steps, _ = mask.shape
    tokens = np.where(mask[..., None], people.token, 0).astype(np.float32)
    tokens -= tokens.sum((0, 1, 2)) / max(mask.sum(), 1)  # distances of large tokens keep their digits
    used = np.asarray(mask.any(-1))[..., None, None]
    poses = np.where(used, people.world_from_camera, 0.0)
    heads = transform(poses, np.where(mask[..., None], people.head, 0.0))
    centres = poses[..., :3, 3]
    half = settings.token_distance or token_half_distance(tokens, mask)
    ids = np.full(mask.shape, -1)
    gallery = _Gallery.empty(views, tokens.shape[-1])
    following = np.zeros(views, int)  # next new id of each view
    for step in range(steps):
        now = mask[:, step]
        distance = _distances(gallery.tokens, tokens[:, step]) * (HALF_WAY / half)
        gap = np.abs(people.times[step] - people.times[gallery.steps])
        typical = 1.5 * errors.joints + WALKING_SPEED * gap
        moved = _sideways(gallery.heads, heads[:, step], centres[:, step]) / typical[..., None]
        # between reward and penalty, so that tokens and movement can each outweigh the other
        cost = distance + settings.motion_weight * (np.minimum(moved, 1.0) - 0.5)
        plan = sinkhorn(cost, gallery.alive, now, settings.dustbin, settings.sinkhorn_iterations)
        match = mutual_best(plan, settings.match_threshold)
        view, entry = np.nonzero(match >= 0)
        ids[view, step, match[view, entry]] = gallery.ids[view, entry]
        new = now & (ids[:, step] < 0)
        ids[:, step] = np.where(new, following[:, None] + new.cumsum(-1) - 1, ids[:, step])
        following += new.sum(-1)
        lost = gallery.alive & (match < 0) & (step - gallery.steps <= settings.max_age)
        seen = _Gallery(now, ids[:, step], np.full(now.shape, step), tokens[:, step], heads[:, step])
        gallery = seen.followed_by(gallery, lost)
    return ids


def token_half_distance(tokens: np.ndarray, mask: np.ndarray) -> float:
    """Token distance half way between one person and two, estimated from a window without any labels.

    Two detections of one image are different people; the nearest detection in the next image is mostly the same
    person. For people who look alike the two meet; the distance then stays 1.5 times above that of the same person,
    so that nobody is lost and movement decides. A window that never shows two people at once is taken to show one.

    Args:
        tokens: (V, T, M, D).
        mask: (V, T, M).

    Returns:
        1 where tokens say nothing.
    """
    within = _distances(tokens, tokens)
    pairs = mask[..., :, None] & mask[..., None, :] & np.tri(mask.shape[-1], k=-1, dtype=bool)
    between = _distances(tokens[:, :-1], tokens[:, 1:])
    reachable = mask[:, :-1, :, None] & mask[:, 1:, None, :]
    nearest = np.where(reachable, between, np.inf).min(-1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    same = float(np.median(nearest)) if nearest.size else 0.0
    half = max(0.5 * (same + float(np.median(within[pairs]))), 1.5 * same) if pairs.any() else 2.0 * same
    return half if half > 0 else 1.0


@dataclass(frozen=True)
class _Gallery:
    """People whom each view remembers: V views, G entries (padded)."""

    alive: np.ndarray  # (V, G) bool
    ids: np.ndarray  # (V, G)
    steps: np.ndarray  # (V, G) when last seen
    tokens: np.ndarray  # (V, G, D) as last seen
    heads: np.ndarray  # (V, G, 3) as last seen, world [m]

    @staticmethod
    def empty(views: int, width: int) -> _Gallery:
        return _Gallery(
            np.zeros((views, 0), bool),
            np.zeros((views, 0), int),
            np.zeros((views, 0), int),
            np.zeros((views, 0, width), np.float32),
            np.zeros((views, 0, 3)),
        )

    def followed_by(self, other: _Gallery, kept: np.ndarray) -> _Gallery:
        """These entries and the ``kept`` (V, G) ones of ``other``, with as little padding as possible."""
        alive = np.concatenate([self.alive, kept], 1)
        order = np.argsort(~alive, axis=1, kind='stable')[:, : alive.sum(1).max(initial=0)]
        fields = ((getattr(self, name), getattr(other, name)) for name in ('ids', 'steps', 'tokens', 'heads'))
        rows = np.arange(len(order))[:, None]
        return _Gallery(alive[rows, order], *(np.concatenate(pair, 1)[rows, order] for pair in fields))


def _sideways(before: np.ndarray, after: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(V, G, M) distance [m] between heads ``before`` (V, G, 3) and ``after`` (V, M, 3) as the camera sees it.

    Along the viewing ray an estimate jitters more than people move, so the later head is taken at the earlier depth.
    """
    before, after = (before - centre[:, None])[:, :, None], (after - centre[:, None])[:, None]
    depth = np.linalg.norm(before, axis=-1, keepdims=True)
    return np.linalg.norm(
        before - after * (depth / np.maximum(np.linalg.norm(after, axis=-1, keepdims=True), 1e-9)), axis=-1
    )


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(..., N, M) L2 distances of (..., N, D) and (..., M, D)."""
    squares = (a**2).sum(-1)[..., :, None] + (b**2).sum(-1)[..., None, :]
    return np.sqrt(np.maximum(squares - 2 * a @ b.swapaxes(-1, -2), 0.0))
