"""A rig of cameras that a test plays, and a capture process that watches it through DDS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from peer import PATIENCE, Peer
from rcl_interfaces.msg import Parameter, ParameterValue, SetParametersResult
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.common.transforms import transform_messages
from chromm_ros.ros.nodes.cameras_node import camera_info, image_message
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import header

CAMERAS = ('a', 'b', 'c')
SIZE = (64, 48)
PERIOD = 0.05
"""Between two image sets [s]."""


class CaptureProcess:
    """The stand-in capture of test/support/standin_capture.py."""

    def __init__(self, *parameters: str, log: Path):
        self.log = log
        arguments = [word for parameter in parameters for word in ('-p', parameter)]
        with log.open('wb') as output:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name('standin_capture.py')), '--ros-args', *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'PYTHONUNBUFFERED': '1'},
            )

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


class LiveRig(Peer):
    """Publishes images of three cameras and listens to the capture, as any foreign node would."""

    def __init__(self) -> None:
        rclpy.init(args=[])
        super().__init__(keep=200)
        self.node = self.peer
        self.images = {name: self.node.create_publisher(Image, f'{name}/image', 10) for name in CAMERAS}
        self.infos = {name: self.node.create_publisher(CameraInfo, f'{name}/camera_info', 10) for name in CAMERAS}
        for topic, kind in (
            ('/chromm/humans', HumanArray),
            ('/chromm/status', CaptureStatus),
            ('/diagnostics', DiagnosticArray),
            ('/tf', TFMessage),
        ):
            self.listen(kind, topic, 50)
        self.now = lambda: self.node.get_clock().now().nanoseconds

    def close(self) -> None:
        super().close()
        rclpy.shutdown()

    # -- sending ------------------------------------------------------------------------------------------------

    def send(
        self,
        cameras: str = 'abc',
        offset: float = 0.0,
        size: tuple[int, int] = SIZE,
        focal: float | None = None,
        **changes: Any,
    ) -> None:
        """One image of each camera, stamped now plus ``offset`` seconds; ``changes`` replace fields of the Image."""
        stamp = self.now() + round(offset * 1e9)
        pixels = np.full((size[1], size[0], 3), 100, np.uint8)
        for name in cameras:
            head = header(stamp, f'{name}_optical_frame')
            if focal is not None:
                intrinsics = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
                self.infos[name].publish(cdr.encode(CameraInfo, camera_info(intrinsics, *size, head)))
            self.images[name].publish(cdr.encode(Image, {**image_message(pixels, head), **changes}))

    def until(self, happened: Callable[[], Any], send: Callable[[], None] | None = None) -> Any:
        """Spin, and send a set per period, until ``happened()`` is true; returns what it returned."""
        return super().until(happened, send, PERIOD)

    def sets(self, count: int, send: Callable[[], None]) -> None:
        """Send ``count`` sets, one per period."""
        for _ in range(count):
            send()
            end = time.monotonic() + PERIOD
            while time.monotonic() < end:
                self.executor.spin_once(timeout_sec=PERIOD / 4)

    # -- listening ----------------------------------------------------------------------------------------------

    def window(
        self, send: Callable[[], None], accept: Callable[[HumanArray], bool] = lambda message: True
    ) -> HumanArray:
        """The next window that ``accept`` likes, while sets are sent."""
        heard = self.heard['/chromm/humans']
        heard.clear()
        return self.until(lambda: next((message for message in list(heard) if accept(message)), None), send)

    def dropped(self) -> dict[str, int]:
        """Counts of the newest status."""
        heard = self.heard['/chromm/status']
        return dict(zip(heard[-1].drop_reasons, map(int, heard[-1].drop_counts))) if heard else {}

    def task(self, name: str) -> Any:
        """Newest diagnostic status of a task; None before the first."""
        for message in reversed(self.heard['/diagnostics']):
            for status in message.status:
                if status.name == f'chromm: {name}':
                    return status
        return None

    def call(self, kind: type, name: str, **fields: Any) -> Any:
        """Call a service of the capture and return its response."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done)
        self.node.destroy_client(client)
        return future.result()

    def transforms(self, child: str, parent: str, offset: float = 0.0, topic: str = '/tf') -> Callable[[], None]:
        """A function that sends one transform, stamped now plus ``offset`` [s]."""
        publisher = self.node.create_publisher(TFMessage, topic, 10)
        self.until(lambda: publisher.get_subscription_count())
        return lambda: publisher.publish(
            TFMessage(transforms=transform_messages(parent, {child: np.eye(4)}, self.now() + round(offset * 1e9)))
        )

    def set_parameter(self, name: str, **value: Any) -> SetParametersResult:
        """What the capture says to a new value, given as fields of ParameterValue."""
        parameter = Parameter(name=name, value=ParameterValue(**value))
        return self.call(SetParameters, '/chromm/set_parameters', parameters=[parameter]).results[0]

    def break_network(self, text: str) -> None:
        """Let the stand-in network raise an error of this text, once."""
        knob = self.node.create_publisher(String, '/standin/error', 10)
        self.until(knob.get_subscription_count)
        knob.publish(String(data=text))
