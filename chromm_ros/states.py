"""States of people, cameras and the world; the numbers are those of the messages."""

from __future__ import annotations

import enum


class HumanState(enum.IntEnum):
    """States of an identity; the numbers are those of ``chromm_ros/msg/Human``."""

    TENTATIVE = 0
    TRACKED = 1
    PREDICTED = 2
    LOST = 3


class ViewState(enum.IntEnum):
    """States of a camera; the numbers are those of ``chromm_ros/msg/CaptureStatus``."""

    OK = 0
    STALE = 1
    MISSING = 2
    DESYNC = 3
    UNCALIBRATED = 4
    EXCLUDED = 5


class WorldSource(enum.IntEnum):
    """What the world frame hangs on; the numbers are those of ``chromm_ros/msg/CaptureStatus``."""

    TF = 0
    FIRST_CAMERA = 1
    FLOOR = 2
    FIDUCIAL = 3
