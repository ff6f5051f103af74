"""What the people room says about a window."""

from __future__ import annotations

from dataclasses import dataclass

from chromm_ros.flow import People, Tracklets, ViewPeople


@dataclass(frozen=True)
class WindowPeople:
    """What the people room says about a window, with what names its images."""

    views: tuple[str, ...]
    stamps: tuple[int, ...]  # (T,) [ns]
    first_new: int
    """Index of the first step that no earlier window had."""
    view_people: ViewPeople
    tracklets: Tracklets
    people: People
