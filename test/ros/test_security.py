"""The SROS2 policy allows what the node offers, and stays in step with it."""

from pathlib import Path
from xml.etree import ElementTree

from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.nodes.services import SERVICES
from chromm_ros.ros.outputs.publishers import TOPICS

POLICIES = Path(__file__).resolve().parents[2] / 'security' / 'policies'


def allowed(policy, element, attribute):
    root = ElementTree.parse(POLICIES / policy).getroot()
    (group,) = (found for found in root.iter(element) if attribute in found.attrib)
    assert group.get(attribute) == 'ALLOW'
    return {child.text for child in group}


def test_capture_may_publish_its_topics_and_nothing_unknown():
    published = allowed('chromm.xml', 'topics', 'publish')
    assert {name for name in published if name.startswith('~/')} == {f'~/{name}' for name in TOPICS} | {
        '~/transition_event'
    }
    assert published - {name for name in published if name.startswith('~/')} == {
        '/rosout',
        '/parameter_events',
        '/diagnostics',
        '/tf',
    }


def test_capture_may_hear_its_cameras_and_tf():
    heard = allowed('chromm.xml', 'topics', 'subscribe')
    for camera in NodeSettings().cameras:
        assert {f'/{camera}/image', f'/{camera}/image/compressed', f'/{camera}/camera_info'} <= heard
    assert {'/tf', '/tf_static', '/clock'} <= heard


def test_capture_may_answer_its_services():
    assert {f'~/{name}' for name in SERVICES} <= allowed('chromm.xml', 'services', 'reply')


def test_synthetic_cameras_publish_what_the_capture_hears():
    images = {name for name in allowed('synthetic.xml', 'topics', 'publish') if name.startswith('/camera_')}
    assert images == {name for name in allowed('chromm.xml', 'topics', 'subscribe') if name.startswith('/camera_')}
