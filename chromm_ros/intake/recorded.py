"""Image sets of a recording: the buffer, the dating, the decoder and the counters of the node, fed from files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chromm_ros import conditions
from chromm_ros.conditions import Finding
from chromm_ros.flow import ImageSet
from chromm_ros.intake.assembly import Assembler, CameraInput, PoseSource
from chromm_ros.intake.dating import NANO, Dating
from chromm_ros.intake.rig_buffer import MatchedSet, RigBuffer, SyncLimits
from chromm_ros.intake.synchrony import sync_findings

THINNED = 'thinned'
EARLY = 0.1
"""Part of the period of ``rate`` by which a set may come before its time: stamps of even cameras jitter."""

PARTLY = 0.9
"""A camera that covers less than this part of a recording is reported."""


@dataclass(frozen=True)
class StampedImage:
    """An undecoded image on its way in."""

    camera: str
    stamp: int
    """In its header, or in the container of a video [ns]."""
    item: Any
    """What the camera's :class:`CameraInput` reads."""
    arrival: int = 0
    """Time of recording [ns]; 0: not known."""


class RecordedIntake:
    """Makes image sets of the images of a recording.

    Args:
        inputs: the cameras, in the order of the rig.
        limits: of the buffer.
        pose_of: where frames are.
        stamps: see :class:`Dating`.
        offsets: seconds to add to the stamps of a camera.
        rate: image sets per second at most; None: all.
    """

    def __init__(
        self,
        inputs: Mapping[str, CameraInput],
        limits: SyncLimits,
        pose_of: PoseSource,
        stamps: str = 'header',
        offsets: Mapping[str, float] | None = None,
        rate: float | None = None,
    ) -> None:
        self.buffer: RigBuffer[Any] = RigBuffer(inputs, limits)
        self.dating = Dating(inputs, stamps, offsets)
        self.assembler = Assembler(inputs, pose_of)
        self.lost: Counter[str] = Counter()
        """Images that never reached the buffer, by reason; whoever reads the files counts them."""
        self._period = 0 if rate is None else round(NANO / rate)
        self._due: int | None = None
        self._spans: dict[str, tuple[int, int]] = {}

    @property
    def dropped(self) -> Counter[str]:
        """Everything that was left out, by reason."""
        return self.buffer.dropped + self.assembler.dropped + self.lost

    def sets(self, images: Iterable[StampedImage]) -> Iterator[ImageSet]:
        """Image sets of images in the order of their arrival, as a bag has them."""
        for image in images:
            stamp = self._date(image)
            yield from self._assembled(self.buffer.add(image.camera, stamp, image.item))
        yield from self._assembled(self.buffer.flush())

    def sets_in_order(self, streams: Mapping[str, Iterator[StampedImage]]) -> Iterator[ImageSet]:
        """Image sets of one stream of images per camera. What comes next is known, so that nobody is waited for in
        vain and no image that fits is missed."""
        heads = {camera: next(stream, None) for camera, stream in streams.items()}
        stamps = {camera: self._date(image) for camera, image in heads.items() if image is not None}
        while stamps:
            camera = min(stamps, key=lambda name: stamps[name])
            image, stamp = heads[camera], stamps.pop(camera)
            assert image is not None
            heads[camera] = following = next(streams[camera], None)
            if following is not None:
                stamps[camera] = self._date(following)
            self.buffer.coming = {name: stamps.get(name) for name in streams}
            yield from self._assembled(self.buffer.add(camera, stamp, image.item))
        yield from self._assembled(self.buffer.flush())

    def findings(self) -> list[tuple[str, Finding]]:
        """What is wrong with the recording, after it was read: (camera, or nothing; finding)."""
        found: list[tuple[str, Finding]] = []
        for camera, queue in self.buffer.queues.items():
            if not queue.received:
                found.append((camera, conditions.NOTHING_RECORDED.found()))
                continue
            found += [(camera, finding) for finding in self.dating.findings(camera, live=False)]
            found += [(camera, finding) for finding in self.assembler.findings(camera, live=False)]
            found += [(camera, finding) for finding in self._coverage(camera)]
        slowest = min((queue for queue in self.buffer.queues.values() if queue.received), key=_received, default=None)
        if slowest is not None and len(self.buffer.queues) > 1:
            found += [('', finding) for finding in sync_findings(self.buffer, 1 - slowest.used / slowest.received)]
        return found

    def _date(self, image: StampedImage) -> int:
        stamp = self.dating(image.camera, image.stamp, image.arrival)
        first, last = self._spans.get(image.camera, (stamp, stamp))
        self._spans[image.camera] = min(first, stamp), max(last, stamp)
        return stamp

    def _coverage(self, camera: str) -> list[Finding]:
        """Whether a camera has images of the whole recording."""
        begin, end = min(span[0] for span in self._spans.values()), max(span[1] for span in self._spans.values())
        first, last = self._spans[camera]
        period = self.buffer.queues[camera].interval
        if end == begin or last - first + period >= PARTLY * (end - begin):
            return []
        times = {'first': (first - begin) / NANO, 'last': (last - begin) / NANO, 'total': (end - begin) / NANO}
        return [conditions.COVERS_PART.found(**times)]

    def _assembled(self, sets: Iterable[MatchedSet[Any]]) -> Iterator[ImageSet]:
        for matched in sets:
            if not self._wanted(matched.stamp):
                self.lost[THINNED] += len(matched.items)
                continue
            image_set = self.assembler.assemble(matched, self.buffer.limits.min_views)
            if image_set is not None:
                yield image_set

    def _wanted(self, stamp: int) -> bool:
        """Whether the rate has room for a set of this time; where time goes back it begins anew."""
        if not self._period:
            return True
        due = self._due
        if due is not None and due - 2 * self._period < stamp < due - EARLY * self._period:
            return False
        on_grid = due is not None and abs(stamp - due) < self._period
        self._due = (due if on_grid and due is not None else stamp) + self._period
        return True


def _received(queue: Any) -> int:
    return queue.received
