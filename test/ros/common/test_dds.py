"""The middleware gets buffers that hold images, unless the user has chosen others."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from chromm_ros.ros.common.dds import dds_environment, shared_file

SPACE = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'


def test_profile_is_valid_and_holds_several_images():
    (path,) = dds_environment({}).values()
    root = ElementTree.parse(path).getroot()
    declared = {element.text for element in root.iter(f'{SPACE}transport_id')}
    (participant,) = root.iter(f'{SPACE}participant')
    assert participant.get('is_default_profile') == 'true'
    assert {element.text for element in participant.iter(f'{SPACE}transport_id')} <= declared
    (segment,) = (int(element.text) for element in root.iter(f'{SPACE}segment_size'))
    assert segment >= 8 * 1280 * 720 * 3


@pytest.mark.parametrize(
    'environment',
    [
        {'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'},
        {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'},
        {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'},
    ],
)
def test_choice_of_the_user_stays(environment):
    assert dds_environment(environment) == {}


def test_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r'config/nothing\.yaml'):
        shared_file('config', 'nothing.yaml')
    assert Path(shared_file('config', 'multicam.yaml')).is_file()
