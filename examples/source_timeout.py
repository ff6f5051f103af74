"""Measure the `source_timeout` that a collision monitor needs on this machine, with these cameras, under this load.

The monitor stops the robot when its newest message is older than `source_timeout`. A message is oldest just before
the next one comes: it has then waited for its own delay and for one period of the windows. Run this for some minutes
while everything else runs as it will; it prints the distribution and the value to set:

    python source_timeout.py --ros-args -p seconds:=300.0
"""

import contextlib
import math

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from chromm_ros.msg import HumanArray

QUANTILES = (0.5, 0.95, 0.99)
RESERVE = 1.5
"""The largest age that was seen is not the largest that will be."""


def greatest_ages(stamps, arrivals):
    """Age [s] of each message at the moment the next one arrives."""
    return [arrival - stamp for stamp, arrival in zip(stamps, arrivals[1:])]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def source_timeout(ages):
    """The 99th percentile with a reserve, rounded up to a tenth of a second."""
    return math.ceil(10 * RESERVE * quantile(ages, 0.99)) / 10


class SourceTimeout(Node):
    def __init__(self):
        super().__init__('source_timeout')
        self.stamps, self.arrivals = [], []
        seconds = self.declare_parameter('seconds', 300.0).value
        self.create_subscription(HumanArray, '/chromm/humans', self.on_humans, 5)
        self.create_timer(seconds, self.report)

    def on_humans(self, message):
        self.stamps.append(message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec)
        self.arrivals.append(1e-9 * self.get_clock().now().nanoseconds)

    def report(self):
        ages = greatest_ages(self.stamps, self.arrivals)
        if not ages:
            raise SystemExit('no message on /chromm/humans: is the capture active?')
        parts = ', '.join(f'{100 * share:.0f} % {quantile(ages, share):.2f} s' for share in QUANTILES)
        print(f'{len(ages)} messages, greatest age: {parts}, most {max(ages):.2f} s')
        print(f'source_timeout: {source_timeout(ages)}')
        raise SystemExit(0)


if __name__ == '__main__':
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(SourceTimeout())
