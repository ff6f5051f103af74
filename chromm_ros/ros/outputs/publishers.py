"""The publishers of the capture node, and what is worth building for whom."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray, TransformStamped
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.protocols import LiveCapture
from chromm_ros.flow import Human, HumanState, Snapshot
from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.common import qos
from chromm_ros.ros.common.qos_mismatch import NO_PUBLISHER_EVENTS
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.outputs import cdr, clouds, markers, planner_markers
from chromm_ros.ros.outputs.body_shapes import BodyShapeCache, BodyShapes, body_shapes_of, meshes_of
from chromm_ros.ros.outputs.detections import detections
from chromm_ros.ros.outputs.margins import Margin, margin_of
from chromm_ros.ros.outputs.messages import (
    Description,
    HumanOptions,
    camera_poses,
    capture_status,
    human_array,
)

TOPICS: dict[str, tuple[type, QoSProfile, str]] = {
    'humans': (HumanArray, qos.reliable(5), 'People of every processed window; empty when nobody was seen.'),
    'humans_predicted': (HumanArray, qos.reliable(1), 'The same extrapolated to now, at prediction_rate.'),
    'scene': (PointCloud2, qos.latched(), 'The static scene without people: x y z rgb confidence.'),
    'scene_update': (PointCloud2, qos.sensor(), 'Points of the newest window.'),
    'obstacles': (
        PointCloud2,
        qos.sensor(),
        'Points on people and around them where the margin ends, for collision monitors.',
    ),
    'detections': (Detection3DArray, qos.reliable(5), 'The people as boxes with ids, for consumers of vision_msgs.'),
    'markers': (MarkerArray, qos.reliable(1), 'People and cameras for RViz.'),
    'planner_markers': (
        MarkerArray,
        qos.reliable(1),
        'Cylinders, margins, uncertainty and motion of the people for RViz.',
    ),
    'camera_poses': (PoseArray, qos.reliable(1), 'Cameras in the order of the parameter cameras.'),
    'status': (CaptureStatus, qos.reliable(5), 'Health of cameras and world, delay per stage, drops by reason.'),
}
"""Private topics: type, quality of service, meaning."""


@dataclass(frozen=True)
class WindowMessages:
    """Messages of one window, ready to send."""

    snapshot: Snapshot
    messages: Sequence[tuple[str, bytes]]
    latency: float
    """From the newest image to the finished messages [s]."""
    stages: Mapping[str, float]
    transforms: list[TransformStamped] = field(default_factory=list)


@dataclass
class WindowContext:
    """What the node knows about a window beside its snapshot."""

    rates: Mapping[str, float]
    stages: dict[str, float]
    """So far; building the messages is added."""
    dropped: Mapping[str, int]
    notes: Sequence[str]
    delay: float
    """From the stamp of the set to ``started`` [s]."""
    started: float
    """time.perf_counter() when the delay was read."""


class Outputs:
    """Owns the publishers; builds in the worker's thread, sends in the executor's."""

    def __init__(self, node: LifecycleNode, body: BodyModel, world_frame: str) -> None:
        self.world_frame = world_frame
        self._node = node
        self._body = body
        self._publishers: dict[str, Any] = {
            name: node.create_lifecycle_publisher(
                kind,
                f'~/{name}',
                profile,
                qos_overriding_options=qos.overridable(),
                event_callbacks=NO_PUBLISHER_EVENTS,
            )
            for name, (kind, profile, _) in TOPICS.items()
        }
        self._shape_cache, self._prediction_shape_cache = BodyShapeCache(body), BodyShapeCache(body)  # one per thread
        self._marked: set[int] = set()
        self._scene_sent = -float('inf')
        self._scene_readers = 0

    def destroy(self) -> None:
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    @property
    def publishers(self) -> Collection[Any]:
        """One for each of ``TOPICS``."""
        return self._publishers.values()

    def wanted(self, name: str) -> bool:
        """Whether anybody subscribes."""
        return self._publishers[name].get_subscription_count() > 0

    def build(
        self, snapshot: Snapshot, capture: LiveCapture, settings: NodeSettings, context: WindowContext
    ) -> WindowMessages:
        """Encode what somebody wants of a snapshot; HumanArray and CaptureStatus always."""
        bodies = body_shapes_of(snapshot.humans, self._body, self._shape_cache).above(snapshot.floor)
        late = context.delay + time.perf_counter() - context.started
        lazy = self._lazy(snapshot, bodies, settings, late)
        messages = [(name, self._encoded(name, built)) for name, built in lazy]
        if self._scene_due(settings.scene_period):
            cloud = clouds.scene_cloud(capture.static_scene(), snapshot.stamp, self.world_frame)
            messages.append(('scene', self._encoded('scene', cloud)))
        elapsed = time.perf_counter() - context.started
        latency = context.delay + elapsed
        stages = {**context.stages}
        stages['publish'] = max(latency - sum(stages.values()), 0.0)
        people = human_array(snapshot, bodies, self.world_frame, latency, self._options(settings))
        status = capture_status(snapshot, self.world_frame, context.rates, stages, context.dropped, context.notes)
        messages += [('humans', self._encoded('humans', people)), ('status', self._encoded('status', status))]
        return WindowMessages(snapshot, messages, latency, stages)

    def predicted(self, humans: Sequence[Human], last: Snapshot, stamp: int, settings: NodeSettings) -> bytes:
        """~/humans_predicted: people extrapolated to ``stamp`` [ns] since the last snapshot."""
        moved = Snapshot(**{**vars(last), 'stamp': stamp, 'humans': tuple(humans)})
        bodies = body_shapes_of(moved.humans, self._body, self._prediction_shape_cache).above(moved.floor)
        message = human_array(moved, bodies, self.world_frame, 0.0, self._options(settings), last)
        return self._encoded('humans_predicted', message)

    def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish; without effect while the node is not active."""
        for name, message in messages:
            self._publishers[name].publish(message)

    def _lazy(
        self, snapshot: Snapshot, bodies: BodyShapes, settings: NodeSettings, late: float
    ) -> list[tuple[str, Description]]:
        """What somebody subscribes to; ``late`` is how old the images are [s]."""
        built: list[tuple[str, Description]] = []
        stamp, frame = snapshot.stamp, self.world_frame
        if self.wanted('camera_poses'):
            built.append(('camera_poses', camera_poses(snapshot, frame)))
        if self.wanted('scene_update'):
            built.append(('scene_update', clouds.scene_cloud(snapshot.scene_update, stamp, frame)))
        present = [k for k, human in enumerate(snapshot.humans) if human.state != HumanState.LOST]
        sigma, widest = settings.margin_sigma, settings.max_margin
        margins = {k: margin_of(snapshot.humans[k], stamp, late, sigma, widest) for k in present}
        placed = [k for k in present if margins[k].placed]
        if self.wanted('obstacles'):
            widths = [margins[k].width for k in placed]
            cloud = clouds.obstacles(bodies.of(placed), widths, settings.obstacle_spacing, stamp, frame)
            built.append(('obstacles', cloud))
        if self.wanted('detections'):
            people = [snapshot.humans[k] for k in placed]
            built.append(('detections', detections(people, bodies.of(placed), stamp, frame)))
        if self.wanted('markers') or self.wanted('planner_markers'):
            humans, shapes = [snapshot.humans[k] for k in present], bodies.of(present)
            built += self._markers(snapshot, humans, shapes, list(margins.values()), settings.marker_style)
        return built

    def _markers(
        self,
        snapshot: Snapshot,
        humans: Sequence[Human],
        bodies: BodyShapes,
        margins: Sequence[Margin],
        style: str,
    ) -> list[tuple[str, Description]]:
        stamp, frame = snapshot.stamp, self.world_frame
        shown = {human.id for human in humans}
        gone, self._marked = sorted(self._marked - shown), shown
        built: list[tuple[str, Description]] = []
        if self.wanted('markers'):
            drawn = self._people(humans, bodies, style, stamp) + markers.cameras(snapshot.cameras, stamp, frame)
            built.append(('markers', {'markers': markers.deletions(gone, stamp, frame) + drawn}))
        if self.wanted('planner_markers'):
            drawn = planner_markers.planner_markers(humans, bodies, margins, stamp, frame)
            removed = markers.deletions(gone, stamp, frame, planner_markers.NAMESPACES)
            built.append(('planner_markers', {'markers': removed + drawn}))
        return built

    def _people(self, humans: Sequence[Human], bodies: BodyShapes, style: str, stamp: int) -> list[Description]:
        frame = self.world_frame
        if style == 'mesh':
            faces = np.asarray(self._body.faces)
            built = markers.meshes(humans, meshes_of(humans, self._body), faces, stamp, frame)
        elif style == 'capsules':
            built = markers.capsules(humans, bodies, stamp, frame)
        else:
            built = markers.skeletons(humans, stamp, frame)
        return built + markers.labels(humans, stamp, frame)

    def _scene_due(self, period: float) -> bool:
        """Whether to send the static scene: at most every ``period`` seconds, and at once for a new subscriber."""
        readers = self._publishers['scene'].get_subscription_count()
        new, self._scene_readers = readers > self._scene_readers, readers
        now = time.monotonic()
        if not readers or not (new or now - self._scene_sent >= period):
            return False
        self._scene_sent = now
        return True

    def _options(self, settings: NodeSettings) -> HumanOptions:
        return HumanOptions(
            settings.publish_joints,
            settings.publish_capsules,
            settings.margin_sigma,
            settings.max_margin,
            self._body.name,
        )

    @staticmethod
    def _encoded(name: str, message: Description) -> bytes:
        return cdr.encode(TOPICS[name][0], message)
