"""From what each view sees to the people of the world, in one call."""

from __future__ import annotations

import dataclasses
from collections import Counter

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People, Tracklets, ViewPeople
from chromm_ros.people.association import associate
from chromm_ros.people.fusion import Body, fuse
from chromm_ros.people.settings import PeopleSettings
from chromm_ros.people.tracking import track


def reconstruct_people(
    people: ViewPeople,
    settings: PeopleSettings,
    errors: EstimateErrors,
    body: Body,
    tracklets: Tracklets | None = None,
) -> tuple[Tracklets, People]:
    """Tracking, association and fusion of one window (CHROMM algorithm 1 and 3.2).

    The scale is the caller's: it belongs to the scene and is filtered over windows. Adjust the window before, with
    :func:`chromm_ros.people.scale.scale_ratio` and :func:`chromm_ros.people.scale.rescaled`.

    Args:
        errors: of the network that made the detections.
        tracklets: of :func:`chromm_ros.people.tracking.track`, where they are known already.

    Returns:
        The tracklets, and the people with everything that was left out on the way, by reason.
    """
    tracklets = tracklets or track(people, settings.tracking, errors)
    identity = associate(people, tracklets, settings.association, errors)
    fused = fuse(people, identity, settings.fusion, errors, body)
    dropped = Counter(tracklets.dropped) + Counter(fused.dropped)
    return tracklets, dataclasses.replace(fused, dropped=dict(dropped))
