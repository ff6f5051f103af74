"""Cameras are found by the names that drivers use, and by those that the settings give, as the node reads them."""

import pytest

from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.recording.bag_topics import find_cameras, other_pictures, output_topics, tf_topics
from chromm_ros.recording.bags import Topic

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
INFO, TF = 'sensor_msgs/msg/CameraInfo', 'tf2_msgs/msg/TFMessage'


def topics(*names):
    """Types by the endings of the names."""
    found = []
    for name in names:
        kind = IMAGE
        if name.endswith(('/compressed', '/compressedDepth')):
            kind = COMPRESSED
        elif name.endswith('camera_info'):
            kind = INFO
        elif name.endswith(('/tf', '/tf_static')):
            kind = TF
        found.append(Topic(name, kind))
    return found


def found(*names, given=(), namespace='', **settings):
    cameras = find_cameras(topics(*names), IntakeSettings(**settings), {*given, *settings}, namespace)
    return {camera.name: camera.topic for camera in cameras}


@pytest.mark.parametrize(
    'pattern',
    [
        '/{}/image',
        '/{}/image_raw',
        '/{}/image_color',
        '/{}/image_rect_color',
        '/{}/image/compressed',
        '/{}/image_raw/compressed',
        '/camera/{}/color/image_raw',
        '/camera/{}/color/image_raw/compressed',
        '/robot1/{}/image_raw',
        '/sensors/cameras/{}/image_rect_color/compressed',
        '/{}/rgb/image_raw',
        '/{}',
    ],
)
def test_usual_names_are_found(pattern):
    names = ('front', 'left', 'rear_2')
    assert found(*(pattern.format(name) for name in names)) == {name: pattern.format(name) for name in names}


@pytest.mark.parametrize(
    ('topic', 'name'),
    [
        ('/camera/camera/color/image_raw', 'camera'),
        ('/image_raw', 'camera'),
        ('/usb_cam/image_raw/compressed', 'usb_cam'),
        ('/CAM_FRONT/image_rect_compressed', 'CAM_FRONT'),
        ('/zed/zed_node/rgb/image_rect_color', 'zed_node'),
        ('/robot1/front/image', 'front'),
    ],
)
def test_a_single_camera_gets_a_short_name(topic, name):
    assert found(topic) == {name: topic}


@pytest.mark.parametrize(
    'other',
    [
        '/front/depth/image_raw',
        '/front/aligned_depth_to_color/image_raw',
        '/front/image_raw/compressedDepth',
        '/front/disparity/image',
        '/front/confidence/image',
        '/front/semantic_segmentation/image',
        '/front/image_raw/theora',
    ],
)
def test_topics_without_colour_are_no_cameras(other):
    assert found('/front/image_raw', '/left/image_raw', other) == {
        'front': '/front/image_raw',
        'left': '/left/image_raw',
    }


def test_of_several_streams_of_a_camera_the_raw_original_is_taken():
    streams = ('image_raw', 'image_raw/compressed', 'image_rect', 'image_mono')
    assert found(*(f'/{name}/{stream}' for name in ('a', 'b') for stream in streams)) == {
        'a': '/a/image_raw',
        'b': '/b/image_raw',
    }


REALSENSE = [
    *(
        '/camera/camera/color/image_raw',
        '/camera/camera/color/image_rect_raw',
        '/camera/camera/infra1/image_rect_raw',
    ),
    *('/camera/camera/infra2/image_rect_raw', '/camera/camera/depth/image_rect_raw'),
    '/camera/camera/aligned_depth_to_color/image_raw',
]
ZED = [
    *(f'/zed/zed_node/{lens}/image_rect_color' for lens in ('left', 'right', 'rgb', 'stereo')),
    *(
        '/zed/zed_node/left/camera_info',
        '/zed/zed_node/left_raw/image_raw_color',
        '/zed/zed_node/depth/depth_registered',
    ),
    *('/zed/zed_node/left_gray/image_rect_gray', '/zed/zed_node/confidence/confidence_map'),
]
OAK = [
    *(f'/oak/{lens}/image_raw' for lens in ('rgb', 'left', 'right', 'stereo', 'nn/passthrough')),
    *('/oak/rgb/preview/image_raw', '/oak/rgb/image_raw/compressed'),
]
CLEARPATH = [f'/a200/sensors/camera_{n}/color/{stream}' for n in (0, 1) for stream in ('image', 'compressed')]
HAWK = ['/front_stereo_camera/left/image_raw', '/front_stereo_camera/left/image_compressed', '/rear/left/image_raw']


@pytest.mark.parametrize(
    ('names', 'cameras'),
    [
        (REALSENSE, {'camera': '/camera/camera/color/image_raw'}),
        (ZED, {name: f'/zed/zed_node/{name}/image_rect_color' for name in ('left', 'right')}),
        (['/zed/zed_node/rgb/color/rect/image', '/zed/zed_node/left/gray/rect/image'], {'zed_node': 0}),
        (OAK, {name: f'/oak/{name}/image_raw' for name in ('rgb', 'left', 'right')}),
        (CLEARPATH, {'camera_0': CLEARPATH[0], 'camera_1': CLEARPATH[2]}),
        (HAWK, {'front_stereo_camera': HAWK[0], 'rear': HAWK[2]}),
        (['/k4a/rgb/image_raw', '/k4a/ir/image_raw', '/k4a/depth_to_rgb/image_raw'], {'k4a': 0}),
        (['/robot1/oakd/rgb/preview/image_raw', '/robot1/oakd/stereo/image_raw'], {'oakd': 0}),
        (['/front/resize/image_raw', '/front/image_raw', '/front/image_crop', '/front/image_resized'], {'front': 1}),
        (['/front/image_raw/zstd', '/front/image_raw', '/front/image_raw/ffmpeg'], {'front': 1}),
        (['/front/detections/image', '/front/image', '/yolo/dbg_image', '/people_overlay'], {'front': 1}),
        (['/cam/infra1/image_rect_raw', '/cam/infra2/image_rect_raw'], {'infra1': 0, 'infra2': 1}),
    ],
)
def test_one_lens_is_one_camera_however_many_streams_it_sends(names, cameras):
    assert found(*names) == {name: names[t] if isinstance(t, int) else t for name, t in cameras.items()}


def test_what_was_not_taken_for_a_camera_is_known():
    every = [*topics(*REALSENSE, '/front/overlay'), Topic('/rear/h264', 'foxglove_msgs/msg/CompressedVideo')]
    assert other_pictures(every, find_cameras(every, IntakeSettings(), ())) == (
        '/camera/camera/infra1/image_rect_raw',
        '/camera/camera/infra2/image_rect_raw',
        '/front/overlay',
        '/rear/h264',
    )


def test_a_camera_that_is_named_may_be_called_anything():
    assert found('/mask_station/image', '/ir/image', cameras=('mask_station', 'ir')) == {
        'mask_station': '/mask_station/image',
        'ir': '/ir/image',
    }


def test_encoded_video_is_named_where_a_bag_holds_nothing_else():
    packets = [Topic('/front/image_raw/ffmpeg', 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket')]
    with pytest.raises(ValueError, match=r'/front/image_raw/ffmpeg .* is encoded video.*republish'):
        find_cameras(packets, IntakeSettings(), ())


def test_a_raw_and_a_compressed_camera_stand_side_by_side():
    cameras = find_cameras(topics('/a/image', '/b/image/compressed'), IntakeSettings(), ())
    assert [(camera.name, camera.transport) for camera in cameras] == [('a', 'raw'), ('b', 'compressed')]


def test_images_that_arrive_rectified_are_known_by_their_name():
    cameras = find_cameras(topics('/a/image_rect_color', '/b/image_raw'), IntakeSettings(), ())
    assert [(camera.name, camera.rectified) for camera in cameras] == [('a', True), ('b', False)]


@pytest.mark.parametrize('place', ['/a/camera_info', '/a/color/camera_info', '/a/color/image_raw/camera_info'])
def test_the_calibration_is_found_beside_the_images(place):
    (camera,) = find_cameras(topics('/a/color/image_raw', place), IntakeSettings(), ())
    assert camera.info_topic == place


def test_named_cameras_are_taken_in_the_order_of_the_rig():
    names = ('/left/image', '/front/image', '/rear/image')
    assert list(found(*names, cameras=('rear', 'front'))) == ['rear', 'front']


def test_a_pattern_names_the_cameras_when_nobody_does():
    names = ('/camera/a/color/image_raw', '/camera/b/color/image_raw', '/lidar/image')
    assert found(*names, image_topic='/camera/{camera}/color/image_raw') == {'a': names[0], 'b': names[1]}


def test_relative_names_lie_in_the_namespace():
    names = ('/robot1/front/image', '/robot2/front/image')
    assert found(*names, cameras=('front',), namespace='/robot2') == {'front': '/robot2/front/image'}
    assert found(*names, namespace='robot1') == {'front': '/robot1/front/image'}
    assert len(found(*names)) == 2


def test_transports_of_each_camera_are_kept():
    names = [f'/{name}/image{suffix}' for name in 'ab' for suffix in ('', '/compressed')]
    chosen = found(*names, cameras=('a', 'b'), image_transports=('compressed', 'raw'))
    assert chosen == {'a': '/a/image/compressed', 'b': '/b/image'}


def test_cameras_that_are_missing_are_named_with_what_there_is():
    with pytest.raises(ValueError, match=r'/camera_0/image.*it has /front/image_raw'):
        found('/front/image_raw', cameras=('camera_0',))


def test_a_bag_without_images_says_so():
    with pytest.raises(ValueError, match='no colour images'):
        found('/tf')


def test_transforms_are_taken_from_the_namespaces_of_the_cameras():
    names = ('/tf', '/tf_static', '/robot1/tf', '/robot1/tf_static', '/robot2/tf_static')
    cameras = find_cameras(topics('/robot1/front/image'), IntakeSettings(), ())
    assert tf_topics(topics(*names), cameras, ()) == {
        '/tf': False,
        '/tf_static': True,
        '/robot1/tf': False,
        '/robot1/tf_static': True,
    }
    assert tf_topics(topics(*names), cameras, ('/robot2/tf_static',)) == {'/robot2/tf_static': True}


@pytest.mark.parametrize('space', ['', '/robot1', '/fleet/robot_2'])
@pytest.mark.parametrize('node', ['chromm', 'people'])
def test_outputs_of_an_earlier_capture_are_known_in_any_namespace(space, node):
    own = [Topic(f'{space}/{node}/humans', 'chromm_ros/msg/HumanArray'), Topic(f'{space}/{node}/scene', 'x/msg/Y')]
    others = topics(f'{space}/front/image', '/tf')
    assert output_topics([*own, *others, Topic('/diagnostics', 'd/msg/D')]) == {
        f'{space}/{node}/humans',
        f'{space}/{node}/scene',
        '/diagnostics',
    }
