"""MarkerArray of what a planner reasons about: cylinders, their margins, the uncertainty of positions, motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation
from visualization_msgs.msg import Marker

from chromm_ros.flow import Human
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.margins import Margin
from chromm_ros.ros.outputs.markers import person_marker
from chromm_ros.ros.outputs.messages import Description

CYLINDER, MARGIN, COVARIANCE, MOTION = 'cylinder', 'margin', 'covariance', 'motion'
NAMESPACES = (CYLINDER, MARGIN, COVARIANCE, MOTION)
CYLINDER_OPACITY, MARGIN_OPACITY = 0.45, 0.12
SIGMAS = 2.0
"""Half axes of the ellipsoid of the position, in standard deviations."""
SMALLEST_AXIS = 0.005
"""[m]; RViz refuses markers of no size."""
SHOWN_SECONDS = 1.0
"""The arrow leads to where the person is after this time at the present velocity."""
SLOWEST = 0.05
"""[m/s]; slower people get no arrow."""


def planner_markers(
    humans: Sequence[Human], bodies: BodyShapes, margins: Sequence[Margin], stamp: int, frame: str
) -> list[Description]:
    """For each person a cylinder, the same inflated by the margin, an ellipsoid at the hips, an arrow of the motion.

    Of somebody who has no place only the region is shown.

    Args:
        bodies: shapes of ``humans``.
        margins: of each person's cylinder.
    """
    shown = []
    for k, (human, margin) in enumerate(zip(humans, margins)):
        radius = float(bodies.cylinder_radius[k])
        shown.append(_cylinder(human, MARGIN, bodies, k, radius + margin.width, MARGIN_OPACITY, stamp, frame))
        if not margin.placed:
            continue
        shown += [
            _cylinder(human, CYLINDER, bodies, k, radius, CYLINDER_OPACITY, stamp, frame),
            _ellipsoid(human, stamp, frame),
        ]
        if np.linalg.norm(human.velocity) > SLOWEST:
            shown.append(_arrow(human, stamp, frame))
    return shown


def _cylinder(
    human: Human, ns: str, bodies: BodyShapes, k: int, radius: float, opacity: float, stamp: int, frame: str
) -> Description:
    x, y, z = bodies.cylinder_base[k]
    height = float(bodies.cylinder_height[k])
    marker = person_marker(human, ns, stamp, frame)
    return {
        **marker,
        'type': Marker.CYLINDER,
        'pose': (x, y, z + height / 2, 0.0, 0.0, 0.0, 1.0),
        'scale': (2 * radius, 2 * radius, height),
        'color': (*marker['color'][:3], opacity),
    }


def _ellipsoid(human: Human, stamp: int, frame: str) -> Description:
    covariance = np.nan_to_num(np.asarray(human.covariance, float)[:3, :3])
    variances, axes = np.linalg.eigh(covariance)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    sizes = np.maximum(2 * SIGMAS * np.sqrt(np.maximum(variances, 0.0)), SMALLEST_AXIS)
    marker = person_marker(human, COVARIANCE, stamp, frame)
    return {
        **marker,
        'type': Marker.SPHERE,
        'pose': (*human.joints[0], *Rotation.from_matrix(axes).as_quat()),
        'scale': tuple(sizes),
        'color': (*marker['color'][:3], CYLINDER_OPACITY),
    }


def _arrow(human: Human, stamp: int, frame: str) -> Description:
    start = np.asarray(human.joints[0], float)
    return {
        **person_marker(human, MOTION, stamp, frame),
        'type': Marker.ARROW,
        'pose': (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        'scale': (0.04, 0.1, 0.1),
        'points': np.stack([start, start + SHOWN_SECONDS * np.asarray(human.velocity, float)]),
    }
