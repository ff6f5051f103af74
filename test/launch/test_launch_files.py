"""Both launch files, executed against a recording double: what they name exists, and what they declare is used."""

import configparser
from pathlib import Path

import pytest
import yaml
from launch_double import execute

from chromm_ros.ros.common.parameters import parameter_leaves, with_values
from chromm_ros.ros.common.settings import CamerasSettings, Parameters

ROOT = Path(__file__).resolve().parents[2]
MULTICAM = ROOT / 'launch' / 'multicam.launch.py'
DEMO = ROOT / 'launch' / 'demo.launch.py'


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


def test_multicam_starts_the_capture_with_the_parameter_file():
    (node,) = execute(MULTICAM).nodes
    assert (node['package'], node['executable'], node['name']) == ('chromm_ros', 'capture', 'chromm')
    assert node['executable'] in executables()
    assert settings_of(node, Parameters()) == Parameters()


def test_every_argument_of_multicam_reaches_the_capture():
    given = {
        'cameras': 'front, rear',
        'image_topic': '{camera}/color',
        'camera_info_topic': '{camera}/info',
        'image_transport': 'compressed',
        'preset': 'full',
        'weights': 'w.safetensors',
        'human_head': 'multi_hmr',
        'extrinsics': 'tf',
        'world_frame': 'odom',
    }
    context = execute(MULTICAM, namespace='robot1', use_sim_time='true', rviz='true', **given)
    capture, rviz = context.nodes
    assert set(context.declared) == context.used
    assert capture['namespace'] == 'robot1'
    values = parameters_of(capture)
    assert values['use_sim_time'] is True
    assert values['cameras'] == ['front', 'rear']
    assert {name: values[name] for name in given if name != 'cameras'} == {
        name: value for name, value in given.items() if name != 'cameras'
    }
    settings_of(capture, Parameters())
    assert (rviz['package'], rviz['executable']) == ('rviz2', 'rviz2')
    assert Path(rviz['arguments'][1]).is_file()


def test_config_argument_replaces_the_parameter_file(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    window_size: 2\n')
    (node,) = execute(MULTICAM, config=str(file)).nodes
    assert settings_of(node, Parameters()).capture.window_size == 2


def test_images_get_the_buffers_they_need(monkeypatch):
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE', raising=False)
    monkeypatch.delenv('FASTDDS_BUILTIN_TRANSPORTS', raising=False)
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    (profile,) = execute(MULTICAM).environment.values()
    assert Path(profile).is_file()
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', 'mine.xml')
    assert execute(MULTICAM).environment == {}, 'what the user chose stays'


def test_demo_starts_room_and_capture_on_the_same_cameras():
    context = execute(
        DEMO, cameras='2', people='5', script='walks', seed='3', rate='7.5', extrinsics='estimated', rviz='false'
    )
    assert set(context.declared) == context.used
    capture, room = context.nodes
    assert {capture['executable'], room['executable']} == {'capture', 'cameras'} <= executables()
    cameras = settings_of(room, CamerasSettings())
    assert (cameras.people, cameras.script, cameras.seed, cameras.rate) == (5, 'walks', 3, 7.5)
    chosen = settings_of(capture, Parameters())
    assert chosen.node.cameras == cameras.cameras == ('camera_0', 'camera_1')
    assert chosen.capture.extrinsics == 'estimated'


def test_demo_shows_rviz_unless_told_not_to():
    assert 'rviz2' in [node['package'] for node in execute(DEMO).nodes]


def test_unknown_argument_is_refused():
    with pytest.raises(RuntimeError, match='does not declare'):
        execute(MULTICAM, camera='front')


def test_every_parameter_is_in_the_file():
    values = flat(yaml.safe_load((ROOT / 'config' / 'multicam.yaml').read_text())['/**']['ros__parameters'])
    assert list(values) == [leaf.name for leaf in parameter_leaves(Parameters())]
