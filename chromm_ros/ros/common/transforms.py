"""Camera poses from TF and camera poses to TF.

A frame has one parent. So a camera frame that somebody else publishes is read and never sent, and a frame that this
node sends is never read back as if it were knowledge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time
from scipy.spatial.transform import Rotation

from chromm_ros import conditions
from chromm_ros.conditions import Finding
from chromm_ros.flow import CameraState, Human, HumanState
from chromm_ros.ros.common.names import frame_prefix
from chromm_ros.ros.outputs.messages import BODY_FROM_REP155, HIPS, NANO, body_id, pose_rows

NEWEST = Time()

PARENTS = re.compile(r"^(.+): ?\n  parent: '(.*)'$", re.MULTILINE)
"""Frames and their parents in what TF calls YAML. Names are not quoted there: a parser refuses some, takes `1` and
`no` for other things, and needs 60 ms for the 200 frames of a robot."""


def optical_frame(prefix: str, camera: str) -> str:
    """TF frame that an estimated camera gets; TF frames never begin with a slash, as names of cameras may."""
    return f'{prefix}{camera.strip("/")}_optical_frame'


class CameraFrames:
    """What TF says about the cameras, and which camera frames are this node's own."""

    def __init__(self, buffer: tf2_ros.Buffer, world_frame: str, prefix: str) -> None:
        self.problems: Counter[str] = Counter()
        """Look-ups that failed although the frame exists, by the name of the exception."""
        self.taken: dict[str, str] = {}
        """Frame that was to be sent and is not, because somebody else gives it a parent -> that parent."""
        self._buffer = buffer
        self._world = world_frame
        self._prefix = prefix
        self._own: set[str] = set()

    def world_from(self, frame: str, stamp: int, timeout: float) -> np.ndarray | None:
        """(4, 4) pose of a frame at a time; None when TF does not know it.

        Args:
            stamp: [ns], that of the image; the newest pose would be that of another moment.
            timeout: how long to wait for TF to arrive [s]; frames that TF never heard of are not waited for.
        """
        if not frame or frame in self._own:
            return None
        if not self._buffer.can_transform(self._world, frame, NEWEST):
            return None
        try:
            at = Time(nanoseconds=stamp)
            found = self._buffer.lookup_transform(self._world, frame, at, Duration(seconds=timeout))
        except tf2_ros.TransformException as error:
            self.problems[type(error).__name__] += 1
            return None
        pose = matrix_of(found)
        if pose is None:
            self.problems['not a rotation'] += 1
        return pose

    def other_root(self, frame: str) -> str | None:
        """The frame on which a frame that TF knows hangs, where that is not the world; None: it hangs on the world,
        is this node's own, or is not in TF at all."""
        parents = frame_parents(self._buffer)
        if frame in self._own or (frame not in parents and frame not in parents.values()):
            return None
        root = frame
        for _ in parents:
            root = parents.get(root, root)
        return None if root == self._world or self._world in parents else root

    def to_send(self, cameras: Iterable[CameraState], stamp: int) -> list[TransformStamped]:
        """Transforms of the cameras whose pose was estimated and whose frame has no other parent."""
        poses = {
            optical_frame(self._prefix, camera.view): camera.world_from_camera
            for camera in cameras
            if camera.world_from_camera is not None and not camera.given
        }
        return transform_messages(self._world, self._free(poses), stamp)

    def people_to_send(self, humans: Sequence[Human], namespace: str, stamp: int) -> list[TransformStamped]:
        """body_<body_id> frames (REP-155) of the people who are tracked now; ``namespace`` goes before."""
        return transform_messages(self._world, self._free(human_poses(humans, frame_prefix([namespace]))), stamp)

    def findings(self) -> list[Finding]:
        """What is wrong with the frames that are to be sent."""
        return [
            conditions.FRAME_TAKEN.found(frame=frame, parent=parent) for frame, parent in sorted(self.taken.items())
        ]

    def _free(self, poses: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Those whose frame is this node's own; the others are remembered in :attr:`taken`."""
        if not poses.keys() <= self._own:
            parents = frame_parents(self._buffer)
            taken = {frame: parents[frame] for frame in poses.keys() - self._own if frame in parents}
            self._own |= poses.keys() - taken.keys()
            others = {frame: parent for frame, parent in self.taken.items() if frame not in poses}
            self.taken = {**others, **taken}  # a new one: another thread may be reading
        return {frame: pose for frame, pose in poses.items() if frame in self._own}


def frame_parents(buffer: tf2_ros.Buffer) -> dict[str, str]:
    """Frame -> parent, for every frame that has one."""
    return dict(PARENTS.findall(buffer.all_frames_as_yaml()))


def human_poses(humans: Sequence[Human], prefix: str) -> dict[str, np.ndarray]:
    """Frame -> (4, 4) world from body of the people who are tracked now; axes of REP-155."""
    poses = {}
    for human in humans:
        if human.state == HumanState.TRACKED:
            pose = np.eye(4)
            pose[:3, :3] = human.root_rotation @ BODY_FROM_REP155
            pose[:3, 3] = human.joints[list(HIPS)].mean(0)
            poses[f'{prefix}body_{body_id(human.id)}'] = pose
    return poses


def transform_messages(parent: str, poses: Mapping[str, np.ndarray], stamp: int) -> list[TransformStamped]:
    """A TransformStamped for each child frame and its (4, 4) parent from child."""
    if not poses:
        return []
    matrices = np.stack(list(poses.values()))
    messages = []
    for child, (x, y, z, *quaternion) in zip(poses, pose_rows(matrices[:, :3, :3], matrices[:, :3, 3]).tolist()):
        message = TransformStamped()
        message.header.frame_id, message.child_frame_id = parent, child
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, NANO)
        move, turn = message.transform.translation, message.transform.rotation
        move.x, move.y, move.z = x, y, z
        turn.x, turn.y, turn.z, turn.w = quaternion
        messages.append(message)
    return messages


def matrix_of(message: TransformStamped) -> np.ndarray | None:
    """(4, 4) of a TransformStamped; None when its numbers are no rigid motion."""
    move, turn = message.transform.translation, message.transform.rotation
    quaternion = np.array([turn.x, turn.y, turn.z, turn.w])
    translation = np.array([move.x, move.y, move.z])
    if not np.isfinite(translation).all() or not 0.5 < np.linalg.norm(quaternion) < 2.0:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(quaternion).as_matrix()
    matrix[:3, 3] = translation
    return matrix
