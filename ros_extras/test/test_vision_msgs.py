"""The messages for detections are those of upstream, field by field, and survive the wire."""

from rclpy.serialization import deserialize_message, serialize_message
from vision_msgs.msg import BoundingBox3D, Detection3D, Detection3DArray, ObjectHypothesis, ObjectHypothesisWithPose

FIELDS = {
    ObjectHypothesis: {'class_id': 'string', 'score': 'double'},
    ObjectHypothesisWithPose: {
        'hypothesis': 'vision_msgs/ObjectHypothesis',
        'pose': 'geometry_msgs/PoseWithCovariance',
    },
    BoundingBox3D: {'center': 'geometry_msgs/Pose', 'size': 'geometry_msgs/Vector3'},
    Detection3D: {
        'header': 'std_msgs/Header',
        'results': 'sequence<vision_msgs/ObjectHypothesisWithPose>',
        'bbox': 'vision_msgs/BoundingBox3D',
        'id': 'string',
    },
    Detection3DArray: {'header': 'std_msgs/Header', 'detections': 'sequence<vision_msgs/Detection3D>'},
}


def test_fields_are_those_of_vision_msgs_4():
    for message, fields in FIELDS.items():
        assert list(message.get_fields_and_field_types().items()) == list(fields.items())


def test_an_array_survives_the_wire():
    result = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id='person', score=0.75))
    sent = Detection3DArray(detections=[Detection3D(id='7', results=[result])])
    sent.detections[0].bbox.size.z = 1.8
    assert deserialize_message(serialize_message(sent), Detection3DArray) == sent
