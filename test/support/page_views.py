"""People and cameras as the page is given them."""

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import CameraView, PersonView, WorldView

SECOND = 1_000_000_000
BODY = BodyModel.load_proxy()
STILL = torch.eye(3).expand(52, 3, 3)


def person(identity, x=0.0, state='tracked'):
    """Somebody who lies on their back, a metre over the floor."""
    joints = BODY.joints(torch.zeros(10), STILL).numpy() + np.array([x, 0, 1])
    rotations = BODY.joint_rotations(STILL).numpy()
    return PersonView(identity, state, 0.9, joints, rotations, np.zeros(10), np.zeros(3), 1.7, ('left',))


def view(seconds, *people):
    """The world at a time, with one camera."""
    camera = CameraView('left', 'ok', np.eye(4), 1.0, thumbnail(np.zeros((12, 16, 3), np.uint8), 16), 10.0)
    return WorldView(round(seconds * SECOND), 0, 0.1, people, (camera,))
