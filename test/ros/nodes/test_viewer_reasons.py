import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from chromm_ros.ros.nodes.viewer_reasons import CaptureWitness, notice_of
from chromm_ros.viewing.view import UNKNOWN, CameraView


def diagnostics(source='/chromm', **tasks):
    status = [
        DiagnosticStatus(name=f'chromm: {name.replace("_", " ")}', level=level, message=text, hardware_id=source)
        for name, (level, text) in tasks.items()
    ]
    return DiagnosticArray(status=status)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def witness(clock):
    return CaptureWitness('/chromm', clock=lambda: clock[0])


OK, ERROR = DiagnosticStatus.OK, DiagnosticStatus.ERROR


def test_reasons_are_the_words_of_the_diagnostics(witness):
    witness.hear(diagnostics(node=(ERROR, 'active, but nothing comes out: sync: no images')))
    assert witness.why_nothing_comes(1) == 'active, but nothing comes out: sync: no images'


def test_a_capture_that_falls_silent_hangs_or_was_killed(witness, clock):
    assert 'says nothing' in witness.why_nothing_comes(1)
    witness.hear(diagnostics(node=(OK, 'active')))
    clock[0] += 7.0
    assert 'has said nothing for 7 s' in witness.why_nothing_comes(1)
    assert witness.why_nothing_comes(0).startswith('/chromm is not running')


def test_a_node_that_is_not_active_says_so(witness):
    witness.hear(diagnostics(node=(OK, 'inactive')))
    assert witness.why_nothing_comes(1) == '/chromm is inactive'


def test_diagnostics_of_others_are_of_no_interest(witness):
    witness.hear(diagnostics(source='/robot1/chromm', node=(ERROR, 'gone')))
    witness.hear(DiagnosticArray(status=[DiagnosticStatus(name='motor', hardware_id='/chromm')]))
    assert witness.silence is None


def test_slow_diagnostics_stay_fresh_as_long_as_they_take(witness, clock):
    for _ in range(3):
        witness.hear(diagnostics(camera_left=(ERROR, 'missing for 3.0 s')))
        clock[0] += 10.0
    assert witness.camera_notes() == {'left': 'missing for 3.0 s'}
    clock[0] += 30.0
    assert witness.camera_notes() == {}


def camera(name, state, note=''):
    return CameraView(name, state, None, 1.0, None, 0.0, note=note)


def test_the_banner_says_what_is_wrong_and_nothing_when_all_is_well():
    well = [camera('left', 'ok'), camera('out', 'excluded'), camera('new', 'uncalibrated')]
    assert notice_of(0.2, False, '', well) is None
    lost = notice_of(0.2, False, '', [*well, camera('front', 'missing', 'missing for 3.0 s')])
    assert (lost.level, lost.text) == ('warn', 'lost front (front: missing for 3.0 s)')
    silent = notice_of(3.2, True, 'the capture waits', [camera('front', UNKNOWN)])
    assert silent.level == 'error'
    assert silent.text == 'no window for 3.2 s: the capture waits'  # nobody knows of that camera
    assert 'no window yet' in notice_of(None, False, '/chromm is not running', []).text
