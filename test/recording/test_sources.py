import cv2
import numpy as np
import pytest

from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_formats import read_cameras
from chromm_ros.recording.sources import FolderSource, ImageSource, VideoSource, open_source


def picture(value, width=64, height=48):
    return np.full((height, width, 3), (value, 0, 255 - value), np.uint8)  # RGB


def write_image(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture(value), cv2.COLOR_RGB2BGR))


def write_video(path, values, fps):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), fps, (64, 48))
    for value in values:
        writer.write(cv2.cvtColor(picture(value), cv2.COLOR_RGB2BGR))
    writer.release()


def red(image_set, view):
    return float(image_set.views[view].pixels[..., 0].mean())


def test_folders_pair_the_nth_files_and_go_on_when_one_camera_ends(tmp_path):
    for index in range(3):
        write_image(tmp_path / 'left' / f'{index:03}.png', 10 * index)
    for index in range(2):
        write_image(tmp_path / 'right' / f'{index:03}.png', 100 + 10 * index)
    source = open_source([tmp_path / 'left', tmp_path / 'right'], rate=5.0)
    sets = list(source)
    assert isinstance(source, FolderSource)
    assert source.count == len(sets) == 3
    assert [image_set.stamp for image_set in sets] == [0, 200_000_000, 400_000_000]
    assert red(sets[1], 'left') == 10
    assert red(sets[1], 'right') == 110
    assert list(sets[2].views) == ['left']


def test_videos_of_different_rates_are_read_at_the_same_times(tmp_path):
    write_video(tmp_path / 'slow.avi', [0, 40, 80, 120, 160], fps=5)
    write_video(tmp_path / 'fast.avi', [20 * index for index in range(10)], fps=10)
    source = open_source([tmp_path / 'slow.avi', tmp_path / 'fast.avi'])
    sets = list(source)
    assert isinstance(source, VideoSource)
    assert source.count == len(sets) == 5
    for image_set in sets:
        assert red(image_set, 'slow') == pytest.approx(red(image_set, 'fast'), abs=6)


def test_a_lower_rate_takes_fewer_images(tmp_path):
    write_video(tmp_path / 'one.avi', [10 * index for index in range(20)], fps=10)
    sets = list(open_source([tmp_path / 'one.avi'], rate=2.0))
    assert [image_set.stamp for image_set in sets] == [0, 500_000_000, 1_000_000_000, 1_500_000_000]


def test_single_images_are_views_of_one_instant_in_rgb(tmp_path):
    for name, value in (('a', 200), ('b', 50)):
        write_image(tmp_path / f'{name}.png', value)
    source = open_source([tmp_path / 'a.png', tmp_path / 'b.png'])
    (image_set,) = source
    assert isinstance(source, ImageSource)
    assert (red(image_set, 'a'), red(image_set, 'b')) == (200, 50)


def test_a_calibration_reaches_its_camera(tmp_path):
    write_image(tmp_path / 'a.png', 1)
    intrinsics = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
    write_cameras(tmp_path / 'cameras.json', {'a': CameraFile(intrinsics, np.eye(4), 64, 48)})
    (image_set,) = open_source([tmp_path / 'a.png'], calibration=read_cameras(tmp_path / 'cameras.json'))
    np.testing.assert_array_equal(image_set.views['a'].intrinsics, intrinsics)


def test_bad_inputs_are_named(tmp_path):
    write_image(tmp_path / 'a.png', 1)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(FileNotFoundError, match='gone'):
        open_source([tmp_path / 'gone'])
    with pytest.raises(ValueError, match='must be all'):
        open_source([tmp_path / 'a.png', tmp_path / 'empty'])
    with pytest.raises(ValueError, match='holds no images'):
        list(open_source([tmp_path / 'empty']))
    with pytest.raises(ValueError, match='cannot be opened as a video'):
        list(open_source([tmp_path / 'text.mp4']))


def test_what_to_give_instead_is_said(tmp_path):
    for name in ('left', 'right'):
        write_image(tmp_path / 'frames' / name / '1.png', 1)
    with pytest.raises(ValueError, match=r'give what is in it, one per camera: .*frames/left, .*frames/right'):
        list(open_source([tmp_path / 'frames']))
    parts = [tmp_path / 'walk_0.mcap', tmp_path / 'walk_1.mcap']
    for part in parts:
        part.write_bytes(b'')
    with pytest.raises(ValueError, match='are given as their folder'):
        open_source(parts)


@pytest.mark.parametrize('content', ['{}', 'not json', '{"cameras": {"a": {"intrinsics": [[1, 2], [3, 4]]}}}'])
def test_a_bad_camera_file_is_refused(tmp_path, content):
    path = tmp_path / 'cameras.json'
    path.write_text(content)
    with pytest.raises(ValueError, match='camera'):
        read_cameras(path)
