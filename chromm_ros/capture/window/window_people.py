"""What the people room says about the newest steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chromm_ros.capture.window.windows import WindowStep, stack_people
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People, Tracklets, ViewPeople
from chromm_ros.people import PeopleSettings, reconstruct_people
from chromm_ros.people.fusion import Body


@dataclass(frozen=True)
class WindowPeople:
    """What the people room says about the newest steps (the last one is new), with what names their images."""

    views: tuple[str, ...]
    stamps: tuple[int, ...]  # (T,) [ns]
    view_people: ViewPeople
    tracklets: Tracklets
    people: People


def people_of(
    steps: Sequence[WindowStep], views: tuple[str, ...], settings: PeopleSettings, errors: EstimateErrors, body: Body
) -> WindowPeople:
    """The people of some placed steps."""
    view_people = stack_people(steps, views)
    tracklets, people = reconstruct_people(view_people, settings, errors, body)
    return WindowPeople(views, tuple(step.stamp for step in steps), view_people, tracklets, people)
