"""A buffer that can wait for transforms."""

from __future__ import annotations

import time as wall
from collections.abc import Callable

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph

from tf2_ros.buffer_core import BufferCore

NO_WAIT = Duration()
POLL_SECONDS = 0.02


class Buffer(BufferCore):
    """The buffer that nodes use.

    A call with a timeout blocks its thread, so the transforms must arrive in another one.

    Args:
        cache_time: how long transforms are kept; None for 10 s.
        node: offers the service ``tf2_frames`` on it, and follows its clock: a jump back in time empties the buffer.
    """

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        super().__init__(cache_time)
        clock = Clock()
        if node is not None:
            self.srv = node.create_service(FrameGraph, 'tf2_frames', self._frames)
            clock = node.get_clock()
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jump_handle = clock.create_jump_callback(threshold, post_callback=self._time_jumped)

    def _frames(self, request: FrameGraph.Request, response: FrameGraph.Response) -> FrameGraph.Response:
        response.frame_yaml = self.all_frames_as_yaml()
        return response

    def _time_jumped(self, jump: TimeJump) -> None:
        get_logger('tf2_buffer').warning('Detected jump back in time. Clearing tf buffer.')
        self.clear()

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration = NO_WAIT
    ) -> TransformStamped:
        """The transform that maps coordinates of ``source_frame`` to ``target_frame``.

        Args:
            time: 0 for the newest that is known.
            timeout: how long to wait for it, in wall time.

        Raises:
            LookupException, ConnectivityException, ExtrapolationException, InvalidArgumentException
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = NO_WAIT,
    ) -> TransformStamped:
        """As :meth:`lookup_transform`, between two times; ``fixed_frame`` is taken as constant between them."""
        self.can_transform_full(target_frame, target_time, source_frame, source_time, fixed_frame, timeout)
        return self.lookup_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = NO_WAIT,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether :meth:`lookup_transform` would succeed, and with ``return_debug_tuple`` also why not."""
        answer = _wait(lambda: self.can_transform_core(target_frame, source_frame, time), timeout)
        return answer if return_debug_tuple else answer[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = NO_WAIT,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether :meth:`lookup_transform_full` would succeed, and with ``return_debug_tuple`` also why not."""
        answer = _wait(
            lambda: self.can_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame),
            timeout,
        )
        return answer if return_debug_tuple else answer[0]


def _wait(ask: Callable[[], tuple[bool, str]], timeout: Duration) -> tuple[bool, str]:
    """Asks until the answer is yes or the time is over."""
    end = wall.monotonic() + timeout.nanoseconds / 1e9
    while not (answer := ask())[0] and wall.monotonic() < end:
        wall.sleep(POLL_SECONDS)
    return answer
