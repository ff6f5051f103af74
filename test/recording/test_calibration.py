"""Calibrations of other programs are read and written; cameras that cannot be are refused by name."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from chromm_ros.apps.calibration import WRITERS, convert
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_checks import pose_problem, suspicions
from chromm_ros.recording.calibration_formats import read_cameras, write_toml
from chromm_ros.recording.calibration_yaml import write_ros


def ring(count=4, height=2.0):
    """Poses (4, 4) of cameras around a place that they look at."""
    poses = []
    for angle in 2 * np.pi * np.arange(count) / count:
        centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), height])
        forward = (np.array([0, 0, 1.0]) - centre) / np.linalg.norm(np.array([0, 0, 1.0]) - centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = np.stack([right, np.cross(forward, right), forward], 1), centre
        poses.append(pose)
    return poses


def rig(**changes):
    matrix = np.array([[610.0, 0, 321.5], [0, 615.0, 242.25], [0, 0, 1]])
    fields = {'distortion': (-0.2, 0.05, 0.001, -0.002), **changes}
    return {f'cam{k}': CameraFile(matrix, pose, 640, 480, **fields) for k, pose in enumerate(ring())}


def same(one, other, poses=True):
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_allclose(other[name].intrinsics, one[name].intrinsics, atol=1e-6)
        assert (other[name].width, other[name].height) == (640, 480)
        assert list(other[name].distortion[:4]) == pytest.approx(list(one[name].distortion[:4]))
        if poses:
            np.testing.assert_allclose(other[name].world_from_camera, one[name].world_from_camera, atol=1e-5)


@pytest.mark.parametrize('model', ['plumb_bob', 'equidistant'])
@pytest.mark.parametrize('kind', ['json', 'toml', 'opencv', 'colmap', 'ros', 'kalibr'])
def test_what_is_written_is_read_again(tmp_path, kind, model):
    cameras = rig(distortion_model=model)
    endings = {'json': '.json', 'toml': '.toml', 'opencv': '.yml', 'kalibr': '.yaml'}
    path = tmp_path / f'cameras{endings.get(kind, "")}'
    WRITERS[kind](path, cameras)
    found = read_cameras(path)
    if kind == 'kalibr':  # its world is the first camera
        first = cameras['cam0'].world_from_camera
        found = {
            name: CameraFile(c.intrinsics, first @ c.world_from_camera, c.width, c.height, c.distortion)
            for name, c in found.items()
        }
    same(cameras, found, poses=kind != 'ros')


def test_the_command_converts_and_says_what_it_read(tmp_path, capsys):
    write_cameras(tmp_path / 'cameras.json', rig())
    assert convert(tmp_path / 'cameras.json', tmp_path / 'Calib.toml') == 0
    assert 'cam2: 640 x 480, focal length 610.0 px, plumb_bob' in capsys.readouterr().out
    assert convert(tmp_path / 'Calib.toml', tmp_path / 'model') == 0
    same(rig(), read_cameras(tmp_path / 'model'))
    with pytest.raises(FileExistsError):
        convert(tmp_path / 'cameras.json', tmp_path / 'Calib.toml')


def test_projections_agree_with_opencv_for_pose2sim(tmp_path):
    """The rotation and translation of Calib.toml are what cv2.projectPoints takes."""
    turn, move = np.array([0.3, -0.2, 0.1]), np.array([0.1, 0.2, 3.0])
    (tmp_path / 'Calib.toml').write_text(
        '[cam_01]\nname = "left"\nsize = [640.0, 480.0]\nmatrix = [[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], '
        f'[0.0, 0.0, 1.0]]\ndistortions = [0.0, 0.0, 0.0, 0.0]\nrotation = {turn.tolist()}\n'
        f'translation = {move.tolist()}\nfisheye = false\n\n[metadata]\nadjusted = false\n'
    )
    camera = read_cameras(tmp_path / 'Calib.toml')['left']
    points = np.random.default_rng(0).uniform(-1, 1, (5, 3))
    matrix = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    expected = cv2.projectPoints(points, turn, move, matrix, None)[0][:, 0]
    local = (np.linalg.inv(camera.world_from_camera) @ np.c_[points, np.ones(5)].T)[:3]
    pixels = (camera.intrinsics @ local)[:2] / local[2]
    np.testing.assert_allclose(pixels.T, expected + 0.5, atol=1e-6)


def test_a_ros_calibration_is_read(tmp_path):
    (tmp_path / 'front.yaml').write_text(
        yaml.safe_dump(
            {
                'image_width': 640,
                'image_height': 480,
                'camera_name': 'front',
                'camera_matrix': {'rows': 3, 'cols': 3, 'data': [600.0, 0, 320, 0, 600, 240, 0, 0, 1]},
                'distortion_model': 'plumb_bob',
                'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0.1, 0, 0, 0, 0]},
            }
        )
    )
    (camera,) = read_cameras(tmp_path / 'front.yaml').values()
    assert camera.intrinsics[0, 2] == 320.5
    assert camera.world_from_camera is None


def test_a_stereo_pair_of_opencv_is_read(tmp_path):
    storage = cv2.FileStorage(str(tmp_path / 'stereo.yml'), cv2.FILE_STORAGE_WRITE)
    matrix = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    for key, value in {'M1': matrix, 'D1': np.zeros((1, 5)), 'M2': matrix, 'D2': np.zeros((1, 5))}.items():
        storage.write(key, value)
    storage.write('R', np.eye(3))
    storage.write('T', np.array([[-0.2], [0], [0]]))
    storage.release()
    found = read_cameras(tmp_path / 'stereo.yml')
    np.testing.assert_allclose(found['right'].world_from_camera[:3, 3], [0.2, 0, 0])


def turned(pose, change):
    made = pose.copy()
    made[:3, :3] = change(made[:3, :3])
    return made


POSES = {
    'transposed': (lambda pose: pose.T, 'transposed'),
    'mirrored': (lambda pose: pose @ np.diag([1.0, -1, 1, 1]), 'mirrored'),
    'scaled': (lambda pose: turned(pose, lambda r: 1000 * r), 'scales by 1000'),
    'sheared': (lambda pose: turned(pose, lambda r: r + np.outer([0.1, 0, 0], [0, 1, 0])), 'not square'),
    'not finite': (lambda pose: pose * np.nan, 'finite'),
    'projective': (lambda pose: pose + np.outer([0, 0, 0, 1], [0.1, 0, 0, 0]), 'last row'),
}


@pytest.mark.parametrize('wrong', POSES)
def test_poses_that_are_no_rigid_motion_are_refused_by_name(tmp_path, wrong):
    change, words = POSES[wrong]
    cameras = rig()
    matrix, pose = cameras['cam2'].intrinsics, change(cameras['cam2'].world_from_camera)
    content = {'cameras': {'cam2': {'intrinsics': matrix.tolist(), 'world_from_camera': pose.tolist()}}}
    (tmp_path / 'cameras.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words) as caught:
        read_cameras(tmp_path / 'cameras.json')
    assert "'cam2'" in str(caught.value)


@pytest.mark.parametrize(
    ('matrix', 'words'),
    [
        ([[-600, 0, 320], [0, 600, 240], [0, 0, 1]], 'focal lengths'),
        ([[600, 0, 320], [0, 0, 240], [0, 0, 1]], 'focal lengths'),
        ([[600, 0, 700], [0, 600, 240], [0, 0, 1]], 'outside of its image'),
        ([[600, 0, 320], [0, 600, -3], [0, 0, 1]], 'outside of its image'),
        ([[600, 0, 0], [0, 600, 0], [320, 240, 1]], 'transposed'),
        ([[1.1, 0, 0.5], [0, 1.4, 0.5], [0, 0, 1]], 'relative to the width'),
        ([[600, 0], [0, 600]], '3 x 3'),
        (['a', 'b', 'c'], 'numbers'),
    ],
)
def test_intrinsics_that_no_camera_has_are_refused_by_name(tmp_path, matrix, words):
    content = {'cameras': {'front': {'intrinsics': matrix, 'width': 640, 'height': 480}}}
    (tmp_path / 'cameras.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words) as caught:
        read_cameras(tmp_path / 'cameras.json')
    assert "'front'" in str(caught.value)


def posed(poses):
    return {f'cam{k}': CameraFile(None, pose) for k, pose in enumerate(poses)}


@pytest.mark.parametrize('turn', [(0, 0, 0), (40, 0, 0), (200, 0, 0), (0, 90, 0), (30, 0, -90), (0, 180, 0)])
def test_inverted_rigs_are_recognised_whatever_axis_of_the_world_is_up(turn):
    world = np.eye(4)
    world[:3, :3] = Rotation.from_euler('zyx', turn, degrees=True).as_matrix()
    world[:3, 3] = [1.0, -2.0, 0.5]
    poses = [world @ pose for pose in ring()]
    assert not suspicions(posed(poses))
    assert 'inverted' in suspicions(posed([np.linalg.inv(pose) for pose in poses]))[0]


def test_rigs_in_millimetres_and_without_places_are_recognised():
    assert 'millimetres' in suspicions(posed([pose * [[1, 1, 1, 1000]] for pose in ring()]))[0]
    assert 'same place' in suspicions(posed([pose * [[1, 1, 1, 0]] + np.diag([0, 0, 0, 1]) for pose in ring()]))[0]


def test_usual_rigs_are_nothing_to_talk_about():
    stereo = [np.eye(4), np.eye(4)]
    stereo[1] = stereo[1].copy()
    stereo[1][0, 3] = 0.2
    outward = [turned(pose, lambda r: r @ np.diag([-1.0, 1, -1])) for pose in ring()]
    for poses in (ring(), ring(2), ring(8, 3.5), stereo, outward):
        assert not suspicions(posed(poses))
        assert not any(pose_problem(pose) for pose in poses)


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('a.json', 'not json'),
        ('a.json', '[]'),
        ('a.toml', 'x = ['),
        ('a.toml', 'title = "no cameras"'),
        ('a.yaml', 'a: [1'),
        ('a.yaml', 'a: 1'),
        ('a.yml', '%YAML:1.0\n---\nnothing: 1\n'),
        ('images.txt', '1 PINHOLE 640 480 1 2 3\n'),
        ('a.json', '{"cameras":' * 2000),
        ('a.json', '{"cameras": {"a": {"distortion": "abc"}}}'),
        ('a.yaml', 'camera_matrix: {data: [1, 0, 1, 0, 1, 1, 0, 0, 1]}\nimage_width: wide\n'),
    ],
)
def test_files_that_hold_no_cameras_are_one_line(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match='camera') as caught:
        read_cameras(tmp_path / name)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('kind', ['json', 'toml', 'opencv', 'ros'])
def test_what_is_not_known_is_not_invented(tmp_path, kind):
    endings = {'json': '.json', 'toml': '.toml', 'opencv': '.yml'}
    path = tmp_path / f'cameras{endings.get(kind, "")}'
    WRITERS[kind](path, {name: replace(camera, world_from_camera=None) for name, camera in rig().items()})
    found = read_cameras(path)
    assert list(found) == list(rig())
    assert all(camera.world_from_camera is None for camera in found.values())


def test_a_conversion_says_what_a_format_has_no_place_for(tmp_path, capsys):
    cameras = rig()
    cameras['cam1'] = replace(cameras['cam1'], world_from_camera=None)
    write_cameras(tmp_path / 'cameras.json', cameras)
    assert convert(tmp_path / 'cameras.json', tmp_path / 'model') == 0
    said = capsys.readouterr().out
    assert 'note: cam1 is left out: colmap needs its world_from_camera' in said
    assert '3 cameras written' in said
    assert list(read_cameras(tmp_path / 'model')) == ['cam0', 'cam2', 'cam3']
    write_cameras(tmp_path / 'none.json', {'cam1': cameras['cam1']})
    with pytest.raises(ValueError, match='kalibr needs its world_from_camera'):
        convert(tmp_path / 'none.json', tmp_path / 'none.yaml', to='kalibr')


def test_a_conversion_makes_metres_of_millimetres(tmp_path, capsys):
    far = {name: replace(c, world_from_camera=c.world_from_camera * [[1, 1, 1, 1000]]) for name, c in rig().items()}
    for name in far:
        far[name].world_from_camera[3, 3] = 1.0
    write_toml(tmp_path / 'mm.toml', far)
    convert(tmp_path / 'mm.toml', tmp_path / 'Calib.toml', scale=0.001)
    assert 'millimetres' not in capsys.readouterr().out
    same(rig(), read_cameras(tmp_path / 'Calib.toml'))


@pytest.mark.parametrize('name', ['robot1/front', 'Kamera "links" ä', 'cam 1', 'a.b'])
def test_cameras_may_be_called_anything(tmp_path, name):
    cameras = {name: rig()['cam2']}
    for kind in ('json', 'toml', 'ros', 'colmap'):
        path = tmp_path / f'cameras{ {"json": ".json", "toml": ".toml"}.get(kind, kind) }'
        WRITERS[kind](path, cameras)
        assert list(read_cameras(path)) == [name.replace('/', '_') if kind == 'colmap' else name]
    with pytest.raises(ValueError, match='OpenCV allows'):
        WRITERS['opencv'](tmp_path / 'a.yml', cameras)


@pytest.mark.parametrize('given', ['', 'intri.yml', 'extri.yml'])
def test_the_two_files_of_easymocap_are_one_rig(tmp_path, given):
    cameras = rig()
    for stem, other in (('intri', 'world_from_camera'), ('extri', 'intrinsics')):
        half = {name: replace(camera, **{other: None}) for name, camera in cameras.items()}
        WRITERS['opencv'](tmp_path / f'{stem}.yml', half)
    same(cameras, read_cameras(tmp_path / given))
    (tmp_path / 'extri.yml').unlink()
    assert read_cameras(tmp_path / 'intri.yml')['cam0'].world_from_camera is None


def colmap_model(folder, images):
    folder.mkdir()
    (folder / 'cameras.txt').write_text('1 PINHOLE 640 480 600 600 320 240\n')
    lines = [f'{k + 1} 1 0 0 0 {x} 0 0 1 {name}\n\n' for k, (name, x) in enumerate(images)]
    (folder / 'images.txt').write_text(''.join(lines))
    return list(read_cameras(folder))


def test_cameras_of_colmap_are_called_by_what_tells_them_apart(tmp_path):
    assert colmap_model(tmp_path / 'a', [('left.png', 0), ('right.png', 1)]) == ['left', 'right']
    assert colmap_model(tmp_path / 'b', [('images/left.png', 0), ('images/right.png', 1)]) == ['left', 'right']
    assert colmap_model(tmp_path / 'c', [('my cam/0.png', 0), ('my cam/1.png', 0.01)]) == ['my cam']
    assert colmap_model(tmp_path / 'd', [('r1/left/0.png', 0), ('r2/left/0.png', 1)]) == ['r1_left', 'r2_left']


def test_files_of_other_editors_and_doubled_names(tmp_path):
    write_toml(tmp_path / 'a.toml', rig())
    content = (tmp_path / 'a.toml').read_text()
    (tmp_path / 'a.toml').write_bytes(b'\xef\xbb\xbf' + content.replace('\n', '\r\n').encode())
    same(rig(), read_cameras(tmp_path / 'a.toml'))
    (tmp_path / 'a.toml').write_text(content.replace('"cam1"', '"cam0"'))
    with pytest.raises(ValueError, match="two cameras are called 'cam0'"):
        read_cameras(tmp_path / 'a.toml')


def test_a_folder_with_a_file_per_camera_is_one_rig(tmp_path):
    write_ros(tmp_path / 'rig', rig())
    assert list(read_cameras(tmp_path / 'rig')) == ['cam0', 'cam1', 'cam2', 'cam3']


def test_distortion_reaches_the_images(tmp_path):
    cameras = rig(distortion=(-0.3, 0.1, 0.0, 0.0))
    write_toml(tmp_path / 'Calib.toml', cameras)
    lens = read_cameras(tmp_path / 'Calib.toml')['cam0'].lens()
    assert lens.distorted
    assert lens.resized(320, 240).matrix[0, 0] == pytest.approx(305.0)
