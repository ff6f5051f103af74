"""Parameters come from one table; the file, the descriptors and the refusals follow it."""

import re
from dataclasses import dataclass

import pytest
import rclpy
import yaml
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from std_msgs.msg import String

from chromm_ros.ros.common import qos
from chromm_ros.ros.common.parameters import (
    LoadsItsOwnDump,
    ParameterError,
    declare,
    descriptor,
    parameter_leaves,
    parameters_yaml,
    tables_markdown,
    updated,
    with_values,
)
from chromm_ros.ros.common.settings import CamerasSettings, Parameters, ViewerSettings
from chromm_ros.settings import setting


@dataclass(frozen=True)
class Few:
    gain: float = setting(0.5, 'How much.', unit='m', low=0.0, high=1.0, live=True)
    count: int = setting(3, 'How many.', low=1)
    mode: str = setting('a', 'Which way.', choices=('a', 'b'))
    names: tuple[str, ...] = setting(('x',), 'Who.')
    on: bool = setting(True, 'Whether.')


@pytest.fixture
def make_node():
    """Nodes with parameters as on a command line."""
    rclpy.init(args=[])
    nodes = []

    def make(*overrides):
        nodes.append(
            rclpy.create_node('few', parameter_overrides=[Parameter(name, value=value) for name, value in overrides])
        )
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown()


def test_file_holds_every_default_with_its_type():
    tree = yaml.safe_load(parameters_yaml())['/**']['ros__parameters']
    for leaf in parameter_leaves(Parameters()):
        value = tree
        for part in leaf.name.split('.'):
            value = value[part]
        assert (tuple(value) if isinstance(value, list) else value) == leaf.default
        assert isinstance(value, list if isinstance(leaf.default, tuple) else type(leaf.default))


def test_names_are_unique_and_documented():
    for settings in (Parameters(), CamerasSettings()):
        leaves = parameter_leaves(settings)
        assert len({leaf.name for leaf in leaves}) == len(leaves)
        assert all(leaf.help.endswith('.') for leaf in leaves)
        assert all(leaf.range.problem(leaf.default) is None for leaf in leaves)


def test_tables_name_every_parameter():
    text = tables_markdown()
    for leaf in (*parameter_leaves(Parameters()), *parameter_leaves(CamerasSettings())):
        assert f'`{leaf.name}`' in text


def test_declared_parameters_describe_themselves(make_node):
    node = make_node()
    assert declare(node, Few()) == Few()
    gain = node.describe_parameter('gain')
    assert gain.description == 'How much. [m]'
    assert (gain.floating_point_range[0].from_value, gain.floating_point_range[0].to_value) == (0.0, 1.0)
    assert node.describe_parameter('count').integer_range[0].from_value == 1
    assert 'one of a, b' in node.describe_parameter('mode').additional_constraints


def test_values_of_the_user_arrive(make_node):
    node = make_node(('gain', 0.25), ('names', ['y', 'z']), ('on', False))
    assert declare(node, Few()) == Few(gain=0.25, names=('y', 'z'), on=False)


@pytest.mark.parametrize(
    ('name', 'value', 'text'),
    [
        ('gain', 2.0, 'gain'),
        ('gain', 'high', 'gain'),
        ('count', 0, 'count'),
        ('mode', 'c', 'must be one of a, b'),
        ('gian', 0.1, 'did you mean gain'),
    ],
)
def test_wrong_values_of_the_user_are_refused_in_one_sentence(make_node, name, value, text):
    with pytest.raises(ParameterError, match=text):
        declare(make_node((name, value)), Few())


def test_parameters_of_ros_itself_pass(make_node):
    node = make_node(('use_sim_time', True), ('qos_overrides./x.publisher.depth', 3))
    assert declare(node, Few()) == Few()


def test_only_live_settings_change_while_running():
    assert updated(Few(), [Parameter('gain', value=0.75)], running=True).gain == 0.75
    with pytest.raises(ParameterError, match='clean up first'):
        updated(Few(), [Parameter('count', value=5)], running=True)
    assert updated(Few(), [Parameter('count', value=5)], running=False).count == 5


def test_refused_change_changes_nothing():
    with pytest.raises(ParameterError, match='gain is 7'):
        updated(Few(), [Parameter('mode', value='b'), Parameter('gain', value=7.0)], running=False)


def test_both_halves_of_the_node_parameters_can_be_set():
    chosen = with_values(Parameters(), {'min_views': 2, 'window_size': 6, 'identity.memory': 3.0})
    assert (chosen.node.min_views, chosen.capture.window_size, chosen.capture.identity.memory) == (2, 6, 3.0)
    with pytest.raises(ParameterError, match='unknown setting'):
        with_values(Parameters(), {'window': 6})


def test_an_integrator_is_offered_few_parameters():
    assert len(parameter_leaves(Parameters())) <= 50


@pytest.mark.parametrize(
    'settings', [Parameters(), CamerasSettings(), ViewerSettings()], ids=lambda s: type(s).__name__
)
def test_every_description_makes_sense_alone(settings):
    for leaf in parameter_leaves(settings):
        about = descriptor(leaf).description
        assert not re.match(r'(The same|Limit of that|Added to|It |This |That |Of )', about), leaf.name
        assert len(about.split()) >= 4, leaf.name
        assert leaf.unit in about, leaf.name


class Loading(LoadsItsOwnDump, rclpy.node.Node):
    def __init__(self, settings):
        super().__init__('loading')
        self.settings = declare(self, settings)
        self.add_on_set_parameters_callback(self.on_parameters)
        self.create_publisher(String, '~/text', 10, qos_overriding_options=qos.overridable())

    def on_parameters(self, parameters):
        try:
            self.settings = updated(self.settings, parameters, running=True)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


@pytest.mark.parametrize(
    'settings', [Parameters(), CamerasSettings(), ViewerSettings()], ids=lambda s: type(s).__name__
)
def test_a_running_node_loads_what_was_dumped_of_it(make_node, settings):
    node = Loading(settings)
    dumped = yaml.safe_dump({name: _plain(node.get_parameter(name).value) for name in node._parameters})
    loaded = [Parameter(name, value=value) for name, value in yaml.safe_load(dumped).items()]
    assert any(node.describe_parameter(parameter.name).read_only for parameter in loaded)
    for parameter in loaded:  # one by one, as the service of ros2 param load does
        result = node.set_parameters_atomically([parameter])
        assert result.successful, f'{parameter.name}: {result.reason}'
    assert node.settings == settings
    depth = next(parameter for parameter in loaded if parameter.name.endswith('publisher.depth'))
    assert not node.set_parameters_atomically([Parameter(depth.name, value=depth.value + 1)]).successful
    fixed = next(leaf for leaf in parameter_leaves(settings) if not leaf.live and isinstance(leaf.default, str))
    changed = node.set_parameters_atomically([Parameter(fixed.name, value=f'{fixed.default}x')])
    assert not changed.successful
    assert fixed.name in changed.reason
    node.destroy_node()


def _plain(value):
    return list(value) if not isinstance(value, (str, int, float, bool)) else value


@pytest.mark.parametrize(
    ('name', 'value', 'expected'),
    [
        ('names', [True, False], 'YAML reads y, n'),
        ('names', 'x', 'a list of names expected'),
        ('names', [1, 2], 'a list of names expected'),
        ('mode', True, 'YAML reads y, n'),
        ('mode', 1, 'a text expected'),
        ('gain', 1, 'a number with a decimal point expected'),
        ('count', 1.5, 'a whole number expected'),
        ('on', 'perhaps', 'true or false expected'),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_is_expected(make_node, name, value, expected):
    with pytest.raises(ParameterError, match=f'^{name} is .*{expected}'):
        declare(make_node((name, value)), Few())
