"""Diagnostics tell a person what is wrong with which part."""

from types import SimpleNamespace

import pytest
from standins import StandInBackend, camera, snapshot

from chromm_ros.intake.assembly import CameraNotes
from chromm_ros.intake.dating import Dating
from chromm_ros.intake.rig_buffer import RigBuffer, SyncLimits
from chromm_ros.ros.common.other_publishers import Offers
from chromm_ros.ros.common.parameters import with_values
from chromm_ros.ros.common.settings import Parameters
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
    dating = Dating('ab')
    notes = {name: CameraNotes() for name in 'ab'}
    return SimpleNamespace(
        synchronizer=SimpleNamespace(buffer=buffer, dating=dating),
        assembler=SimpleNamespace(notes=notes),
        image_topic_of=lambda camera: f'/{camera}/image',
        findings=lambda camera: notes[camera].findings('camera_info'),
        frames=SimpleNamespace(problems={}, findings=list),
        parameters=with_values(Parameters(), {'cameras': ['a', 'b']}),
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
    pipeline.synchronizer.buffer.queues['b'].received = 0
    assert 'no image yet on /b/image' in tasks(pipeline)['camera b'].message


def test_a_camera_that_cannot_be_heard_says_why(pipeline):
    pipeline.synchronizer.buffer.queues['b'].received = 0
    log = HealthLog(incompatible={'/b/image': 'nothing passes between /b/image and /driver: Best effort'})
    said = tasks(pipeline, log)['camera b'].message
    assert 'no image can arrive' in said
    assert 'Best effort' in said
    assert 'image_reliability: best_effort' in said


def test_a_camera_that_never_came_names_the_images_that_there_are(pipeline):
    pipeline.synchronizer.buffer.queues['b'].received = 0
    log = HealthLog(offers=Offers(images=tuple(f'/{name}/image_raw' for name in 'abcdefgh')))
    said = tasks(pipeline, log)['camera b'].message
    assert 'no image yet on /b/image (there is /a/image_raw, /b/image_raw' in said
    assert said.count('image_raw') == 6


def test_transforms_of_another_namespace_are_named(pipeline):
    log = health_log_with(0.1)
    log.offers = Offers(transforms=('/robot1/tf', '/robot1/tf_static'))
    found = tasks(pipeline, log)['world']
    assert found.level == WARN
    assert '/robot1/tf, /robot1/tf_static' in found.message
    assert 'namespaced_tf:=true' in found.message


def test_when_all_cameras_stop_they_are_stale(pipeline):
    assert tasks(pipeline, now=10 * SECOND)['camera a'].level == WARN


def test_damaged_images_are_named(pipeline):
    pipeline.assembler.notes['a'].image_problem = 'rows of 5 bytes, 24 needed for rgb8'
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
    health_log = health_log_with(0.1)
    health_log.incompatible = {'/chromm/humans': 'nothing passes'}
    assert tasks(pipeline, health_log)['node'].level == WARN
    assert tasks(pipeline, HealthLog(fatal='the GPU is lost'))['node'].level == ERROR


def test_another_publisher_of_our_topics_is_an_error_of_the_node(pipeline):
    health_log = health_log_with(0.1)
    health_log.other_publishers = {'/chromm/humans': ('/chromm',), '/chromm/scene': ('/chromm', '/player')}
    task = tasks(pipeline, health_log)['node']
    assert task.level == ERROR
    assert '/chromm/humans, /chromm/scene too: /chromm, /player' in task.message


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


MS = 1_000_000


def feed(pipeline, stamps_by_camera, arrival=None):
    """Images by camera, in the order of their arrival, 100 ms apart; they begin a second after the fixture."""
    buffer, dating = pipeline.synchronizer.buffer, pipeline.synchronizer.dating
    count = len(next(iter(stamps_by_camera.values())))
    for k in range(count):
        now = 2 * SECOND + k * 100 * MS if arrival is None else arrival(k)
        for name, stamps in stamps_by_camera.items():
            buffer.add(name, dating(name, stamps[k], now), None)
    return tasks(pipeline, now=now)


def regular(count=20, offset=0, period=100 * MS):
    return [2 * SECOND + offset + k * period for k in range(count)]


@pytest.mark.parametrize('apart', [25, 37, 50])
def test_cameras_that_run_free_are_measured_and_the_slop_that_would_do_is_named(pipeline, apart):
    sync = feed(pipeline, {'a': regular(), 'b': regular(offset=apart * MS)})['sync']
    assert sync.level == ERROR
    assert f'{apart / 1e3:.3f} s apart' in sync.message
    enough = float(sync.message.partition('sync_slop: ')[2].partition(',')[0])
    assert apart / 1e3 < enough < 1.2 * apart / 1e3


def test_with_the_slop_that_is_named_the_cameras_make_sets(pipeline):
    buffer = pipeline.synchronizer.buffer
    buffer.limits = SyncLimits(**{**vars(LIMITS), 'slop': 55 * MS})
    assert feed(pipeline, {'a': regular(), 'b': regular(offset=50 * MS)})['sync'].level == OK


@pytest.mark.parametrize('stamp', [SECOND, 5 * SECOND])
def test_stamps_that_stand_still_are_an_error_of_the_camera(pipeline, stamp):
    found = feed(pipeline, {'a': regular(), 'b': [stamp] * 20})
    assert found['camera b'].level == ERROR
    assert 'stamps stand still' in found['camera b'].message
    assert 'stamps: arrival' in found['camera b'].message


def test_stamps_of_zero_are_said_and_the_cameras_go_on(pipeline):
    found = feed(pipeline, {'a': [0] * 20, 'b': [0] * 20})
    assert found['camera a'].level == WARN
    assert 'does not date' in found['camera a'].message
    assert found['sync'].level == OK


@pytest.mark.parametrize('ahead', [-7200, -30, 30, 1_000_000])
def test_a_camera_of_another_clock_is_named_with_the_difference(pipeline, ahead):
    wrong = [max(stamp + ahead * SECOND, k + 1) for k, stamp in enumerate(regular())]
    found = feed(pipeline, {'a': regular(), 'b': wrong})
    assert 'another clock' in found['camera b'].message
    assert found['camera a'].level == OK or 'another clock' not in found['camera a'].message


def test_simulated_stamps_on_a_node_of_wall_time_point_to_use_sim_time(pipeline):
    found = feed(pipeline, {'a': regular(), 'b': regular()}, arrival=lambda k: 10**18 + k * 100 * MS)
    assert 'use_sim_time' in found['camera a'].message


def test_the_node_is_not_well_while_nothing_comes_out(pipeline):
    node = feed(pipeline, {'a': regular(), 'b': regular(offset=50 * MS)})['node']
    assert node.level == ERROR
    assert 'nothing comes out' in node.message
    assert 'sync: cameras run free' in node.message


def test_before_the_first_window_the_node_warns(pipeline):
    assert tasks(pipeline)['node'].level == WARN


def test_silence_after_windows_is_an_error(pipeline):
    health_log = health_log_with(0.1)
    assert tasks(pipeline, health_log)['inference'].level == OK
    assert tasks(pipeline, health_log, now=60 * SECOND)['inference'].level == ERROR
    assert tasks(pipeline, health_log, now=60 * SECOND)['node'].level == ERROR


def test_what_is_less_severe_stands_among_the_values(pipeline):
    pipeline.assembler.notes['a'].frame = '/front'
    pipeline.assembler.notes['a'].image_problem = 'encoding is not known'
    camera_a = tasks(pipeline)['camera a']
    assert 'encoding is not known' in camera_a.message
    assert any('leading slash' in pair.value for pair in camera_a.values)
