"""The people as ``vision_msgs/Detection3DArray``, for consumers that know no message of this package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chromm_ros.flow import Human
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.messages import Description, Turns, covariance_row, header

PERSON = 'person'
"""class_id of everybody."""
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def detections(humans: Sequence[Human], bodies: BodyShapes, stamp: int, frame: str) -> Description:
    """vision_msgs/Detection3DArray.

    The box is upright and encloses the bounding cylinder, without its margin. The pose of the only result is
    ``Human.pose`` with its covariance; its score is the existence probability; the id is that of the person.

    Args:
        humans: who are to be reported: of ``vision_msgs`` nothing can tell that somebody has no place.
        bodies: their shapes.
    """
    turns = Turns.of(humans)
    return {
        'header': header(stamp, frame),
        'detections': [
            {
                'header': header(stamp, frame),
                'results': [
                    {
                        'hypothesis': {'class_id': PERSON, 'score': float(human.confidence)},
                        'pose': {'pose': turns.frames[k, 0], 'covariance': covariance_row(human.covariance)},
                    }
                ],
                'bbox': _box(bodies, k),
                'id': str(human.id),
            }
            for k, human in enumerate(humans)
        ],
    }


def _box(bodies: BodyShapes, k: int) -> Description:
    base, height, width = bodies.cylinder_base[k], bodies.cylinder_height[k], 2 * bodies.cylinder_radius[k]
    return {
        'center': np.array([base[0], base[1], base[2] + height / 2, *UPRIGHT]),
        'size': np.array([width, width, height]),
    }
