"""RViz cannot be installed everywhere: its configuration is held to what RViz 2 knows and to what is published."""

import math
from pathlib import Path

import pytest
import yaml
from geometry_msgs.msg import PoseArray
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray

from chromm_ros.ros.common.launching import VIEWS
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.outputs.markers import LIFETIME
from chromm_ros.ros.outputs.publishers import TOPICS

FILES = sorted((Path(__file__).parents[2] / 'rviz').glob('*.rviz'))
CONFIGS = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
DISPLAYS = {
    f'{name}: {display["Name"]}': display
    for name, config in CONFIGS.items()
    for display in config['Visualization Manager']['Displays']
}
SHOWN = {name: display for name, display in DISPLAYS.items() if 'Topic' in display}

COMMON = {'Class', 'Name', 'Enabled', 'Value', 'Topic'}
CLOUD = {
    'Color Transformer',
    'Position Transformer',
    'Style',
    'Size (m)',
    'Size (Pixels)',
    'Color',
    'Alpha',
    'Decay Time',
}
PROPERTIES = {
    'rviz_default_plugins/Grid': {'Cell Size', 'Plane Cell Count', 'Color', 'Reference Frame', 'Alpha'},
    'rviz_default_plugins/TF': {'Marker Scale', 'Show Arrows', 'Show Axes', 'Show Names', 'Frame Timeout'},
    'rviz_default_plugins/PointCloud2': CLOUD,
    'rviz_default_plugins/MarkerArray': {'Namespaces'},
    'rviz_default_plugins/PoseArray': {'Shape', 'Axes Length', 'Axes Radius', 'Alpha'},
}
"""What a display of RViz may be set to, of what is of use here; anything else would be silently ignored by it."""
MESSAGES = {
    'rviz_default_plugins/PointCloud2': PointCloud2,
    'rviz_default_plugins/MarkerArray': MarkerArray,
    'rviz_default_plugins/PoseArray': PoseArray,
}
TOOLS = {f'rviz_default_plugins/{name}' for name in ('MoveCamera', 'Select', 'FocusCamera', 'Measure', 'Interact')}


@pytest.mark.parametrize('display', DISPLAYS.values(), ids=DISPLAYS)
def test_every_display_is_one_of_rviz_with_properties_it_has(display):
    assert display['Class'] in PROPERTIES
    assert set(display) <= COMMON | PROPERTIES[display['Class']]


@pytest.mark.parametrize('display', SHOWN.values(), ids=SHOWN)
def test_every_topic_is_published_as_the_display_asks_for_it(display):
    wanted = display['Topic']
    kind, offered, _ = TOPICS[wanted['Value'].removeprefix('/chromm/')]
    assert wanted['Value'].startswith('/chromm/')
    assert MESSAGES[display['Class']] is kind
    assert wanted['History Policy'] == 'Keep Last'
    # What is asked for must not exceed what is offered; asking for less would miss the scene of a running capture.
    assert (wanted['Reliability Policy'] == 'Reliable') == (offered.reliability == ReliabilityPolicy.RELIABLE)
    assert (wanted['Durability Policy'] == 'Transient Local') == (
        offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    )


def enabled(name):
    displays = CONFIGS[name]['Visualization Manager']['Displays']
    return {display['Name']: display for display in displays if display['Enabled']}


def test_the_configurations_are_those_that_the_launch_files_offer():
    assert set(CONFIGS) == set(VIEWS)


def test_people_scene_and_cameras_are_shown_from_the_start_and_stay_in_sight():
    shown = enabled('multicam')
    assert {'Scene', 'People', 'Frames'} <= set(shown)
    assert shown['People']['Topic']['Value'] == '/chromm/markers', 'with the names of the cameras'
    # Walls and ceiling come into the picture within minutes: what is behind them must show through.
    assert shown['Scene']['Alpha'] <= 0.3
    assert shown['Scene']['Size (m)'] <= 0.01
    view = CONFIGS['multicam']['Visualization Manager']['Views']['Current']
    assert view['Class'] == 'rviz_default_plugins/Orbit'
    assert math.radians(45) <= view['Pitch'] <= math.radians(70), 'from above and in front'


def test_a_planner_sees_obstacles_cylinders_and_uncertainty_from_above():
    shown = enabled('planners')
    assert {'/chromm/planner_markers', '/chromm/obstacles'} <= {
        display['Topic']['Value'] for display in shown.values() if 'Topic' in display
    }
    view = CONFIGS['planners']['Visualization Manager']['Views']['Current']
    assert view['Class'] == 'rviz_default_plugins/TopDownOrtho'


@pytest.mark.parametrize('name', [name for name in SHOWN if name.endswith('Obstacles')])
def test_obstacles_vanish_when_images_stop_as_markers_do(name):
    assert 0 < SHOWN[name]['Decay Time'] <= LIFETIME['sec']


@pytest.mark.parametrize('name', CONFIGS)
def test_fixed_frame_tools_views_and_panels_are_those_of_the_capture_and_of_rviz(name):
    manager = CONFIGS[name]['Visualization Manager']
    assert manager['Global Options']['Fixed Frame'] == NodeSettings().world_frame
    assert {tool['Class'] for tool in manager['Tools']} <= TOOLS
    assert manager['Transformation']['Current']['Class'] == 'rviz_default_plugins/TF'
    assert {panel['Class'] for panel in CONFIGS[name]['Panels']} <= {'rviz_common/Displays', 'rviz_common/Views'}
