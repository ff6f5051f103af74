"""Flags and the node's own parameter file say what comes in, with the checks of the node."""

import pytest

from chromm_ros.apps.batch import options_of
from chromm_ros.apps.inputs import InputFlags, inputs_of, offsets_of
from chromm_ros.apps.reconstruct import Options
from chromm_ros.ros.common.parameter_files import read_parameters
from chromm_ros.ros.common.parameters import parameters_yaml


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / 'params.yaml'
        path.write_text(text)
        return path

    return write


FORMS = [
    '/**:\n  ros__parameters:\n    sync_slop: 0.05\n    identity:\n      memory: 7\n',
    'chromm:\n  ros__parameters:\n    sync_slop: 0.05\n    identity: {memory: 7.0}\n',
    '/robot1/chromm:\n  ros__parameters:\n    sync_slop: 0.05\n    identity.memory: 7.0\n',
    'robot1:\n  chromm:\n    ros__parameters: {sync_slop: 0.05, identity.memory: 7.0}\n',
    '/**:\n  ros__parameters: {use_sim_time: true, sync_slop: 0.05, identity.memory: 7.0}\n'
    'other:\n  ros__parameters: {sync_slop: 0.4}\n',
]


@pytest.mark.parametrize('text', FORMS)
def test_files_of_every_form_are_read(file, text):
    assert read_parameters(file(text)) == {'sync_slop': 0.05, 'identity.memory': 7.0}


def test_the_file_that_comes_with_the_package_is_read(file):
    assert len(read_parameters(file(parameters_yaml()))) > 20


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'no parameter file'),
        ('a: [', 'no parameter file'),
        ('viewer:\n  ros__parameters: {port: 1}\n', 'for the node chromm'),
        ('/**:\n  ros__parameters: {sync_slopp: 0.1}\n', 'did you mean sync_slop'),
        ('/**:\n  ros__parameters: {sync_slop: wide}\n', 'float expected'),
        ('/**:\n  ros__parameters: {sync_slop: 7.0}\n', 'at most'),
        ('/**:\n  ros__parameters: {cameras: left}\n', 'list of strings'),
        ('/**:\n  ros__parameters: {cameras: [left, yes]}\n', 'list of strings'),
        ('/**:\n  ros__parameters: {rectify: 1}\n', 'bool expected'),
        ('/**:\n  ros__parameters: {image_transport: h264}\n', 'one of'),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(file, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_parameters(file(text))
    assert '\n' not in str(caught.value)


def test_flags_go_before_the_file_and_both_count_as_given(file):
    path = file('/**:\n  ros__parameters: {sync_slop: 0.05, world_frame: odom}\n')
    chosen = inputs_of(InputFlags(params=path, sync_slop=0.1, cameras=('front,left',), namespace='robot1'))
    node = chosen.parameters.node
    assert (node.sync_slop, node.world_frame, node.cameras) == (0.1, 'odom', ('front', 'left'))
    assert set(chosen.given) == {'sync_slop', 'world_frame', 'cameras'}
    assert chosen.namespace == '/robot1'


@pytest.mark.parametrize(
    'flags',
    [
        {'cameras': ('a', 'a')},
        {'cameras': ('a', 'b'), 'image_topic': '/fixed'},
        {'image_topic': '{kamera}/image'},
        {'cameras': ('a', 'b'), 'image_transports': ('raw',)},
        {'world_frame': '/map'},
        {'min_views': 9},
        {'sync_slop': 9.0},
        {'namespace': '/a b'},
    ],
)
def test_settings_that_make_no_sense_are_refused_as_the_node_does(flags):
    with pytest.raises(ValueError, match=r'is|may|must|at most|names'):
        inputs_of(InputFlags(**flags))


def test_one_fixed_topic_is_one_camera():
    assert inputs_of(InputFlags(image_topic='/usb_cam/image_raw')).parameters.node.cameras == ('camera',)


@pytest.mark.parametrize('word', ['left', 'left=', 'left=x', '=1', 'left=nan=', 'left=1e9'])
def test_offsets_that_are_none_are_refused(word):
    with pytest.raises(ValueError, match='NAME=SECONDS'):
        offsets_of([word])


def test_offsets_are_read():
    assert offsets_of(['left=0.25', 'a=b=-1']) == {'left': 0.25, 'a=b': -1.0}


def test_a_file_reaches_every_setting_of_a_run_and_options_go_before_it(file, tmp_path):
    path = file(
        '/**:\n  ros__parameters: {preset: tiny, device: cuda, extrinsics: estimated, identity.memory: 9.0}\n'
    )
    chosen = Options(out=tmp_path, device='cpu', inputs=InputFlags(params=path)).resolved().parameters
    assert (chosen.node.preset, chosen.node.device) == ('tiny', 'cpu')
    assert chosen.capture.extrinsics == 'estimated'
    assert chosen.capture.identity.memory == 9.0


def test_jobs_take_the_same_options(file):
    path = file('/**:\n  ros__parameters: {sync_slop: 0.05}\n')
    job = {'inputs': ['a'], 'out': 'b', 'params': str(path), 'cameras': ['x', 'y'], 'offset': ['x=1'], 'window': 5}
    options = options_of(job)
    assert options.resolved().parameters.node.cameras == ('x', 'y')
    assert options.resolved().parameters.node.sync_slop == 0.05
    assert (options.window, options.offset) == (5, ('x=1',))


@pytest.mark.parametrize('wrong', [{'windw': 3}, {'sync_slop': 7.0}, {'params': 'gone.yaml'}, {'overlap': 99}])
def test_a_job_that_cannot_run_is_found_before_the_first_one_starts(wrong):
    with pytest.raises((ValueError, FileNotFoundError)):
        options_of({'inputs': ['a'], 'out': 'b', **wrong})
