"""The joints of SMPL-X: how many there are, which is which, which hangs on which."""

from __future__ import annotations

JOINTS = 55
"""Pelvis, 21 of the body, jaw, 2 eyes, 2 x 15 of the hands."""

PELVIS = 0

HIPS = (1, 2)

HEAD = 15
"""The joint that places a person (CHROMM eq. 1)."""

JAW = 22

BODY_JOINTS = 22
"""The first joints are those of the body, pelvis included; where hands and face do not matter, they are noise."""

POSE_JOINTS = (*range(1, BODY_JOINTS), *range(25, JOINTS), JAW)
"""Joint that each rotation of CHROMM's theta turns: 21 of the body, 15 of each hand, the jaw; the eyes keep still."""

POSE_ROTATIONS = len(POSE_JOINTS)

LANDMARKS = 33
"""Points on face, limbs and trunk that a network may read in an image: those of BlazePose, COCO's 17 among them."""

# fmt: off
MIRRORED_LANDMARKS = (
    0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9,  # face
    12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21,  # arms and hands
    24, 23, 26, 25, 28, 27, 30, 29, 32, 31,  # legs and feet
)
# fmt: on
"""The landmark on the other side of the body."""

# fmt: off
PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,  # pelvis and body
    15, 15, 15,  # jaw, eyes
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,  # left hand: index, middle, pinky, ring, thumb
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,  # right hand
)
# fmt: on
"""Parent of each joint; -1: none."""

_HAND = tuple(f'{finger}{bone}' for finger in ('index', 'middle', 'pinky', 'ring', 'thumb') for bone in (1, 2, 3))

JOINT_NAMES = (
    *('pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle', 'right_ankle'),
    *('spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head', 'left_shoulder'),
    *('right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'),
    *('jaw', 'left_eye_smplhf', 'right_eye_smplhf'),
    *(f'{side}_{joint}' for side in ('left', 'right') for joint in _HAND),
)
"""As in SMPL-X and in ``chromm_ros/msg/Human``."""

BONES = tuple((PARENTS[joint], joint) for joint in range(1, JOINTS))
"""(parent, joint) of the 54 bones; those of the body come first."""

BODY_BONES = BONES[: BODY_JOINTS - 1]
