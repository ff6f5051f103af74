"""MarkerArray for RViz: people in one of three styles, deleted when they are gone, and the cameras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from visualization_msgs.msg import Marker

from chromm_ros.flow import CameraState, Human, HumanState
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.clouds import capsule_surfaces
from chromm_ros.ros.outputs.messages import Description, header, pose_rows
from chromm_ros.skeleton import BODY_BONES, BODY_JOINTS, BONES
from chromm_ros.viewing.colors import identity_color, identity_opacity

LIMB_WIDTH = 0.05
FINGER_WIDTH = 0.012
JOINT_SIZE = 0.08
"""Metres; thin lines are one pixel wide from across a room."""
DOT_SIZE = 0.02
CAMERA_SIZE = 0.25
"""Distance from a camera to the picture that is drawn before it [m]."""
CAMERA_COLOR = (0.85, 0.87, 0.9, 1.0)
TEXT_HEIGHT = 0.18
TEXT_ABOVE_HEAD = 0.35
CAPSULE_DOTS = 0.08
"""Metres between the dots that show a capsule."""
LIFETIME = {'sec': 3, 'nanosec': 0}
"""RViz removes what is not renewed, so a dead node leaves no ghosts."""
UPRIGHT = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)

BODY = 'body'
JOINTS = 'joints'
HANDS = 'hands'
LABEL = 'label'
CAMERA = 'camera'
CAMERA_NAME = 'camera_name'


def skeletons(humans: Sequence[Human], stamp: int, frame: str) -> list[Description]:
    """Of each person the body as thick lines with a ball at every joint, hands and face as thin lines."""
    shown = []
    for human in humans:
        for ns, bones, width in ((BODY, BODY_BONES, LIMB_WIDTH), (HANDS, BONES[len(BODY_BONES) :], FINGER_WIDTH)):
            points = human.joints[np.array(bones)].reshape(-1, 3)
            shown.append(_shape(human, Marker.LINE_LIST, points, (width, 0, 0), stamp, frame, ns))
        balls = human.joints[:BODY_JOINTS]
        shown.append(_shape(human, Marker.SPHERE_LIST, balls, (JOINT_SIZE,) * 3, stamp, frame, JOINTS))
    return shown


def capsules(humans: Sequence[Human], bodies: BodyShapes, stamp: int, frame: str) -> list[Description]:
    """What a planner avoids, as one POINTS marker per person."""
    shown = []
    for human, ends, radius in zip(humans, bodies.capsule_ends, bodies.capsule_radius):
        surface = capsule_surfaces(ends[radius > 0], radius[radius > 0], CAPSULE_DOTS)
        shown.append(_shape(human, Marker.POINTS, surface, (DOT_SIZE, DOT_SIZE, 0), stamp, frame))
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
            **person_marker(human, LABEL, stamp, frame),
            'type': Marker.TEXT_VIEW_FACING,
            'pose': (*human.head[:2], human.head[2] + TEXT_ABOVE_HEAD, 0.0, 0.0, 0.0, 1.0),
            'scale': (0.0, 0.0, TEXT_HEIGHT),
            'text': str(human.id),
        }
        for human in humans
    ]


def cameras(rig: Sequence[CameraState], stamp: int, frame: str) -> list[Description]:
    """A pyramid and the name of each camera whose pose is known."""
    shown = []
    for index, camera in enumerate(rig):
        if camera.world_from_camera is None:
            continue
        pose = pose_rows(camera.world_from_camera[None, :3, :3], camera.world_from_camera[None, :3, 3])[0]
        shared = {'header': header(stamp, frame), 'id': index, 'action': Marker.ADD, 'lifetime': LIFETIME}
        shown += [
            {
                **shared,
                'ns': CAMERA,
                'type': Marker.LINE_LIST,
                'pose': pose,
                'scale': (LIMB_WIDTH / 4, 0, 0),
                'points': PYRAMID,
                'color': CAMERA_COLOR,
            },
            {
                **shared,
                'ns': CAMERA_NAME,
                'type': Marker.TEXT_VIEW_FACING,
                'pose': (*pose[:2], pose[2] + TEXT_HEIGHT, 0.0, 0.0, 0.0, 1.0),
                'scale': (0.0, 0.0, TEXT_HEIGHT),
                'text': camera.view,
                'color': CAMERA_COLOR,
            },
        ]
    return shown


def deletions(
    ids: Iterable[int], stamp: int, frame: str, namespaces: Sequence[str] = (BODY, HANDS, JOINTS, LABEL)
) -> list[Description]:
    """Markers of people who are gone, removed."""
    return [
        {'header': header(stamp, frame), 'ns': ns, 'id': identity, 'action': Marker.DELETE}
        for identity in ids
        for ns in namespaces
    ]


def _pyramid() -> np.ndarray:
    """(16, 3) ends of the lines from a camera to the corners of its picture, and around it; z forward."""
    corners = CAMERA_SIZE * np.array([(-0.6, -0.45, 1.0), (0.6, -0.45, 1.0), (0.6, 0.45, 1.0), (-0.6, 0.45, 1.0)])
    rays = np.stack([np.zeros((4, 3)), corners], 1)
    edges = np.stack([corners, np.roll(corners, -1, 0)], 1)
    return np.concatenate([rays, edges]).reshape(-1, 3)


PYRAMID = _pyramid()


def _shape(
    human: Human,
    kind: int,
    points: np.ndarray,
    scale: tuple[float, float, float],
    stamp: int,
    frame: str,
    ns: str = BODY,
) -> Description:
    return {
        **person_marker(human, ns, stamp, frame),
        'type': kind,
        'pose': UPRIGHT,
        'scale': scale,
        'points': np.asarray(points, float),
    }


def person_marker(human: Human, ns: str, stamp: int, frame: str) -> Description:
    """What all markers of a person have: frame, namespace, colour, and an end."""
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
