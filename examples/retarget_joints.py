"""People as motion retargeting wants them: for every frame a dictionary of joint name -> (position, quaternion).

Positions are metres in the world frame (z up), quaternions w x y z, world from joint, SMPL-X joint axes. One JSON
line per person and message goes to standard output:

    python retarget_joints.py | your_retargeter
"""

import contextlib
import json

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from chromm_ros.msg import Human, HumanArray

BODY = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle', 'right_ankle',
    'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
)  # fmt: skip


def joint_poses(human):
    """{name: ((x, y, z), (w, x, y, z))} of the 22 body joints of a `chromm_ros/msg/Human`."""
    return {
        name: (
            (pose.position.x, pose.position.y, pose.position.z),
            (pose.orientation.w, pose.orientation.x, pose.orientation.y, pose.orientation.z),
        )
        for name, pose in zip(BODY, human.joints)
    }


class RetargetJoints(Node):
    def __init__(self):
        super().__init__('retarget_joints')
        self.create_subscription(HumanArray, '/chromm/humans', self.on_humans, 5)

    def on_humans(self, message):
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        for human in message.humans:
            if human.state in (Human.TRACKED, Human.PREDICTED) and human.joints:
                line = {'stamp': stamp, 'id': human.id, 'height': human.height, 'joints': joint_poses(human)}
                print(json.dumps(line), flush=True)


if __name__ == '__main__':
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(RetargetJoints())
