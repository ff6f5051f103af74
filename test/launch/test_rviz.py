"""RViz cannot be installed everywhere: its configuration is held to what RViz 2 knows and to what is published."""

from pathlib import Path

import pytest
import yaml
from geometry_msgs.msg import PoseArray
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray

from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.outputs.publishers import TOPICS

CONFIG = yaml.safe_load((Path(__file__).parents[2] / 'rviz' / 'multicam.rviz').read_text())
MANAGER = CONFIG['Visualization Manager']
SHOWN = {display['Name']: display for display in MANAGER['Displays'] if 'Topic' in display}

COMMON = {'Class', 'Name', 'Enabled', 'Value', 'Topic'}
CLOUD = {'Color Transformer', 'Position Transformer', 'Style', 'Size (m)', 'Size (Pixels)', 'Color', 'Alpha'}
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


@pytest.mark.parametrize('display', MANAGER['Displays'], ids=lambda display: display['Name'])
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


def test_scene_people_and_cameras_are_shown_from_the_start():
    assert {'Scene', 'People'} <= {name for name, display in SHOWN.items() if display['Enabled']}
    assert any(display['Class'].endswith('/TF') and display['Enabled'] for display in MANAGER['Displays'])


def test_the_fixed_frame_is_the_world_of_the_capture():
    assert MANAGER['Global Options']['Fixed Frame'] == NodeSettings().world_frame


def test_tools_views_and_panels_are_those_of_rviz():
    assert {tool['Class'] for tool in MANAGER['Tools']} <= TOOLS
    assert MANAGER['Views']['Current']['Class'] == 'rviz_default_plugins/Orbit'
    assert MANAGER['Transformation']['Current']['Class'] == 'rviz_default_plugins/TF'
    assert {panel['Class'] for panel in CONFIG['Panels']} <= {'rviz_common/Displays', 'rviz_common/Views'}
