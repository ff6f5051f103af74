"""All that lives while the node is active: subscriptions -> sets -> worker -> outbox for the executor to send."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import message_filters
from rclpy.guard_condition import GuardCondition
from rclpy.lifecycle import LifecycleNode
from rclpy.subscription import Subscription

from chromm_ros import conditions
from chromm_ros.capture.protocols import LiveCapture
from chromm_ros.capture.world.extrinsics import ExtrinsicsPolicy
from chromm_ros.conditions import Finding
from chromm_ros.flow import Human, ImageSet, Snapshot
from chromm_ros.intake.assembly import Assembler
from chromm_ros.intake.dating import Dating
from chromm_ros.intake.image_cdr import read_stamp
from chromm_ros.intake.rig_buffer import TIME_JUMP, MatchedSet, SyncLimits
from chromm_ros.ros.common.settings import Parameters
from chromm_ros.ros.common.transforms import CameraFrames
from chromm_ros.ros.inputs.camera_topics import CameraTopics, camera_inputs
from chromm_ros.ros.inputs.synchronizer import Synchronizer
from chromm_ros.ros.nodes.model import Backend
from chromm_ros.ros.nodes.worker import Worker
from chromm_ros.ros.outputs.messages import NANO
from chromm_ros.ros.outputs.publishers import Outputs, WindowContext, WindowMessages

SUPERSEDED = 'superseded_sets'


@dataclass(frozen=True)
class PendingSet:
    """An image set on its way to the worker."""

    matched: MatchedSet[bytes]
    epoch: int
    """Changes when time went back; the capture then starts a new session."""
    delay: float
    """ROS time minus the stamp of the set when it was complete [s]."""
    posted: float
    """time.perf_counter() at that moment."""


@dataclass(frozen=True)
class PreparedSet:
    """An image set that the network can begin with."""

    pending: PendingSet
    images: ImageSet
    taken: float
    """time.perf_counter() when its preparation began."""
    ready: float
    """time.perf_counter() when it was done."""


class Pipeline:
    """One activation of the capture node.

    The executor's thread runs the callbacks and collects :attr:`outbox` and :attr:`failures` after ``ready`` was
    triggered. The worker has a thread that decodes, rectifies and resizes the next images, and one that does
    everything from the network to encoded messages.
    """

    def __init__(
        self,
        node: LifecycleNode,
        backend: Backend,
        parameters: Parameters,
        outputs: Outputs,
        frames: CameraFrames,
        ready: GuardCondition,
    ) -> None:
        self.parameters = parameters
        self.outbox: deque[WindowMessages] = deque()
        self.failures: deque[Exception] = deque()
        self.dropped: Counter[str] = Counter()
        """Windows lost to exceptions, by their type."""
        self.last: Snapshot | None = None
        self.notes: tuple[str, ...] = ()
        self._node = node
        self._backend = backend
        self._outputs = outputs
        self.frames = frames
        self._ready = ready
        self._clock_jumps = 0
        self._epoch = 0
        self._rehearsed: set[tuple[int, ...]] = set()
        chosen = parameters.node
        self._views = chosen.cameras
        self.assembler = Assembler(camera_inputs(chosen), self._pose_of)
        self.capture: LiveCapture = backend.session(parameters.capture, chosen.cameras)
        self.worker: Worker[PendingSet, PreparedSet] = Worker(
            self._prepare, self._work, self._failed, chosen.queue_policy == 'block'
        )
        self._topics = CameraTopics(node, chosen, self.assembler)
        dating = Dating(chosen.cameras, chosen.stamps)
        self.synchronizer = Synchronizer(self._topics.images, self._limits(), dating, read_stamp, self._now)
        self.synchronizer.registerCallback(self._post)
        self.worker.start()

    # -- in the executor's thread -------------------------------------------------------------------------------

    def _limits(self) -> SyncLimits:
        capture = self.parameters.capture
        return self.parameters.node.limits(capture.camera_timeout, capture.max_out_of_order)

    def _now(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _post(self, matched: MatchedSet[bytes]) -> None:
        epoch = self._clock_jumps + self.synchronizer.buffer.jumps
        delay = (self._now() - matched.stamp) / NANO
        self.worker.mailbox.put(PendingSet(matched, epoch, delay, time.perf_counter()))

    def update(self, parameters: Parameters) -> None:
        """Take over live parameters."""
        self.parameters = parameters
        self.synchronizer.buffer.limits = self._limits()
        with self.worker.idle:
            self.capture.settings = parameters.capture

    def use_views(self, views: Sequence[str]) -> None:
        """Ignore the other cameras from now on."""
        cameras = self.parameters.node.cameras
        self.synchronizer.buffer.exclude(set(cameras) - set(views))
        with self.worker.idle:
            self._views = tuple(views)
            self.capture.set_views(self._views)

    def time_went_back(self) -> None:
        """The ROS clock jumped: what waits is of another time."""
        self.synchronizer.buffer.clear(TIME_JUMP)
        self._clock_jumps += 1

    def predicted(self, stamp: int) -> tuple[Sequence[Human], Snapshot] | None:
        """People extrapolated to a time [ns], and the snapshot they come from; None before the first window."""
        last = self.last
        return None if last is None else (self.capture.predict(stamp), last)

    def drop_counts(self) -> dict[str, int]:
        """Everything left out since the activation, by reason."""
        counts = self.synchronizer.dropped
        for more in (self.assembler.dropped, self.dropped, self.capture.dropped):
            counts.update(dict(more))  # copies: either thread may be counting
        if self.worker.mailbox.replaced:
            counts[SUPERSEDED] = self.worker.mailbox.replaced
        return {reason: count for reason, count in sorted(counts.items()) if count}

    def findings(self, camera: str) -> list[Finding]:
        """What is wrong with the images of a camera, their frame and their content."""
        found = self.assembler.findings(camera)
        notes = self.assembler.notes[camera]
        root = None if notes.placed else self.frames.other_root(notes.frame.lstrip('/'))
        if root is not None:
            world = self.parameters.node.world_frame
            found.append(conditions.NO_FRAME.found(frame=notes.frame, world=world, root=root))
        last = self.last
        if last is not None:
            found += [finding for state in last.cameras if state.view == camera for finding in state.findings]
        return found

    @property
    def images(self) -> dict[str, message_filters.Subscriber]:
        """The filters that the images of each camera come out of."""
        return self._topics.images

    def hear_latched_infos(self) -> None:
        """See :meth:`CameraTopics.hear_latched_infos`."""
        self._topics.hear_latched_infos()

    def image_topic_of(self, camera: str) -> str:
        """With the namespace and remappings of the node."""
        return self.images[camera].sub.topic_name

    @property
    def subscriptions(self) -> list[Subscription]:
        """To images and calibrations."""
        return self._topics.subscriptions

    def stop(self, patience: float) -> bool:
        """End the worker and the subscriptions; whether the worker ended its window within ``patience`` seconds."""
        ended = self.worker.stop(patience)
        self.assembler.close()
        self._topics.destroy()
        return ended

    # -- in the worker's threads --------------------------------------------------------------------------------

    def _pose_of(self, frame: str, stamp: int) -> Any:
        # Poses that are only compared with the estimated ones are not worth waiting for.
        only_compared = not ExtrinsicsPolicy.of(self.parameters.capture.extrinsics).uses_given
        return self.frames.world_from(frame, stamp, 0.0 if only_compared else self.parameters.node.tf_timeout)

    def _prepare(self, pending: PendingSet) -> PreparedSet | None:
        taken = time.perf_counter()
        images = self.assembler.assemble(pending.matched, self.parameters.node.min_views)
        if images is None:
            return None
        return PreparedSet(pending, self.capture.prepare(images), taken, time.perf_counter())

    def _work(self, prepared: PreparedSet) -> None:
        begun = time.perf_counter()
        pending, settings = prepared.pending, self.parameters.node
        if pending.epoch != self._epoch:
            self._epoch = pending.epoch
            self.capture = self._backend.session(self.parameters.capture, settings.cameras)
            self.capture.set_views(self._views)
        self._rehearse(prepared.images)
        snapshot = self.capture.add(prepared.images)
        if snapshot is None:
            return
        stages = {
            'synchronise': pending.delay,
            'wait': (prepared.taken - pending.posted) + (begun - prepared.ready),
            'images': prepared.ready - prepared.taken,
            **snapshot.stages,
        }
        context = WindowContext(
            rates={queue.name: queue.rate for queue in self.synchronizer.buffer.live()},
            stages=stages,
            dropped=self.drop_counts(),
            notes=(*self.notes, *(finding.text for finding in self.frames.findings())),
            delay=pending.delay,
            started=pending.posted,
        )
        built = self._outputs.build(snapshot, self.capture, settings, context)
        built.transforms.extend(self.frames.to_send(snapshot.cameras, snapshot.stamp))
        if settings.publish_human_tf:
            namespace = self._node.get_namespace()
            built.transforms.extend(self.frames.people_to_send(snapshot.humans, namespace, snapshot.stamp))
        self.last = snapshot
        self.outbox.append(built)
        self._ready.trigger()

    def _rehearse(self, images: ImageSet) -> None:
        """Meet images of a new size in rehearsal windows: in live ones the first of them would stall the people."""
        sizes = {image.pixels.shape for image in images.views.values()}
        if self._backend.adapts and not sizes <= self._rehearsed:
            self._rehearsed |= sizes
            self._backend.rehearse(self.parameters.capture, images)

    def _failed(self, error: Exception) -> None:
        self.dropped[f'window_{type(error).__name__}'] += 1
        self.failures.append(error)
        self._ready.trigger()
