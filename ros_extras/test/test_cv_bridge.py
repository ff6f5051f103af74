"""What chromm_ros relies on in cv_bridge. These tests hold for the real cv_bridge of ROS 2 Jazzy too."""

import array

import cv2
import numpy as np
import pytest
from cv_bridge import CvBridge, CvBridgeError
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

BRIDGE = CvBridge()
COLOURS = ['bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8']
BAYER_CELLS = {'rggb': 'RGGB', 'bggr': 'BGGR', 'gbrg': 'GBRG', 'grbg': 'GRBG'}


def picture(height=12, width=16, channels=3, dtype=np.uint8, seed=0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, channels)
    if np.issubdtype(dtype, np.floating):
        return generator.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def flat(colour, height=8, width=8) -> np.ndarray:
    return np.full((height, width, len(colour)), colour, np.uint8)


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'mono16', 'bayer_rggb8', 'yuv422'])
def test_round_trip_of_named_encodings(encoding):
    dtype, channels = BRIDGE.encoding_to_dtype_with_channels(encoding)
    image = picture(channels=channels, dtype=np.dtype(dtype))
    message = BRIDGE.cv2_to_imgmsg(image, encoding)
    assert (message.encoding, message.height, message.width) == (encoding, 12, 16)
    assert message.step == 16 * channels * image.itemsize
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message), image)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize(
    ('name', 'dtype'),
    [
        ('8U', np.uint8),
        ('8S', np.int8),
        ('16U', np.uint16),
        ('16S', np.int16),
        ('32S', np.int32),
        ('32F', np.float32),
        ('64F', np.float64),
    ],
)
def test_round_trip_of_number_types(name, dtype, channels):
    image = picture(channels=channels, dtype=dtype)
    message = BRIDGE.cv2_to_imgmsg(image)
    assert message.encoding == f'{name}C{channels}'
    back = BRIDGE.imgmsg_to_cv2(message)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize(('dtype', 'encoding'), [(np.uint8, 'mono8'), (np.uint16, 'mono16'), (np.float32, '32FC3')])
def test_padding_at_the_end_of_rows_is_left_out(dtype, encoding):
    channels = BRIDGE.encoding_to_dtype_with_channels(encoding)[1]
    image = picture(height=5, width=7, channels=channels, dtype=dtype)
    rows = image.reshape(5, -1)
    padded = np.concatenate([rows, np.full((5, 3 * channels), 99, dtype)], axis=1)
    message = Image(height=5, width=7, encoding=encoding, step=padded.strides[0])
    message.data = array.array('B', padded.tobytes())
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message), image)


@pytest.mark.parametrize(('dtype', 'encoding'), [('u2', 'mono16'), ('i4', '32SC1'), ('f4', '32FC1'), ('f8', '64FC2')])
def test_both_byte_orders_are_read(dtype, encoding):
    channels = BRIDGE.encoding_to_dtype_with_channels(encoding)[1]
    image = picture(channels=channels, dtype=np.dtype(dtype))
    for order, big in (('<', 0), ('>', 1)):
        stored = image.astype(np.dtype(dtype).newbyteorder(order))
        message = Image(height=12, width=16, encoding=encoding, step=stored.strides[0], is_bigendian=big)
        message.data = array.array('B', stored.tobytes())
        read = BRIDGE.imgmsg_to_cv2(message)
        np.testing.assert_array_equal(read, image)
        assert read.dtype.isnative


def test_byte_order_is_written_down():
    image = picture(channels=1, dtype=np.uint16)
    for order, big in (('<', 0), ('>', 1)):
        message = BRIDGE.cv2_to_imgmsg(image.astype(f'{order}u2'), 'mono16')
        assert message.is_bigendian == big
        np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message), image)


@pytest.mark.parametrize('target', COLOURS)
@pytest.mark.parametrize('source', COLOURS)
def test_colours_keep_their_meaning(source, target):
    colours = {
        'bgr8': (10, 100, 200),
        'rgb8': (200, 100, 10),
        'bgra8': (10, 100, 200, 255),
        'rgba8': (200, 100, 10, 255),
        'mono8': (120,),
    }
    image = flat(colours[source])
    if source == 'mono8':
        image = image[:, :, 0]
    converted = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, source), target)
    if source == 'mono8':
        expected = {'mono8': 120, 'bgr8': (120,) * 3, 'rgb8': (120,) * 3}.get(target, (120, 120, 120, 255))
    elif target == 'mono8':
        expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 10)
    else:
        expected = colours[target]
    assert np.abs(converted.astype(int) - np.array(expected)).max() <= 1


@pytest.mark.parametrize('order', BAYER_CELLS)
def test_bayer_cells_give_back_the_colour(order):
    red, green, blue = 200, 100, 10
    value = {'R': red, 'G': green, 'B': blue}
    cell = np.array([value[name] for name in BAYER_CELLS[order]], np.uint8).reshape(2, 2)
    message = BRIDGE.cv2_to_imgmsg(np.tile(cell, (8, 8)), f'bayer_{order}8')
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message, 'bgr8')[4, 4], (blue, green, red))
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message, 'rgb8')[4, 4], (red, green, blue))


@pytest.mark.parametrize(('encoding', 'luma', 'first_chroma'), [('yuv422', 1, 0), ('yuv422_yuy2', 0, 1)])
def test_yuv_gives_back_the_colour(encoding, luma, first_chroma):
    image = np.full((8, 8, 2), 128, np.uint8)
    image[:, :, luma] = 126  # grey: video range luma of 128
    grey = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, encoding), 'bgr8')
    assert np.abs(grey.astype(int) - 128).max() <= 2
    image[:, 1::2, first_chroma] = 240  # V, the chroma of odd pixels: red
    red = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, encoding), 'rgb8')[4, 4].astype(int)
    assert red[0] > 200
    assert red[1] < 80
    np.testing.assert_allclose(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, encoding), 'mono8'), 126, atol=1)


def test_eight_and_sixteen_bits_are_scaled_into_each_other():
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    shallow = np.array([[0, 1, 128, 255]], np.uint8)
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(deep, 'mono16'), 'mono8'), shallow)
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(shallow, 'mono8'), 'mono16'), deep)
    grey = BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(deep, 'mono16'), 'bgr8')
    np.testing.assert_array_equal(grey, np.repeat(shallow[:, :, None], 3, axis=2))


def test_numbers_are_cast_with_saturation():
    depth = np.array([[0.4, 1.6, -3.0, 70000.0]], np.float32)
    message = BRIDGE.cv2_to_imgmsg(depth, '32FC1')
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(message, '16UC1'), [[0, 2, 0, 65535]])


@pytest.mark.parametrize(
    ('source', 'target'),
    [('8UC3', 'bgr8'), ('16UC1', 'mono8'), ('32FC1', 'bgr8'), ('bgr8', '8UC1'), ('8UC3', '8UC1')],
)
def test_conversions_without_a_meaning_are_refused(source, target):
    dtype, channels = BRIDGE.encoding_to_dtype_with_channels(source)
    message = BRIDGE.cv2_to_imgmsg(picture(channels=channels, dtype=np.dtype(dtype)), source)
    with pytest.raises(CvBridgeError):
        BRIDGE.imgmsg_to_cv2(message, target)


def test_passthrough_shares_the_bytes_and_a_conversion_does_not():
    message = BRIDGE.cv2_to_imgmsg(picture(), 'bgr8')
    same, copy = BRIDGE.imgmsg_to_cv2(message), BRIDGE.imgmsg_to_cv2(message, 'bgr8')
    before = int(same[0, 0, 0])
    message.data[0] = (before + 1) % 256
    assert same[0, 0, 0] == (before + 1) % 256
    assert copy[0, 0, 0] == before


def test_slices_of_arrays_are_written_correctly():
    image = picture(height=20, width=20)[2:18:2, 3:17]
    np.testing.assert_array_equal(BRIDGE.imgmsg_to_cv2(BRIDGE.cv2_to_imgmsg(image, 'bgr8')), image)


def test_header_is_taken_over():
    header = Header(frame_id='camera')
    header.stamp.sec = 7
    message = BRIDGE.cv2_to_imgmsg(picture(), 'bgr8', header)
    assert (message.header.frame_id, message.header.stamp.sec) == ('camera', 7)
    assert BRIDGE.cv2_to_imgmsg(picture(), 'bgr8').header == Header()


def test_wrong_input():
    with pytest.raises(TypeError):
        BRIDGE.cv2_to_imgmsg([[1, 2], [3, 4]])
    with pytest.raises(CvBridgeError, match='incompatible type'):
        BRIDGE.cv2_to_imgmsg(picture(channels=1), 'bgr8')
    with pytest.raises(CvBridgeError):
        BRIDGE.imgmsg_to_cv2(Image(height=1, width=1, step=1, encoding='nonsense', data=[0]))
    short = Image(height=4, width=4, step=12, encoding='bgr8', data=[0] * 10)
    with pytest.raises(TypeError):
        BRIDGE.imgmsg_to_cv2(short)


@pytest.mark.parametrize('channels', [1, 3])
def test_compressed_round_trip(channels):
    image = picture(channels=channels)
    message = BRIDGE.cv2_to_compressed_imgmsg(image, 'png')
    assert message.format == 'png'
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message), image)


def test_compressed_default_is_jpeg_and_colours_can_be_chosen():
    image = flat((10, 100, 200), 16, 16)
    message = BRIDGE.cv2_to_compressed_imgmsg(image)
    assert message.format == 'jpg'
    assert bytes(message.data[:2]) == b'\xff\xd8'
    decoded = BRIDGE.compressed_imgmsg_to_cv2(message)
    assert np.abs(decoded.astype(int) - image).max() <= 4
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message, 'rgb8'), decoded[:, :, ::-1])


def test_decodes_what_other_programs_wrote():
    image = picture()
    encoded = cv2.imencode('.png', image)[1]
    message = CompressedImage(format='bgr8; png compressed bgr8', data=encoded.tobytes())
    np.testing.assert_array_equal(BRIDGE.compressed_imgmsg_to_cv2(message, 'bgr8'), image)


BROKEN = CompressedImage(format='jpeg', data=b'not an image')


def test_bytes_that_are_no_image_give_none_where_nothing_is_converted():
    assert BRIDGE.compressed_imgmsg_to_cv2(BROKEN) is None
    assert BRIDGE.compressed_imgmsg_to_cv2(BROKEN, 'bgr8') is None


def test_bytes_that_are_no_image_cannot_be_converted():
    with pytest.raises(CvBridgeError):
        BRIDGE.compressed_imgmsg_to_cv2(BROKEN, 'rgb8')


def test_no_bytes_are_an_error_of_opencv():
    with pytest.raises(cv2.error):
        BRIDGE.compressed_imgmsg_to_cv2(CompressedImage(format='jpeg'), 'bgr8')
