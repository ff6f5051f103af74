"""MarkerArray for RViz: one marker per person and style, deleted when the person is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from visualization_msgs.msg import Marker

from chromm_ros.flow import Human, HumanState
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.clouds import capsule_surfaces
from chromm_ros.ros.outputs.messages import Description, header
from chromm_ros.viewing.colors import identity_color, identity_opacity

LINE_WIDTH = 0.025
DOT_SIZE = 0.04
TEXT_HEIGHT = 0.18
TEXT_ABOVE_HEAD = 0.35
CAPSULE_DOTS = 0.08
"""Metres between the dots that show a capsule."""
LIFETIME = {'sec': 3, 'nanosec': 0}
"""RViz removes what is not renewed, so a dead node leaves no ghosts."""
UPRIGHT = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)

BODY = 'body'
LABEL = 'label'


def skeletons(humans: Sequence[Human], parents: Sequence[int], stamp: int, frame: str) -> list[Description]:
    """One LINE_LIST per person."""
    bones = [(parent, joint) for joint, parent in enumerate(parents) if parent >= 0]
    return [
        _shape(
            human, Marker.LINE_LIST, human.joints[np.array(bones)].reshape(-1, 3), (LINE_WIDTH, 0, 0), stamp, frame
        )
        for human in humans
    ]


def capsules(humans: Sequence[Human], bodies: BodyShapes, stamp: int, frame: str) -> list[Description]:
    """What a planner avoids, as one POINTS marker per person."""
    shown = []
    for human, ends, radius in zip(humans, bodies.capsule_ends, bodies.capsule_radius):
        surface = capsule_surfaces(ends[radius > 0], radius[radius > 0], CAPSULE_DOTS)
        shown.append(_shape(human, Marker.POINTS, surface, (DOT_SIZE / 2, DOT_SIZE / 2, 0), stamp, frame))
    return shown


def meshes(
    humans: Sequence[Human], vertices: np.ndarray, faces: np.ndarray, stamp: int, frame: str
) -> list[Description]:
    """The skin, as one TRIANGLE_LIST per person; ``vertices`` (K, N, 3), ``faces`` (F, 3)."""
    return [
        _shape(human, Marker.TRIANGLE_LIST, skin[faces].reshape(-1, 3), (1, 1, 1), stamp, frame)
        for human, skin in zip(humans, vertices)
    ]


def labels(humans: Sequence[Human], stamp: int, frame: str) -> list[Description]:
    """The id above the head."""
    return [
        {
            **_common(human, LABEL, stamp, frame),
            'type': Marker.TEXT_VIEW_FACING,
            'pose': (*human.head[:2], human.head[2] + TEXT_ABOVE_HEAD, 0.0, 0.0, 0.0, 1.0),
            'scale': (0.0, 0.0, TEXT_HEIGHT),
            'text': str(human.id),
        }
        for human in humans
    ]


def deletions(ids: Iterable[int], stamp: int, frame: str) -> list[Description]:
    """Markers of people who are gone, removed."""
    return [
        {'header': header(stamp, frame), 'ns': ns, 'id': identity, 'action': Marker.DELETE}
        for identity in ids
        for ns in (BODY, LABEL)
    ]


def _shape(
    human: Human, kind: int, points: np.ndarray, scale: tuple[float, float, float], stamp: int, frame: str
) -> Description:
    return {
        **_common(human, BODY, stamp, frame),
        'type': kind,
        'pose': UPRIGHT,
        'scale': scale,
        'points': np.asarray(points, float),
    }


def _common(human: Human, ns: str, stamp: int, frame: str) -> Description:
    red, green, blue = identity_color(human.id)
    opacity = identity_opacity(human.state == HumanState.TRACKED, human.confidence)
    return {
        'header': header(stamp, frame),
        'ns': ns,
        'id': human.id,
        'action': Marker.ADD,
        'color': (red / 255, green / 255, blue / 255, opacity),
        'lifetime': LIFETIME,
    }
