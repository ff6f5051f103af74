"""Image sets of live topics for commands: the intake of the node, without its network and its outputs."""

from __future__ import annotations

import contextlib
import queue
import threading
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
import tf2_ros
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from chromm_ros.flow import ImageSet
from chromm_ros.intake.assembly import Assembler
from chromm_ros.intake.dating import Dating
from chromm_ros.intake.image_cdr import read_stamp
from chromm_ros.intake.rig_buffer import MatchedSet
from chromm_ros.ros.common.settings import Parameters
from chromm_ros.ros.common.transforms import CameraFrames
from chromm_ros.ros.inputs.camera_topics import CameraTopics, camera_inputs
from chromm_ros.ros.inputs.synchronizer import Synchronizer


class LiveSets:
    """The newest image set of the cameras; a context. Images are matched in a thread of their own."""

    def __init__(self, parameters: Parameters, namespace: str, name: str, use_poses: bool):
        """
        Args:
            parameters: of the node; those that say what comes in are used.
            namespace: of relative topics.
            name: of the node in the ROS graph.
            use_poses: look up where TF says that the cameras are.
        """
        chosen = parameters.node
        self._settings = chosen
        self._use_poses = use_poses
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(name, namespace=namespace.strip('/'), context=self._context)
        buffer = tf2_ros.Buffer(node=self._node)
        self._listener = tf2_ros.TransformListener(buffer, self._node)
        self._frames = CameraFrames(buffer, chosen.world_frame, chosen.camera_frame_prefix.format(node='chromm'))
        self.assembler = Assembler(camera_inputs(chosen), self._pose_of)
        self._topics = CameraTopics(self._node, chosen, self.assembler)
        limits = chosen.limits(parameters.capture.camera_timeout, parameters.capture.max_out_of_order)
        dating = Dating(chosen.cameras, chosen.stamps)
        self.synchronizer = Synchronizer(self._topics.images, limits, dating, read_stamp, self._now)
        self.synchronizer.registerCallback(self._keep)
        self._newest: queue.Queue[MatchedSet[bytes]] = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._spin, name='images', daemon=True)

    def __enter__(self) -> LiveSets:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.try_shutdown()
        self._thread.join(timeout=5)

    @property
    def images(self) -> dict[str, int]:
        """How many images came from each camera."""
        return {name: queue.received for name, queue in self.synchronizer.buffer.queues.items()}

    @property
    def frames(self) -> dict[str, str]:
        """TF frame of each camera, as its images name it."""
        return {name: notes.frame.lstrip('/') for name, notes in self.assembler.notes.items() if notes.frame}

    def next(self, timeout: float) -> ImageSet | None:
        """The newest image set that was not taken yet; None: none came within ``timeout`` seconds, or it was bad."""
        try:
            return self.assembler.assemble(self._newest.get(timeout=timeout), self._settings.min_views)
        except queue.Empty:
            return None

    def _keep(self, matched: MatchedSet[bytes]) -> None:
        with contextlib.suppress(queue.Empty):  # the last one may have been taken
            self._newest.get_nowait()
        self._newest.put_nowait(matched)

    def _now(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _pose_of(self, frame: str, stamp: int) -> np.ndarray | None:
        return self._frames.world_from(frame, stamp, 0.0) if self._use_poses else None

    def _spin(self) -> None:
        executor: Any = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        try:
            executor.spin()
        except ExternalShutdownException:
            return
