"""What chromm_ros relies on in message_filters."""

from message_filters import SimpleFilter, Subscriber
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from std_msgs.msg import String


def test_every_callback_gets_the_messages_and_its_own_arguments():
    heard = []
    source = SimpleFilter()
    source.registerCallback(lambda *given: heard.append(given), 'left')
    source.registerCallback(lambda *given: heard.append(given), 'right', 2)
    source.signalMessage('one', 'two')
    assert heard == [('one', 'two', 'left'), ('one', 'two', 'right', 2)]


def test_connections_are_numbered():
    source = SimpleFilter()
    assert [source.registerCallback(print) for _ in range(3)] == [0, 1, 2]


def test_subscriber_passes_messages_on(node, spin_until):
    heard = []
    subscriber = Subscriber(node, String, 'words')
    subscriber.registerCallback(heard.append)
    publisher = node.create_publisher(String, 'words', 10)
    assert isinstance(subscriber, SimpleFilter)
    assert subscriber.getTopic() == 'words'

    def arrived() -> bool:
        publisher.publish(String(data='hello'))
        return bool(heard)

    spin_until(arrived)
    assert heard[0].data == 'hello'


def test_subscriber_takes_the_options_of_a_subscription(node):
    subscriber = Subscriber(node, String, 'words', qos_profile=qos_profile_sensor_data)
    assert subscriber.sub.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert subscriber.topic_name.endswith('words')  # attributes of the subscription itself


def test_default_quality_of_service_is_ten_deep_and_reliable(node):
    profile: QoSProfile = Subscriber(node, String, 'words').sub.qos_profile
    assert profile.depth == 10
    assert profile.reliability == ReliabilityPolicy.RELIABLE
