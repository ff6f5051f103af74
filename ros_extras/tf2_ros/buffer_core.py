"""The tree of frames and what can be asked of it at once, without waiting."""

from __future__ import annotations

import math
import threading

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.time import Time

from tf2_ros.exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)
from tf2_ros.rigid import IDENTITY, Rigid, from_message, normalized
from tf2_ros.time_cache import Sample, StaticCache, TimeCache

DEFAULT_CACHE_TIME = 10.0
"""Seconds of history that tf2 keeps."""
"""How far the squared norm of a quaternion may be from one; tf2 refuses worse ones too."""
LONGEST_CHAIN = 1000
"""A chain of more frames is a loop."""


class BufferCore:
    """Stores transforms and chains them. Safe to fill from one thread while others ask."""

    def __init__(self, cache_time: Duration | None = None) -> None:
        span = Duration(seconds=DEFAULT_CACHE_TIME) if cache_time is None else cache_time
        self._span: int = span.nanoseconds
        self._caches: dict[str, TimeCache | StaticCache] = {}
        self._authorities: dict[str, str] = {}
        self._known: set[str] = set()
        self._lock = threading.RLock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Adds a transform to the history of its child frame; a bad one is logged and ignored."""
        self._insert(transform, authority, lambda: TimeCache(self._span))

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Sets a transform that holds at every time."""
        self._insert(transform, authority, StaticCache)

    def _insert(self, transform: TransformStamped, authority: str, new_cache) -> None:
        parent = transform.header.frame_id.removeprefix('/')
        child = transform.child_frame_id.removeprefix('/')
        problem = _problem(parent, child, transform)
        with self._lock:
            if not problem:
                translation, rotation = from_message(transform.transform)
                pose = Rigid(translation, normalized(rotation))
                sample = Sample(_nanoseconds(transform.header.stamp), parent, pose)
                problem = self._caches.setdefault(child, new_cache()).insert(sample)
                self._authorities[child] = authority
                self._known |= {child, parent}
        if problem:
            get_logger('tf2_buffer').warning(
                f'{problem} for frame {child!r} in {parent!r} (authority {authority!r})', throttle_duration_sec=1.0
            )

    def clear(self) -> None:
        """Forgets every transform that is not static. The names of the frames stay known."""
        with self._lock:
            for cache in self._caches.values():
                cache.clear()

    def lookup_transform_core(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        """``target_from_source`` at ``time`` (0: the newest time that the chain has in common).

        Raises:
            LookupException, ConnectivityException, ExtrapolationException, InvalidArgumentException
        """
        with self._lock:
            self._check(target_frame, 'target_frame')
            self._check(source_frame, 'source_frame')
            stamp = _nanoseconds(time) or self._common_time(target_frame, source_frame)
            return _stamped(target_frame, source_frame, stamp, self._chain(target_frame, source_frame, stamp))

    def lookup_transform_full_core(
        self, target_frame: str, target_time: Time, source_frame: str, source_time: Time, fixed_frame: str
    ) -> TransformStamped:
        """``target at target_time`` from ``source at source_time``, over ``fixed_frame``, which does not move."""
        with self._lock:
            self._check(target_frame, 'target_frame')
            self._check(source_frame, 'source_frame')
            self._check(fixed_frame, 'fixed_frame')
            source_stamp = _nanoseconds(source_time) or self._common_time(fixed_frame, source_frame)
            target_stamp = _nanoseconds(target_time) or self._common_time(target_frame, fixed_frame)
            target_from_fixed = self._chain(target_frame, fixed_frame, target_stamp)
            fixed_from_source = self._chain(fixed_frame, source_frame, source_stamp)
            return _stamped(target_frame, source_frame, target_stamp, target_from_fixed @ fixed_from_source)

    def can_transform_core(self, target_frame: str, source_frame: str, time: Time) -> tuple[bool, str]:
        """Whether the look-up would succeed, and if not, why."""
        try:
            self.lookup_transform_core(target_frame, source_frame, time)
        except TransformException as error:
            return False, str(error)
        return True, ''

    def can_transform_full_core(
        self, target_frame: str, target_time: Time, source_frame: str, source_time: Time, fixed_frame: str
    ) -> tuple[bool, str]:
        """Whether the full look-up would succeed, and if not, why."""
        try:
            self.lookup_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame)
        except TransformException as error:
            return False, str(error)
        return True, ''

    def all_frames_as_yaml(self) -> str:
        """One mapping per child frame, with its parent and the span of its data."""
        with self._lock:
            return ''.join(self._yaml(child, cache) for child, cache in sorted(self._caches.items())) or '{}'

    def _yaml(self, child: str, cache: TimeCache | StaticCache) -> str:
        newest, stamps = cache.at(0), cache.stamps()
        if newest is None:
            return ''
        first, last = (stamps[0] / 1e9, stamps[-1] / 1e9) if stamps else (0.0, 0.0)
        # tf2 gives 10 kHz to frames whose data spans no time, static ones among them.
        rate = len(stamps) / max(last - first, 1e-4) if len(stamps) > 1 else 10000.0
        return (
            f"{child}: \n  parent: '{newest.parent}'\n"
            f"  broadcaster: '{self._authorities[child]}'\n  rate: {rate:.3f}\n"
            f'  most_recent_transform: {last:.6f}\n  oldest_transform: {first:.6f}\n'
            f'  buffer_length: {last - first:.3f}\n'
        )

    def _check(self, frame: str, argument: str) -> None:
        if not frame:
            raise InvalidArgumentException(f'Invalid argument passed to lookupTransform: {argument} cannot be empty')
        if frame.startswith('/'):
            raise InvalidArgumentException(
                f"Invalid argument {frame!r} passed to lookupTransform: {argument} cannot start with a '/'"
            )
        if frame not in self._known:
            raise LookupException(f'"{frame}" passed to lookupTransform argument {argument} does not exist. ')

    def _ancestry(self, frame: str, stamp: int) -> tuple[dict[str, Rigid], ExtrapolationException | None]:
        """Every frame from ``frame`` up, with ``ancestor_from_frame``, and what stopped the climb before the root."""
        above = {frame: IDENTITY}
        accumulated = IDENTITY
        while frame in self._caches:
            if len(above) > LONGEST_CHAIN:
                raise LookupException(f'The tf tree is invalid because it contains a loop at frame "{frame}".')
            try:
                sample = self._caches[frame].at(stamp)
            except ExtrapolationException as error:
                return above, error
            if sample is None or sample.parent in above:
                break
            frame = sample.parent
            accumulated = sample.parent_from_child @ accumulated
            above[frame] = accumulated
        return above, None

    def _chain(self, target: str, source: str, stamp: int) -> Rigid:
        """``target_from_source`` at ``stamp``, over the lowest frame above both."""
        from_source, source_stop = self._ancestry(source, stamp)
        from_target, target_stop = self._ancestry(target, stamp)
        for frame, frame_from_source in from_source.items():
            if frame in from_target:
                return from_target[frame].inverse() @ frame_from_source
        stop = source_stop or target_stop
        if stop:
            raise ExtrapolationException(
                f'{stop}, when looking up transform from frame [{source}] to frame [{target}]'
            )
        raise _unconnected(target, source)

    def _common_time(self, target: str, source: str) -> int:
        """Newest stamp that every moving transform between the frames has reached; 0 when all are static."""
        from_source, from_target = self._ancestry(source, 0)[0], self._ancestry(target, 0)[0]
        meeting = next((frame for frame in from_source if frame in from_target), None)
        if meeting is None:
            raise _unconnected(target, source)
        moving = [*_below(from_source, meeting), *_below(from_target, meeting)]
        return min((stamp for frame in moving if (stamp := self._caches[frame].latest_stamp())), default=0)


def _below(ancestry: dict[str, Rigid], top: str) -> list[str]:
    """The frames of a climb before ``top``."""
    frames = list(ancestry)
    return frames[: frames.index(top)]


def _unconnected(target: str, source: str) -> ConnectivityException:
    return ConnectivityException(
        f"Could not find a connection between '{target}' and '{source}' because they are not part of the same tree."
        'Tf has two or more unconnected trees.'
    )


def _problem(parent: str, child: str, transform: TransformStamped) -> str | None:
    """Why tf2 ignores this transform; None when it is fine."""
    if not child:
        return 'TF_NO_CHILD_FRAME_ID ignoring transform because child_frame_id is not set'
    if not parent:
        return 'TF_NO_FRAME_ID ignoring transform because frame_id is not set'
    if parent == child:
        return 'TF_SELF_TRANSFORM ignoring transform of a frame in itself'
    translation, rotation = from_message(transform.transform)
    if any(math.isnan(value) for value in (*translation, *rotation)):
        return 'TF_NAN_INPUT ignoring transform because of a nan value'
    if not any(rotation):
        return 'TF_NAN_INPUT ignoring transform because its quaternion is zero'
    return None


def _nanoseconds(time) -> int:
    """Nanoseconds of an rclpy Time or of a builtin_interfaces Time; tf2 takes both."""
    return time.nanoseconds if hasattr(time, 'nanoseconds') else time.sec * 1_000_000_000 + time.nanosec


def _stamped(target: str, source: str, stamp: int, target_from_source: Rigid) -> TransformStamped:
    answer = TransformStamped()
    answer.header.frame_id = target
    answer.header.stamp = Time(nanoseconds=stamp).to_msg()
    answer.child_frame_id = source
    answer.transform = target_from_source.message()
    return answer
