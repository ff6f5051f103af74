"""Faults of the real world, injected between processes, and what the capture node does about them.

What was observed goes into docs/reliability.md, see reliability_table.
"""

import pytest
from live_rig import CAMERAS, SIZE, CaptureProcess, LiveRig
from rcl_interfaces.msg import ParameterType
from rclpy.qos import DurabilityPolicy, QoSProfile
from reliability_table import FAULTS, observed, record
from standins import human
from std_msgs.msg import Int32
from std_srvs.srv import Trigger

from chromm_ros.msg import HumanArray
from chromm_ros.srv import MergeIdentities, SaveScene, SetViews

pytestmark = pytest.mark.serial


@pytest.fixture(scope='module')
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp('reliability')


@pytest.fixture(scope='module')
def rig():
    rig = LiveRig()
    yield rig
    rig.close()


@pytest.fixture(scope='module')
def capture(rig, logs):
    """One capture for all faults: each test finds it alive and leaves it alive."""
    process = start(logs / 'capture.log', f'save_directory:={logs}')
    yield process
    process.interrupt()


@pytest.fixture
def steady(rig, capture):
    """The rig while the capture sees all three cameras."""
    rig.window(rig.send, lambda message: all(message.views_used))
    return rig


@pytest.fixture
def alone(rig, capture):
    """No capture runs: the test starts its own. The shared one ends here, so such tests come last."""
    assert capture.interrupt() == 0
    for heard in rig.heard.values():
        heard.clear()


def start(log, *parameters):
    names = ','.join(CAMERAS)
    return CaptureProcess(
        f'cameras:=[{names}]', 'camera_timeout:=0.5', 'diagnostics_period:=0.2', *parameters, log=log
    )


def goes_on(rig):
    """The capture still answers full sets with windows of all cameras."""
    return all(rig.window(rig.send, lambda message: all(message.views_used)).views_used)


def test_camera_that_stops_is_left_out_and_welcomed_back(steady):
    without = steady.window(lambda: steady.send('ab'), lambda message: not message.views_used[2])
    assert list(without.views_used) == [True, True, False]
    task = steady.until(lambda: bad(steady.task('camera c')), lambda: steady.send('ab'))
    assert goes_on(steady)
    record(
        'camera_stops',
        f'windows go on with the others after camera_timeout; diagnostics: "{task.message}"; '
        'it takes part again with its first image',
    )


def bad(status):
    return status if status is not None and status.level != b'\0' else None


def test_resolution_may_change(steady):
    small = (SIZE[0] // 2, SIZE[1] // 2)
    steady.window(lambda: steady.send(size=small), lambda message: all(message.views_used))
    shown = f'{small[0]} x {small[1]}'
    steady.until(lambda: shown in str(steady.task('camera a').values), lambda: steady.send(size=small))
    assert goes_on(steady)
    record('resolution', 'the next window uses the new size; CameraInfo is scaled where the proportions are the same')


@pytest.mark.parametrize(
    ('reason', 'changes'),
    [
        ('truncated', {'data': [1, 2, 3]}),
        ('wrong_step', {'step': 5}),
        ('unknown_encoding', {'encoding': 'rgb77'}),
        ('zero_size', {'height': 0}),
    ],
)
def test_garbage_of_one_camera_is_counted_and_costs_only_its_view(steady, reason, changes):
    def send():
        steady.send('ab')
        steady.send('c', **changes)

    before = steady.dropped().get(reason, 0)
    steady.until(lambda: steady.dropped().get(reason, 0) > before, send)
    steady.heard['/diagnostics'].clear()
    window = steady.window(send, lambda message: not message.views_used[2])
    assert list(window.views_used) == [True, True, False]
    task = steady.until(lambda: bad(steady.task('camera c')), send)
    assert goes_on(steady)
    record(reason, f'windows go on with the other cameras; counted as `{reason}`; diagnostics: "{shown(task)}"')


def shown(task):
    """The message of a task, short enough for a table."""
    text = task.message.replace('|', '/')
    return text if len(text) < 90 else f'{text[:87]}...'


@pytest.mark.parametrize(('fault', 'offset', 'reason'), [('future', 3600.0, 'future'), ('past', -3600.0, 'late')])
def test_wrong_stamps_of_one_camera_stop_nobody_else(steady, fault, offset, reason):
    def send():
        steady.send('ab')
        steady.send('c', offset=offset)

    session = bytes(steady.window(steady.send).session.uuid)
    before = steady.dropped().get(reason, 0)
    window = steady.window(send, lambda message: not message.views_used[2])
    assert bytes(window.session.uuid) == session
    steady.until(lambda: steady.dropped().get(reason, 0) > before, send)
    assert goes_on(steady)
    record(fault, f'its images are counted as `{reason}`; windows go on with the other cameras in the same session')


def test_time_that_goes_back_starts_a_new_session(steady):
    session = bytes(steady.window(steady.send).session.uuid)
    earlier = steady.window(
        lambda: steady.send(offset=-600.0), lambda message: bytes(message.session.uuid) != session
    )
    assert all(earlier.views_used)
    assert steady.until(lambda: steady.dropped().get('time_jump', 0) + steady.dropped().get('late', 0))
    assert goes_on(steady)
    record('loop', 'after two images per camera from the past a new session (UUID) begins; ids start anew')


def test_impossible_calibration_leaves_the_camera_uncalibrated(steady):
    messages = []
    for focal in (float('nan'), 0.0):
        steady.until(lambda: not bad(steady.task('camera a')), lambda: steady.send(focal=60.0))
        if focal:
            task = steady.until(lambda: bad(steady.task('camera a')), lambda focal=focal: steady.send(focal=focal))
            messages.append(shown(task))
        assert steady.window(lambda focal=focal: steady.send(focal=focal)).views_used[0]
    assert goes_on(steady)
    record('bad_info', f'the image is used without calibration; diagnostics: "{messages[0]}"')


def sent_frames(rig):
    return {transform.child_frame_id for message in rig.heard['/tf'] for transform in message.transforms}


def test_camera_unknown_to_tf_is_estimated_and_published(steady):
    steady.heard['/tf'].clear()
    steady.until(lambda: 'chromm/b_optical_frame' in sent_frames(steady), steady.send)
    record('tf_missing', 'its pose is estimated and published as `chromm/<camera>_optical_frame`')


def test_late_tf_costs_the_pose_of_the_image_and_is_counted(steady):
    send_tf = steady.transforms('b_optical_frame', 'map', offset=-5.0)

    def send():
        send_tf()
        steady.send()

    steady.until(lambda: 'TF ExtrapolationException' in str(steady.task('world').values), send)
    assert goes_on(steady)
    record(
        'tf_late',
        'the image is used without the pose from TF (after tf_timeout); diagnostics of `world` count the exception',
    )


def test_contradicting_tf_does_not_stop_the_windows(steady):
    first, second = steady.transforms('c_optical_frame', 'map'), steady.transforms('c_optical_frame', 'somewhere')

    def send():
        first()
        second()
        steady.send()

    assert all(steady.window(send, lambda message: all(message.views_used)).views_used)
    assert 'c_optical_frame' not in {name for name in sent_frames(steady) if not name.startswith('c_')}
    assert goes_on(steady)
    record(
        'tf_contradicting',
        'windows go on; where the newest parent does not lead to the world frame the pose is estimated',
    )


def test_incompatible_subscriber_is_named(steady):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    subscription = steady.node.create_subscription(HumanArray, '/chromm/humans', lambda message: None, latched)
    task = steady.until(lambda: bad(steady.task('node')))
    assert '/chromm/humans' in task.message
    steady.node.destroy_subscription(subscription)
    assert goes_on(steady)
    record('bad_qos', f'a warning in the log and in the diagnostics: "{task.message}"')


def test_wrong_parameters_are_refused_with_a_reason(steady):
    double, whole = ParameterType.PARAMETER_DOUBLE, ParameterType.PARAMETER_INTEGER
    refusals = [
        steady.set_parameter('sync_slop', type=double, double_value=99.0),
        steady.set_parameter('sync_slop', type=whole, integer_value=1),
        steady.set_parameter('window_size', type=whole, integer_value=5),
        steady.set_parameter('min_views', type=whole, integer_value=4),
        steady.set_parameter('no_such_parameter', type=whole, integer_value=4),
    ]
    assert not any(result.successful for result in refusals)
    assert all(result.reason for result in refusals)
    assert 'clean up first' in refusals[2].reason
    assert 'there are 3 cameras' in refusals[3].reason
    assert steady.set_parameter('sync_slop', type=double, double_value=0.03).successful
    assert goes_on(steady)
    record('parameters', f'refused with a reason, e.g. "{refusals[2].reason}"; nothing changes')


def test_nonsense_in_service_calls_is_answered_with_a_sentence(steady, logs):
    answers = [
        steady.call(SetViews, '/chromm/set_views', views=['x']),
        steady.call(MergeIdentities, '/chromm/merge_identities', keep=1, absorb=[]),
        steady.call(MergeIdentities, '/chromm/merge_identities', keep=1, absorb=[1]),
        steady.call(MergeIdentities, '/chromm/merge_identities', keep=4_000_000_000, absorb=[1]),
        *(
            steady.call(SaveScene, '/chromm/save_scene', path=path)
            for path in ('', '/etc/passwd', '../out.ply', 'x' * 5000, 'out.txt')
        ),
    ]
    assert not any(answer.success for answer in answers)
    assert all(answer.message for answer in answers)
    assert steady.call(Trigger, '/chromm/reset_identities').success
    assert steady.call(Trigger, '/chromm/reset_scene').success
    assert steady.call(SetViews, '/chromm/set_views', views=['a', 'b']).success
    steady.window(steady.send, lambda message: not message.views_used[2])
    assert steady.call(SetViews, '/chromm/set_views', views=[]).success
    assert steady.call(SaveScene, '/chromm/save_scene', path='room.ply', include_humans=True).success
    assert (logs / 'room.ply').stat().st_size > 0
    assert goes_on(steady)
    record('services', f'`success` is false with a reason, e.g. "{answers[0].message}"; nothing is written elsewhere')


@pytest.mark.parametrize(('fault', 'people'), [('no_people', 0), ('many_people', 20)])
def test_nobody_and_a_crowd_are_both_reported(steady, fault, people):
    knob = steady.node.create_publisher(Int32, '/standin/people', 10)
    steady.until(knob.get_subscription_count)
    knob.publish(Int32(data=people))
    window = steady.window(steady.send, lambda message: len(message.humans) == people)
    assert [person.id for person in window.humans] == list(range(1, people + 1))
    assert all(len(person.joints) == len(human(1, 0).joints) for person in window.humans)
    knob.publish(Int32(data=2))
    steady.window(steady.send, lambda message: len(message.humans) == 2)
    record(fault, 'an empty HumanArray per window' if not people else 'all 20 in every HumanArray')


def test_error_of_the_network_costs_one_window(steady):
    steady.break_network('something broke')
    before = steady.dropped().get('window_RuntimeError', 0)
    steady.until(lambda: steady.dropped().get('window_RuntimeError', 0) > before, steady.send)
    assert goes_on(steady)
    record(
        'window_error',
        'that window is lost and counted as `window_RuntimeError`, logged once; the next one is computed',
    )


def test_camera_that_never_came_is_reported_and_not_waited_for(rig, alone, logs):
    process = CaptureProcess('cameras:=[a,b,d]', 'camera_timeout:=0.5', 'diagnostics_period:=0.2', log=logs / 'd.log')
    try:
        window = rig.window(rig.send, lambda message: message.views == ['a', 'b', 'd'])
        assert list(window.views_used) == [True, True, False]
        task = rig.until(lambda: bad(rig.task('camera d')), rig.send)
    finally:
        process.interrupt()
    record('camera_never_came', f'windows of the others begin after camera_timeout; diagnostics: "{task.message}"')


def test_lost_gpu_deactivates_with_an_error(rig, alone, logs):
    process = start(logs / 'gpu.log')
    try:
        rig.window(rig.send)
        rig.break_network('CUDA error: unspecified launch failure')
        # Before its first window the node is in error, too: nothing has come out yet.
        task = rig.until(lambda: failed(rig.task('node'), 'deactivated'), rig.send)
        assert {pair.key: pair.value for pair in task.values}['state'] == 'inactive'
    finally:
        assert process.interrupt() == 0
    record(
        'gpu_lost', 'the node deactivates itself; diagnostics: ERROR "the GPU is lost, the node is deactivated: ..."'
    )


def failed(status, word):
    return status if status is not None and status.level == b'\2' and word in status.message else None


def test_killed_node_comes_back_with_a_new_session(rig, alone, logs):
    process = start(logs / 'killed.log')
    session = bytes(rig.window(rig.send).session.uuid)
    process.kill()
    process = start(logs / 'restarted.log')
    try:
        window = rig.window(rig.send, lambda message: bytes(message.session.uuid) != session)
        assert all(rig.window(rig.send, lambda message: all(message.views_used)).views_used)
        assert window.window >= 1
    finally:
        assert process.interrupt() == 0
    record('killed', 'subscribers get windows again after the restart, in a new session')


@pytest.mark.parametrize(
    ('parameter', 'text'),
    [('min_veiws:=2', 'did you mean min_views'), ('sync_slop:=7.0', 'sync_slop'), ('preset:=huge', 'tiny, full')],
)
def test_wrong_parameter_at_the_start_is_one_line_and_a_failure(logs, parameter, text):
    process = CaptureProcess(parameter, log=logs / 'refused.log')
    assert process.process.wait(60) == 1
    said = process.log.read_text().strip()
    assert text in said
    assert len(said.splitlines()) == 1
    record('start_parameters', f'exit status 1 and one line, e.g. "{said.partition(": ")[2][:100]}"')


def test_every_fault_is_in_the_document():
    assert list(observed()) == list(FAULTS.values())
