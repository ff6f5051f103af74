"""Both launch files, executed as typed against a double with the rules of ros2 launch: what starts, what does not."""

import configparser
import os
from pathlib import Path

import pytest
import yaml
from launch_double import LAUNCH, LaunchFailed, execute, ros2_launch

from chromm_ros.ros.common import launching
from chromm_ros.ros.common.parameters import parameter_leaves, with_values
from chromm_ros.ros.common.settings import CamerasSettings, Parameters
from chromm_ros.ros.common.spin import PARENT_VARIABLE
from chromm_ros.synthetic.scripts import SCRIPTS

ROOT = LAUNCH.parent
MULTICAM = LAUNCH / 'multicam.launch.py'
DEMO = LAUNCH / 'demo.launch.py'
WITHOUT_RVIZ = ('chromm_ros/capture', 'chromm_ros/cameras')


def executables():
    """Names that `ros2 run chromm_ros` knows."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    return {
        line.split('=')[0].strip() for line in config['options.entry_points']['console_scripts'].splitlines() if line
    }


def parameters_of(node):
    """File and overrides of a node, as the node would see them."""
    values = {}
    for part in node['parameters']:
        if isinstance(part, str):
            part = flat(yaml.safe_load(Path(part).read_text())['/**']['ros__parameters'])
        values.update(part)
    return values


def flat(tree, prefix=''):
    values = {}
    for name, value in tree.items():
        values.update(flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {f'{prefix}{name}': value})
    return values


def settings_of(node, default):
    values = {name: value for name, value in parameters_of(node).items() if name != 'use_sim_time'}
    return with_values(default, values)


def refused(line, **options):
    """What ros2 launch prints; nothing may run by then."""
    with pytest.raises(LaunchFailed) as failure:
        ros2_launch(f'ros2 launch chromm_ros {line}', **options)
    assert failure.value.started == [], 'processes were left behind'
    assert '\n' not in str(failure.value)
    return str(failure.value)


def test_multicam_starts_the_capture_with_the_parameter_file():
    (node,) = execute(MULTICAM).nodes
    assert (node['package'], node['executable'], node['name']) == ('chromm_ros', 'capture', 'chromm')
    assert node['executable'] in executables()
    assert settings_of(node, Parameters()) == Parameters()


def test_every_argument_of_multicam_reaches_the_capture(tmp_path):
    weights = tmp_path / 'w.safetensors'
    weights.touch()
    given = {
        'cameras': 'front, rear',
        'image_topic': '{camera}/color',
        'camera_info_topic': '{camera}/info',
        'image_transport': 'compressed',
        'depth_topic': '{camera}/depth',
        'preset': 'full',
        'weights': str(weights),
        'human_head': 'multi_hmr',
        'extrinsics': 'tf',
        'world_frame': 'odom',
    }
    context = execute(MULTICAM, namespace='robot1', use_sim_time='true', rviz='true', sync_slop='0.05', **given)
    capture, rviz = context.nodes
    assert set(context.declared) == context.used
    assert capture['namespace'] == '/robot1'
    values = parameters_of(capture)
    assert values['use_sim_time'] is True
    assert values['sync_slop'] == 0.05
    assert values['cameras'] == ['front', 'rear']
    assert {name: values[name] for name in given if name != 'cameras'} == {
        name: value for name, value in given.items() if name != 'cameras'
    }
    settings_of(capture, Parameters())
    assert (rviz['package'], rviz['executable']) == ('rviz2', 'rviz2')


@pytest.mark.parametrize(
    ('typed', 'names'),
    [
        ("'[front, left, right, back]'", ['front', 'left', 'right', 'back']),
        ("\"['front', 'left']\"", ['front', 'left']),
        ('[front,left]', ['front', 'left']),
        ('front,left', ['front', 'left']),
        ("'front, left,'", ['front', 'left']),
        ("'front left'", ['front', 'left']),
        ("'- front\n- left'", ['front', 'left']),
        ('front', ['front']),
        ("'[front]'", ['front']),
        ("'[x, y]'", ['x', 'y']),
        ("'[on, no]'", ['on', 'no']),
        ('/robot1/front,/robot1/left', ['/robot1/front', '/robot1/left']),
        ("'[arm/left, arm/right]'", ['arm/left', 'arm/right']),
    ],
)
def test_cameras_are_named_in_any_way_that_people_write_lists(typed, names):
    (node,) = ros2_launch(f'ros2 launch chromm_ros multicam.launch.py cameras:={typed}').nodes
    assert parameters_of(node)['cameras'] == names


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        ("cameras:='[front, left'", 'no list of names'),
        ("cameras:='{front: left}'", 'no list of names'),
        ("cameras:='[[front], left]'", 'no list of names'),
        ("cameras:='[]'", 'without a name'),
        ("cameras:=','", 'no list of names'),
        ('cameras:=front,front', "'front' twice"),
        ('cameras:=front-left,back', "image_topic gives 'front-left/image', which is no name for a topic"),
        ('cameras:=front,left image_topic:=image_raw', 'image_topic must contain {camera}'),
        ("cameras:=front image_topic:='{robot}/image'", 'only the placeholder {camera}'),
        ("cameras:=front depth_topic:='{robot}/depth'", 'depth_topic may contain only the placeholder {camera}'),
        ('cameras:=front,left depth_topic:=depth', 'depth_topic must contain {camera}'),
        ('sync_slop:=2', "sync_slop is '2'; a number from 0 to 0.5 expected"),
        ('sync_slop:=nan', 'sync_slop is'),
        ('sync_slop:=50ms', 'sync_slop is'),
        ('camera:=front', "unknown argument 'camera' of multicam.launch.py; did you mean cameras?"),
        ('world:=odom', 'did you mean world_frame?'),
        ('xyz:=1', 'known are camera_info_topic, cameras'),
        ('config:=/nonexistent.yaml', "config is '/nonexistent.yaml', which is no file"),
        (f'config:={ROOT}/config/multicam.yml', f'did you mean {ROOT}/config/multicam.yaml?'),
        (f'config:={ROOT}/README.md', 'config is'),
        (f'config:={ROOT}/rviz/multicam.rviz', 'no file of ROS parameters'),
        ('rviz:=perhaps', 'is not valid. Valid options are'),
        ('use_sim_time:=yes', 'is not valid. Valid options are'),
        ('world_frame:=/map', 'without a /'),
        ('weights:=/nowhere/pi3x.safetensors', "weights is '/nowhere/pi3x.safetensors', which is no file"),
        ('preset:=huge', 'is not valid. Valid options are'),
        ('extrinsics:=tff', 'is not valid. Valid options are'),
        ("namespace:='my robot'", "namespace is 'my robot', which is none"),
        ('namespace:=1st', "namespace is '1st', which is none"),
        ('rviz:=true rviz_config:=planner', "rviz_config is 'planner'; one of multicam, planners or a file expected"),
    ],
)
def test_what_multicam_cannot_use_is_one_line_before_anything_runs(arguments, expected):
    assert expected in refused(f'multicam.launch.py {arguments}')


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        ('cameras:=four', "cameras is 'four'; a whole number from 1 to 8 expected"),
        ('cameras:=9', 'from 1 to 8'),
        ('people:=-1', 'people is'),
        ('seed:=1.5', 'seed is'),
        ('rate:=fast', 'rate is'),
        ('rate:=0', 'rate is'),
        ('script:=dance', 'is not valid. Valid options are'),
        ('rviz:=perhaps', 'is not valid. Valid options are'),
        ('peple:=3', 'did you mean people?'),
    ],
)
def test_what_the_demo_cannot_use_is_one_line_before_anything_runs(arguments, expected):
    assert expected in refused(f'demo.launch.py {arguments}')


@pytest.mark.parametrize('line', ['multicam.launch.py rviz:=true', 'demo.launch.py', 'demo.launch.py rviz:=True'])
def test_without_rviz2_nothing_starts_and_the_two_ways_on_are_named(line, monkeypatch):
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    said = refused(line, programs=WITHOUT_RVIZ)
    assert 'sudo apt install ros-jazzy-rviz2' in said
    assert 'rviz:=false' in said


def test_a_launch_file_that_includes_ours_has_arguments_of_its_own(tmp_path, monkeypatch):
    (tmp_path / 'robot.launch.py').write_text(
        'from launch import LaunchDescription\n'
        'from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription\n'
        'from launch.launch_description_sources import PythonLaunchDescriptionSource\n'
        'def generate_launch_description():\n'
        '    return LaunchDescription([\n'
        "        DeclareLaunchArgument('camera', default_value='a', description='another'),\n"
        f"        IncludeLaunchDescription(PythonLaunchDescriptionSource('{MULTICAM}'),\n"
        "            launch_arguments={'cameras': 'front'}.items())])\n"
    )
    monkeypatch.setattr('launch_double.LAUNCH', tmp_path)
    (node,) = ros2_launch('ros2 launch chromm_ros robot.launch.py camera:=b').nodes
    assert parameters_of(node)['cameras'] == ['front']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('/**: {ros__parameters: {sync_slopp: 0.05}}', 'unknown parameter sync_slopp; did you mean sync_slop?'),
        ('/other: {ros__parameters: {cameras: [x]}}', 'no parameter file for the node chromm'),
    ],
)
def test_a_file_that_the_capture_would_refuse_starts_nothing(tmp_path, text, words):
    (tmp_path / 'my rig ü.yaml').write_text(text)
    assert words in refused(f"multicam.launch.py rviz:=true config:='{tmp_path}/my rig ü.yaml'")


def test_config_argument_replaces_the_parameter_file(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    window_size: 2\n')
    (node,) = execute(MULTICAM, config=str(file)).nodes
    assert settings_of(node, Parameters()).capture.window_size == 2


def test_a_parameter_file_is_checked_with_the_arguments(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('chromm:\n  ros__parameters:\n    image_topic: image_raw\n')
    assert 'image_topic must contain {camera}' in refused(f'multicam.launch.py config:={file} cameras:=a,b')


def test_the_processes_end_with_the_launch():
    for node in execute(DEMO, rviz='false').nodes:
        assert node['environment'][PARENT_VARIABLE] == str(os.getpid())


def test_without_its_cameras_the_demo_ends():
    _, room = execute(DEMO, rviz='false').nodes
    assert 'cameras ended' in room['on_exit'].reason


def test_images_get_the_buffers_they_need(monkeypatch):
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE', raising=False)
    monkeypatch.delenv('FASTDDS_BUILTIN_TRANSPORTS', raising=False)
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    (profile,) = execute(MULTICAM).environment.values()
    assert Path(profile).is_file()
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', 'mine.xml')
    assert execute(MULTICAM).environment == {}, 'what the user chose stays'


def test_rviz_looks_at_the_namespace_the_world_and_the_time_of_the_capture():
    arguments = 'namespace:=r1 world_frame:=odom use_sim_time:=true rviz:=true namespaced_tf:=true'
    for view in launching.VIEWS:
        line = f'ros2 launch chromm_ros multicam.launch.py {arguments} rviz_config:={view}'
        capture, rviz = ros2_launch(line).nodes
        assert capture['namespace'] == rviz['namespace'] == '/r1'
        assert capture['remappings'] == rviz['remappings'] == [('/tf', 'tf'), ('/tf_static', 'tf_static')]
        assert rviz['parameters'] == [{'use_sim_time': True}]
        shown = yaml.safe_load(Path(rviz['arguments'][1]).read_text())['Visualization Manager']
        assert shown['Global Options']['Fixed Frame'] == 'odom'
        topics = [display['Topic']['Value'] for display in shown['Displays'] if 'Topic' in display]
        assert topics
        assert all(topic.startswith('/r1/chromm/') for topic in topics)


def test_world_and_time_of_a_parameter_file_reach_rviz(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    world_frame: odom\n    use_sim_time: true\n')
    _, rviz = ros2_launch(f'ros2 launch chromm_ros multicam.launch.py rviz:=true config:={file}').nodes
    shown = yaml.safe_load(Path(rviz['arguments'][1]).read_text())['Visualization Manager']
    assert shown['Global Options']['Fixed Frame'] == 'odom'
    assert rviz['parameters'] == [{'use_sim_time': True}]


@pytest.mark.parametrize(
    ('typed', 'pushed', 'full'),
    [('', '', '/'), ('r1', '', '/r1'), ('/r1/', '', '/r1'), ('r1', '/fleet', '/fleet/r1'), ('/r1', '/fleet', '/r1')],
)
def test_a_namespace_lies_inside_of_the_one_that_was_pushed(typed, pushed, full):
    given = f'namespace:={typed}' if typed else ''
    (node,) = ros2_launch(f'ros2 launch chromm_ros multicam.launch.py {given}', ros_namespace=pushed).nodes
    assert node['namespace'] == full


def test_demo_starts_room_and_capture_on_the_same_cameras():
    context = execute(
        DEMO, cameras='2', people='5', script='walks', seed='3', rate='7.5', extrinsics='estimated', rviz='false'
    )
    capture, room = context.nodes
    assert {capture['executable'], room['executable']} == {'capture', 'cameras'} <= executables()
    cameras = settings_of(room, CamerasSettings())
    assert (cameras.people, cameras.script, cameras.seed, cameras.rate) == (5, 'walks', 3, 7.5)
    chosen = settings_of(capture, Parameters())
    assert chosen.node.cameras == cameras.cameras == ('camera_0', 'camera_1')
    assert chosen.capture.extrinsics == 'estimated'


def test_two_demos_run_side_by_side_in_namespaces():
    for name in ('r1', 'r2'):
        line = f'ros2 launch chromm_ros demo.launch.py namespace:={name} world_frame:=odom namespaced_tf:=true'
        capture, rviz, room = ros2_launch(line).nodes
        assert capture['namespace'] == rviz['namespace'] == room['namespace'] == f'/{name}'
        assert capture['remappings'] == rviz['remappings'] == room['remappings'] != []
        assert settings_of(capture, Parameters()).node.world_frame == 'odom'
        assert settings_of(room, CamerasSettings()).world_frame == 'odom'


def test_demo_shows_rviz_unless_told_not_to():
    assert 'rviz2' in [node['package'] for node in execute(DEMO).nodes]
    assert 'rviz2' not in [node['package'] for node in execute(DEMO, rviz='0').nodes]


def test_words_that_the_launch_files_offer_are_those_of_the_settings():
    choices = {leaf.name: leaf.range.choices for leaf in parameter_leaves(Parameters())}
    for name, words in launching.CHOICES.items():
        assert words == ('', *choices[name])
    assert ('', *SCRIPTS) == launching.SCRIPTS


def test_every_parameter_is_in_the_file():
    values = flat(yaml.safe_load((ROOT / 'config' / 'multicam.yaml').read_text())['/**']['ros__parameters'])
    assert list(values) == [leaf.name for leaf in parameter_leaves(Parameters())]
