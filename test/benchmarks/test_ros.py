"""The benchmark of the ROS side counts every image that it sends."""

import re

from chromm_ros.benchmarks.ros import bench_ros


def test_nothing_is_lost_between_two_processes(capsys):
    assert bench_ros(cameras=2, width=320, height=240, rate=5.0, people=1, duration=2.0) == 0
    printed = capsys.readouterr().out
    sent, received, lost = map(int, re.search(r'sent (\d+), received (\d+), lost (\d+)', printed).groups())
    assert (sent, received, lost) == (30, 30, 0)
    assert 'publish' in printed
