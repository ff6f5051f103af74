"""Which person of a window is which person of the world: shared images, place, time, shape and token.

The detections that two windows share carry the identities of the earlier one: they vote. Where somebody was predicted
to be speaks against impossible votes (two people who cross can swap their tracklets) and for those without votes.
Somebody who was away is recognised by place, shape and token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.capture.settings import IdentitySettings

VOTE_COST = 0.7
"""Cost of a link without any votes: two people must be 0.7 ``reach`` apart before place outweighs the votes."""

MAX_PLACE = 3.0
"""Place costs at most this, so that a detection at a wrong depth keeps the identity that its tracklet has."""

APPEARANCE = 0.25
"""Weight of shape and of token, each, against place."""

NEW = 2.0
"""Cost of taking somebody without votes for new: nobody gives up the own identity so that a stranger gets one."""

REFUSED = 1e3


@dataclass(frozen=True)
class Candidates:
    """N identities as the link sees them, at the time of the observation."""

    head: np.ndarray  # (N, 3) predicted [m]
    away: np.ndarray  # (N,) time since the last observation [s]
    betas: np.ndarray  # (N, 10)
    token: np.ndarray  # (N, D)
    doubted: np.ndarray
    """(N,) bool: perhaps nobody; votes alone lead to it."""


@dataclass(frozen=True)
class Observed:
    """K people at one time."""

    head: np.ndarray  # (K, 3) [m]
    betas: np.ndarray  # (K, 10)
    token: np.ndarray  # (K, D)
    votes: np.ndarray  # (K, N) detections that earlier windows gave to each candidate


def link(observed: Observed, candidates: Candidates, token_unit: float, settings: IdentitySettings) -> np.ndarray:
    """(K,) index of each person's candidate, -1 for somebody new; no candidate twice.

    Args:
        token_unit: usual distance of the tokens of two different people; 0: not known yet.
    """
    people, identities = observed.votes.shape
    links = np.full(people, -1)
    if not people or not identities:
        return links
    cost = _cost(observed, candidates, token_unit, settings)
    stranger = np.where(observed.votes.any(1), REFUSED, NEW)[:, None]
    rows, columns = linear_sum_assignment(np.concatenate([cost, np.repeat(stranger, people, 1)], 1))
    linked = columns < identities
    rows, columns = rows[linked], columns[linked]
    accepted = cost[rows, columns] < REFUSED
    links[rows[accepted]] = columns[accepted]
    return links


def _cost(observed: Observed, candidates: Candidates, token_unit: float, settings: IdentitySettings) -> np.ndarray:
    distance = np.linalg.norm(observed.head[:, None] - candidates.head, axis=-1)  # (K, N)
    limit = settings.reach + np.minimum(settings.walking_speed * candidates.away, settings.reconnect_distance)
    shape = np.linalg.norm(observed.betas[:, None] - candidates.betas, axis=-1) / settings.shape_distance
    token = np.zeros_like(shape)
    if token_unit > 0:
        token = np.linalg.norm(observed.token[:, None] - candidates.token, axis=-1)
        token /= token_unit * settings.token_distance
    appearance = APPEARANCE * (shape + token)
    place = distance / limit
    share = observed.votes / np.maximum(observed.votes.sum(1, keepdims=True), 1)
    voted = VOTE_COST * (1 - share) + np.minimum(distance / settings.reach, MAX_PLACE)
    found = VOTE_COST + place + appearance
    gone = candidates.away > settings.prediction_horizon
    refused = (
        candidates.doubted
        | (place > 1)
        | (gone & ((1 - 2 * APPEARANCE) * place + appearance > settings.reconnect_cost))
    )
    return np.where(share > 0, voted, np.where(refused, REFUSED, found))


def pair_token_distance(tokens: np.ndarray, valid: np.ndarray) -> float | None:
    """Median distance of tokens (..., M, D) of different detections of the same image; None without such a pair."""
    tokens = tokens.reshape(-1, *tokens.shape[-2:])
    valid = valid.reshape(-1, valid.shape[-1])
    crowded = valid.sum(-1) > 1
    if not crowded.any():
        return None
    tokens, valid = tokens[crowded], valid[crowded]
    first, second = np.triu_indices(valid.shape[1], 1)
    pairs = valid[:, first] & valid[:, second]
    distances = np.linalg.norm(tokens[:, first] - tokens[:, second], axis=-1)[pairs]
    return float(np.median(distances))


def count_votes(people: np.ndarray, labels: np.ndarray, ids: Sequence[int], count: int) -> np.ndarray:
    """(K, N) detections of each of ``count`` people that carry the label of each of the N ``ids``.

    Args:
        people: (...) int, which of the K people a detection is; -1: none.
        labels: (...) int, identity that an earlier window gave to the detection; -1: none.
    """
    votes = np.zeros((count, len(ids)))
    columns = {identity: column for column, identity in enumerate(ids)}
    labelled = (people >= 0) & (labels >= 0)
    for person, label in zip(people[labelled], labels[labelled]):
        if label in columns:
            votes[person, columns[label]] += 1
    return votes
