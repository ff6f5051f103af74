"""The page at its full load. What it sends is counted; ``chromm bench page`` has the times."""

import pytest

from chromm_ros.benchmarks.page import STAY, Load, browsers, memory, update
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.server import free_port

PEOPLE, CAMERAS = 5, 4


@pytest.fixture
def page():
    made = Page(port=free_port(), span=3.0)
    yield made
    made.close()


@pytest.fixture
def load():
    return Load(PEOPLE, CAMERAS)


def test_an_update_sends_what_moved_and_nothing_else(page, load):
    buffer = page.server._websock_server._broadcast_buffer
    for step in range(3):
        update(page, load, step)
    sent = buffer.message_counter
    update(page, load, 3)
    # A person: mesh, label, trail; a camera: the two halves of its image at most; the panel.
    assert buffer.message_counter - sent <= 3 * PEOPLE + 2 * CAMERAS + 4


@pytest.mark.slow
@pytest.mark.serial
def test_memory_stays_flat_while_one_browser_keeps_up_and_one_does_not(page, load):
    with browsers(page, (0.0, 1.0)):
        for step in range(2 * STAY):
            update(page, load, step)
        before = memory()
        for step in range(2 * STAY, 6 * STAY):
            update(page, load, step)
    assert memory() - before < 12
