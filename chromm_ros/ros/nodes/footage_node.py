"""Real footage as live cameras: the demos of Pose2Sim, forwards and backwards in turn, with their calibration.

Topics: ``<camera>/image``, ``<camera>/camera_info`` (with the distortion of the lens), ``/tf_static``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tf2_ros
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from chromm_ros.intake.lens import HALF_PIXEL
from chromm_ros.recording.calibration import CameraFile
from chromm_ros.recording.footage import load
from chromm_ros.ros.common.parameters import ParameterError, declare
from chromm_ros.ros.common.settings import FootageSettings
from chromm_ros.ros.common.spin import leave, run_node
from chromm_ros.ros.common.transforms import optical_frame, transform_messages
from chromm_ros.ros.nodes.cameras_node import IMAGES, image_message
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import Description, header


class FootageNode(Node):
    """Publishes one image set per period, with one stamp."""

    def __init__(self, **options: Any) -> None:
        super().__init__('footage', **options)
        self.settings = declare(self, FootageSettings())
        try:
            self.footage = load(self.settings.demo, self.settings.rate)
        except (OSError, ValueError) as error:
            raise ParameterError(str(error)) from error
        self._step = 0
        self._images = {name: self.create_publisher(Image, f'{name}/image', IMAGES) for name in self.footage.cameras}
        self._infos = {
            name: self.create_publisher(CameraInfo, f'{name}/camera_info', IMAGES) for name in self.footage.cameras
        }
        self._tf = tf2_ros.StaticTransformBroadcaster(self)
        if self.settings.publish_tf:
            poses = {
                optical_frame('', name): camera.world_from_camera
                for name, camera in self.footage.cameras.items()
                if camera.world_from_camera is not None
            }
            now = self.get_clock().now().nanoseconds
            self._tf.sendTransform(transform_messages(self.settings.world_frame, poses, now))
        self.create_timer(1.0 / self.footage.rate, self._publish_set)

    def _publish_set(self) -> None:
        stamp = self.get_clock().now().nanoseconds
        for name, image in self.footage.frame(self._step).items():
            head = header(stamp, optical_frame('', name))
            info = camera_info(self.footage.cameras[name], image.shape, head)
            self._infos[name].publish(cdr.encode(CameraInfo, info))
            self._images[name].publish(cdr.encode(Image, image_message(image, head)))
        self._step += 1


def camera_info(camera: CameraFile, shape: tuple[int, ...], head: Description) -> Description:
    """sensor_msgs/CameraInfo of a camera with a distorted lens."""
    assert camera.intrinsics is not None
    matrix = camera.intrinsics.copy()
    matrix[:2, 2] -= HALF_PIXEL
    distortion = np.zeros(5)
    distortion[: len(camera.distortion)] = camera.distortion
    return {
        'header': head,
        'height': shape[0],
        'width': shape[1],
        'distortion_model': camera.distortion_model,
        'd': distortion,
        'k': matrix.ravel(),
        'r': np.eye(3).ravel(),
        'p': np.concatenate([matrix, np.zeros((3, 1))], 1).ravel(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Play the footage until Ctrl-C."""
    return run_node(FootageNode, arguments, 'footage')


if __name__ == '__main__':
    leave(main())
