"""A process with one node ends orderly, and outlives what its callbacks raise."""

import pytest
import rclpy
from rclpy.node import Node

from chromm_ros.ros.common.spin import run_node


class Clumsy(Node):
    """Raises in its first callbacks and then asks for the end."""

    def __init__(self, end):
        super().__init__('clumsy')
        self.calls = 0
        self.end = end
        self.destroyed = False
        self.create_timer(0.01, self.work)

    def work(self):
        self.calls += 1
        if self.calls < 3:
            raise ValueError('clumsy')
        self.end()

    def destroy_node(self):
        self.destroyed = True
        super().destroy_node()


def interrupted():
    raise KeyboardInterrupt


@pytest.mark.parametrize('end', [interrupted, rclpy.shutdown])
def test_node_outlives_its_callbacks_and_is_destroyed_at_the_end(end):
    nodes = []

    def make():
        nodes.append(Clumsy(end))
        return nodes[0]

    assert run_node(make, []) == 0
    assert nodes[0].calls == 3
    assert nodes[0].destroyed
    assert not rclpy.ok()


def test_exit_code_of_the_node_is_that_of_the_process():
    def make():
        node = Clumsy(rclpy.shutdown)
        node.exit_code = 1
        return node

    assert run_node(make, []) == 1


def test_error_at_the_start_is_one_line(capsys):
    def make():
        raise ValueError('cameras is empty')

    assert run_node(make, []) == 1
    said = capsys.readouterr().err.strip()
    assert said.endswith(': cameras is empty')
    assert len(said.splitlines()) == 1
    assert not rclpy.ok()
