"""Diagnostics tell a person what is wrong with which part."""

from types import SimpleNamespace

import pytest
from standins import StandInBackend, camera, snapshot

from chromm_ros.ros.common.settings import Parameters
from chromm_ros.ros.inputs.assembly import CameraNotes
from chromm_ros.ros.inputs.rig_buffer import RigBuffer, SyncLimits
from chromm_ros.ros.nodes.health import ERROR, OK, STALE, WARN, HealthLog, diagnostics
from chromm_ros.ros.outputs.publishers import WindowMessages

SECOND = 1_000_000_000
LIMITS = SyncLimits(slop=20_000_000, timeout=SECOND, max_out_of_order=SECOND // 2, min_views=1, queue_size=10)


@pytest.fixture
def pipeline():
    """What the diagnostics read of a pipeline with cameras a and b, both at second 1."""
    buffer: RigBuffer = RigBuffer('ab', LIMITS)
    for name in 'ab':
        buffer.add(name, SECOND, None)
    return SimpleNamespace(
        synchronizer=SimpleNamespace(buffer=buffer),
        assembler=SimpleNamespace(notes={name: CameraNotes() for name in 'ab'}),
        frames=SimpleNamespace(problems={}),
        parameters=Parameters(),
        last=snapshot(),
        drop_counts=lambda: {'late': 2},
    )


def tasks(pipeline, health_log=None, now=SECOND, backend=None):
    message = diagnostics(now, '/chromm', 'active', backend or StandInBackend(), pipeline, health_log or HealthLog())
    assert all(status.hardware_id == '/chromm' for status in message.status)
    return {status.name.removeprefix('chromm: '): status for status in message.status}


def health_log_with(latency):
    health_log = HealthLog()
    health_log.note(WindowMessages(snapshot(), [], latency, {'wait': latency}))
    return health_log


def test_all_is_well(pipeline):
    found = tasks(pipeline, health_log_with(0.1))
    assert set(found) == {'node', 'model', 'camera a', 'camera b', 'sync', 'inference', 'identities', 'world'}
    assert {status.level for status in found.values()} == {OK}
    assert {pair.key: pair.value for pair in found['sync'].values}['dropped: late'] == '2'


def test_without_a_pipeline_the_node_still_reports():
    found = tasks(None)
    assert set(found) == {'node', 'model'}


def test_silent_camera_is_an_error_for_itself_alone(pipeline):
    for k in range(1, 40):
        pipeline.synchronizer.buffer.add('a', SECOND + k * 66_000_000, None)
    found = tasks(pipeline, health_log_with(0.1), now=SECOND + 39 * 66_000_000)
    assert found['camera b'].level == ERROR
    assert 'missing' in found['camera b'].message
    assert found['camera a'].level == OK


def test_camera_that_never_came(pipeline):
    pipeline.synchronizer.buffer.queues['b'].newest = None
    assert tasks(pipeline)['camera b'].message == 'no image yet'


def test_when_all_cameras_stop_they_are_stale(pipeline):
    assert tasks(pipeline, now=10 * SECOND)['camera a'].level == WARN


def test_damaged_images_are_named(pipeline):
    pipeline.assembler.notes['a'].last_problem = 'rows of 5 bytes, 24 needed for rgb8'
    assert 'rows of 5 bytes' in tasks(pipeline)['camera a'].message


def test_slow_window_warns(pipeline):
    assert tasks(pipeline, health_log_with(9.0))['inference'].level == WARN
    assert tasks(pipeline)['inference'].level == STALE


def test_lost_window_is_an_error_until_the_next_good_one(pipeline):
    health_log = health_log_with(0.1)
    health_log.last_error = 'a window was lost: RuntimeError: x'
    assert tasks(pipeline, health_log)['inference'].level == ERROR
    health_log.note(WindowMessages(snapshot(), [], 0.1, {}))
    assert tasks(pipeline, health_log)['inference'].level == OK


def test_fatal_error_and_incompatible_peers_show_on_the_node(pipeline):
    assert tasks(pipeline, HealthLog(incompatible={'/chromm/humans': 'nothing passes'}))['node'].level == WARN
    assert tasks(pipeline, HealthLog(fatal='the GPU is lost'))['node'].level == ERROR


def test_untrained_network_warns(pipeline):
    backend = StandInBackend()
    backend.trained = False
    assert tasks(pipeline, backend=backend)['model'].level == WARN


def test_bumped_camera_warns_with_its_name(pipeline):
    bumped = camera('b', SECOND)
    bumped = type(bumped)(**{**vars(bumped), 'translation_error': 0.9, 'bumped': True})
    pipeline.last = snapshot(cameras=(camera('a', SECOND), bumped))
    world = tasks(pipeline)['world']
    assert world.level == WARN
    assert 'b' in world.message
