"""Executable ``cameras``: a synthetic room seen by N cameras, with the truth about who is where.

Topics: ``<camera>/image`` (or ``/compressed``), ``<camera>/camera_info``, ``/tf_static``, ``~/truth``
(HumanArray with the stamp of the images) and ``~/cameras`` (PoseArray).
"""

from __future__ import annotations

import uuid
from typing import Any

import cv2
import numpy as np
import tf2_ros
from geometry_msgs.msg import PoseArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from chromm_ros.flow import Snapshot
from chromm_ros.intake.lens import HALF_PIXEL
from chromm_ros.msg import HumanArray
from chromm_ros.ros.common.names import frame_prefix
from chromm_ros.ros.common.parameters import LoadsItsOwnDump, ParameterError, declare, updated
from chromm_ros.ros.common.settings import CamerasSettings
from chromm_ros.ros.common.spin import leave, run_node
from chromm_ros.ros.common.transforms import optical_frame, transform_messages
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of
from chromm_ros.ros.outputs.messages import NANO, Description, HumanOptions, camera_poses, header, human_array
from chromm_ros.synthetic.scripts import scripted
from chromm_ros.synthetic.truth import true_snapshot
from chromm_ros.synthetic.world import Frames, World

IMAGES = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
JPEG_QUALITY = 90
MOST_CAMERAS = 8


class CamerasNode(LoadsItsOwnDump, Node):
    """Renders one image set per period and publishes it with one stamp."""

    def __init__(self, **options: Any) -> None:
        super().__init__('synthetic', **options)
        self.settings = declare(self, CamerasSettings())
        _check(self.settings)
        self.add_on_set_parameters_callback(self._on_parameters)
        chosen = self.settings
        self.world = _world(chosen)
        self._session = str(uuid.UUID(int=chosen.seed))
        self._prefix = frame_prefix([self.get_namespace()])
        self._sets = 0
        self._start: int | None = None
        kind, suffix = (CompressedImage, '/compressed') if chosen.compressed else (Image, '')
        self._images = [self.create_publisher(kind, f'{name}/image{suffix}', IMAGES) for name in chosen.cameras]
        self._infos = [self.create_publisher(CameraInfo, f'{name}/camera_info', IMAGES) for name in chosen.cameras]
        self._truth = self.create_publisher(HumanArray, '~/truth', 10)
        self._rig = self.create_publisher(PoseArray, '~/cameras', LATCHED)
        self._tf = tf2_ros.StaticTransformBroadcaster(self)
        self.world.render(0.0)  # compiles and draws the backgrounds before the first image is due
        self._publish_rig()
        self.create_timer(1.0 / chosen.rate, self._publish_set)

    def _publish_rig(self) -> None:
        stamp = self.get_clock().now().nanoseconds
        frames = self.world.render(0.0)
        self._send(self._rig, PoseArray, camera_poses(self._snapshot(frames, stamp), self.settings.world_frame))
        if self.settings.publish_tf:
            names = [optical_frame(self._prefix, name) for name in self.settings.cameras]
            poses = dict(zip(names, frames.world_from_camera[:, 0]))
            self._tf.sendTransform(transform_messages(self.settings.world_frame, poses, stamp))

    def _publish_set(self) -> None:
        stamp = self.get_clock().now().nanoseconds
        if self._start is None or stamp < self._start:  # the clock may be set back
            self._start = stamp
        frames = self.world.render((stamp - self._start) / NANO)
        for index, name in enumerate(self.settings.cameras):
            if name not in self.settings.stopped:
                self._publish_camera(index, frames, header(stamp, optical_frame(self._prefix, name)))
        snapshot = self._snapshot(frames, stamp)
        bodies = body_shapes_of(snapshot.humans, self.world.renderer.body)
        options = HumanOptions(model=self.world.renderer.body.name)
        self._send(self._truth, HumanArray, human_array(snapshot, bodies, self.settings.world_frame, 0.0, options))
        self._sets += 1

    def _publish_camera(self, index: int, frames: Frames, head: Description) -> None:
        image = frames.images[index, 0]
        height, width = image.shape[:2]
        self._send(self._infos[index], CameraInfo, camera_info(frames.intrinsics[index, 0], width, height, head))
        if self.settings.compressed:
            _, data = cv2.imencode('.jpg', image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
            self._send(
                self._images[index],
                CompressedImage,
                {'header': head, 'format': 'rgb8; jpeg compressed bgr8', 'data': data},
            )
        else:
            self._send(self._images[index], Image, image_message(image, head))

    def _snapshot(self, frames: Frames, stamp: int) -> Snapshot:
        return true_snapshot(
            frames, self.settings.cameras, self.world.renderer.body, stamp, self._session, self._sets
        )

    @staticmethod
    def _send(publisher: Publisher, kind: type, message: Description) -> None:
        publisher.publish(cdr.encode(kind, message))

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            chosen = updated(self.settings, parameters, running=True)
            _check(chosen)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.settings = chosen
        return SetParametersResult(successful=True)


def image_message(pixels: np.ndarray, head: Description) -> Description:
    """sensor_msgs/Image of (H, W, 3) RGB."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).reshape(-1)
    return {'header': head, 'height': height, 'width': width, 'encoding': 'rgb8', 'step': 3 * width, 'data': data}


def camera_info(intrinsics: np.ndarray, width: int, height: int, head: Description) -> Description:
    """sensor_msgs/CameraInfo without distortion, from intrinsics whose first pixel's centre is (0.5, 0.5)."""
    matrix = intrinsics.copy()
    matrix[:2, 2] -= HALF_PIXEL
    return {
        'header': head,
        'height': height,
        'width': width,
        'distortion_model': 'plumb_bob',
        'd': np.zeros(5),
        'k': matrix.ravel(),
        'r': np.eye(3).ravel(),
        'p': np.concatenate([matrix, np.zeros((3, 1))], 1).ravel(),
    }


def _world(settings: CamerasSettings) -> World:
    views, size = len(settings.cameras), (settings.width, settings.height)
    if not settings.script:
        return World.sample(settings.seed, views, (settings.people, settings.people), size)
    try:
        return scripted(settings.script, settings.seed, views, size)
    except ValueError as error:  # an unknown script, or too few cameras for it
        raise ParameterError(str(error)) from error


def _check(settings: CamerasSettings) -> None:
    names = settings.cameras
    if not 1 <= len(names) <= MOST_CAMERAS or len(set(names)) != len(names):
        raise ParameterError(f'cameras is {list(names)}; 1 to {MOST_CAMERAS} different names expected')
    unknown = [name for name in settings.stopped if name and name not in names]
    if unknown:
        raise ParameterError(f'stopped names the unknown camera {unknown[0]!r}; the cameras are {", ".join(names)}')


def main(arguments: list[str] | None = None) -> int:
    """Run the synthetic cameras until Ctrl-C."""
    return run_node(CamerasNode, arguments, 'cameras')


if __name__ == '__main__':
    leave(main())
