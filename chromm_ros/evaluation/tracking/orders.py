"""Who is who over a whole window, by the paper's order (algorithm 1) and by the tracker, on the same detections."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ViewPeople
from chromm_ros.people import PeopleSettings, associate, track
from chromm_ros.people.observations import usable
from chromm_ros.people.tracker import CameraViews, HeadDetections, IdentitySettings, Tracker

OPEN = 100.0
"""Depth [m] of a background that hides nobody."""

GIVEN = 0.01
"""Standard deviation of the position of a given camera [m]."""


def paper_order(people: ViewPeople, settings: PeopleSettings, errors: EstimateErrors) -> np.ndarray:
    """(V, T, M) identities: each view is tracked alone, then the tracklets of all views are associated."""
    return associate(people, track(people, settings.tracking, errors), settings.association, errors)


def tracker_order(
    people: ViewPeople, image_size: tuple[int, int], settings: PeopleSettings, errors: EstimateErrors
) -> np.ndarray:
    """(V, T, M) identities: everybody is predicted, each image set is explained by all views together; -1: nobody."""
    views = len(people.valid)
    mask, _ = usable(people, settings.tracking.duplicate_distance)
    tracker = Tracker(IdentitySettings(), errors)
    identity = np.full(people.valid.shape, -1)
    keys: list[tuple[np.ndarray, ...]] = []
    for step, time in enumerate(people.times):
        cameras = CameraViews(
            people.intrinsics[:, step],
            people.world_from_camera[:, step],
            np.tile(np.array(image_size, float), (views, 1)),
            np.full((views, 3, 4), OPEN),
            people.seen[:, step],
            np.full(views, GIVEN),
        )
        tracker.update(float(time), HeadDetections.of(people, mask, step), cameras)
        row, view = np.nonzero(tracker.tracks.owned >= 0)
        detection = tracker.tracks.owned[row, view]
        keys.append((tracker.tracks.key[row], tracker.tracks.id[row]))
        identity[view, step, detection] = tracker.tracks.key[row]
    # somebody is named a moment after the first detection, which belongs to the same person
    name = {int(key): int(number) for key_row, id_row in keys for key, number in zip(key_row, id_row) if number}
    return np.vectorize(lambda key: name.get(int(key), -1), otypes=[int])(identity)


def identity_f1(truth: np.ndarray, identity: np.ndarray) -> float:
    """F1 of the detections that have the identity which fits their person best over the window, one to one.

    Args:
        truth, identity: (V, T, M); -1: nobody.
    """
    known, given = truth >= 0, identity >= 0
    people, ids = np.unique(truth[known]), np.unique(identity[given])
    both = known & given
    together = np.zeros((len(people), len(ids)))
    np.add.at(together, (np.searchsorted(people, truth[both]), np.searchsorted(ids, identity[both])), 1)
    right = together[linear_sum_assignment(-together)].sum()
    return float(2 * right / max(known.sum() + both.sum(), 1))
