"""Offline runs through the real capture and network, on rendered folders of images."""

import itertools
import json

import cv2
import numpy as np
import pytest

from chromm_ros.apps.batch import options_of
from chromm_ros.apps.reconstruct import Options, open_inputs, reconstruct_files
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.network.chromm import Chromm
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.ply import read_ply
from chromm_ros.recording.reconstruct import RESUME, reconstruct
from chromm_ros.recording.sources import FolderSource
from chromm_ros.recording.state_files import load_state, save_state
from chromm_ros.settings import changed
from chromm_ros.synthetic.world import World

STEPS = 7


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Two cameras, seven steps."""
    root = tmp_path_factory.mktemp('frames')
    frames = World.sample(1_000_005, views=2, people=(2, 2), duration=5.0).render(0.2 * np.arange(STEPS))
    for view in range(2):
        (root / f'camera_{view}').mkdir()
        for step in range(STEPS):
            path = root / f'camera_{view}' / f'{step:03}.png'
            cv2.imwrite(str(path), cv2.cvtColor(frames.images[view, step], cv2.COLOR_RGB2BGR))
    return root / 'camera_0', root / 'camera_1'


def options(out, **changes):
    return Options(out=out, window=4, overlap=1, quiet=True, preset='tiny', **changes)


def test_a_calibration_of_more_or_fewer_cameras_is_used_and_this_is_said(folders, tmp_path):
    known = CameraFile(np.array([[200.0, 0, 96], [0, 200, 72], [0, 0, 1]]), np.eye(4), 192, 144)
    for names, said in (
        (('camera_0', 'camera_1'), ''),
        (('camera_0', 'camera_9'), 'names camera_9, which are no cameras here; it has nothing about camera_1'),
        (('camera_0', 'camera_1', 'rear'), 'names rear, which are no cameras here'),
    ):
        write_cameras(tmp_path / 'cameras.json', dict.fromkeys(names, known))
        chosen = options(tmp_path / 'out', calibration=tmp_path / 'cameras.json')
        source = open_inputs(folders, chosen, chosen.resolved())
        assert next(iter(source)).views['camera_0'].intrinsics[0, 0] == 200.0
        assert any(said in note for note in source.notes) or not said
    write_cameras(tmp_path / 'cameras.json', {'left': known})
    with pytest.raises(ValueError, match=r"calibration names \['left'\], but the cameras are"):
        open_inputs(folders, chosen, chosen.resolved())


def people(out):
    with np.load(out / 'people.npz') as data:
        return {name: data[name] for name in data.files}


def test_a_run_leaves_people_scene_cameras_and_a_page(folders, tmp_path):
    summary = reconstruct_files(folders, options(tmp_path))
    assert summary.image_sets == STEPS
    found = people(tmp_path)
    assert len(found['stamp']) == summary.rows
    assert found['joints'].shape[1:] == (55, 3)
    assert set(np.unique(found['stamp'])) <= {round(step * 1e8) for step in range(STEPS)}
    assert len(read_ply(tmp_path / 'scene.ply').points) == summary.points
    assert set(json.loads((tmp_path / 'cameras.json').read_text())['cameras']) == {'camera_0', 'camera_1'}
    assert (tmp_path / 'page.html').stat().st_size > 100_000
    lines = (tmp_path / 'colmap' / 'images.txt').read_text().splitlines()
    assert sum(line.endswith('.png') for line in lines) == 2 * STEPS
    points = np.loadtxt(tmp_path / 'colmap' / 'points3D.txt')
    cloud = read_ply(tmp_path / 'scene.ply')
    np.testing.assert_allclose(points[:, 1:4], cloud.points, atol=1e-4)
    np.testing.assert_array_equal(points[:, 4:7], cloud.colors)
    assert not (tmp_path / RESUME).exists()


@pytest.mark.parametrize(('rig_moves', 'places'), [(False, 1), (True, 3)])
def test_only_a_camera_that_may_move_has_a_place_for_every_image(folders, tmp_path, rig_moves, places):
    reconstruct_files(folders[:1], options(tmp_path, rig_moves=rig_moves))
    with np.load(tmp_path / 'trajectories.npz') as data:
        second_window = data['world_from_camera'][3:6]
    assert len(np.unique(second_window, axis=0)) == places


def test_moving_cameras_need_windows_that_share_images(folders, tmp_path):
    with pytest.raises(ValueError, match='overlap must be at least 1'):
        reconstruct_files(folders[:1], Options(out=tmp_path, window=4, overlap=0, rig_moves=True))


def test_slow_recordings_are_used_step_by_step(folders, tmp_path):
    summary = reconstruct_files(folders, options(tmp_path, rate=0.1))  # a live window would let steps this old go
    assert not summary.dropped.get('overtaken')
    with np.load(tmp_path / 'trajectories.npz') as data:
        assert len(np.unique(data['stamp'])) == STEPS


def test_a_rate_that_is_none_is_refused(folders, tmp_path):
    with pytest.raises(ValueError, match='rate is 0'):
        reconstruct_files(folders, options(tmp_path, rate=0.0))


def test_a_finished_folder_is_not_overwritten(folders, tmp_path):
    (tmp_path / 'summary.json').write_text('{}')
    with pytest.raises(FileExistsError, match='finished run'):
        reconstruct_files(folders, options(tmp_path))


def test_an_interrupted_run_goes_on_to_the_same_result(folders, tmp_path):
    network, body = Chromm.from_preset('tiny'), BodyModel.load()

    def capture():
        settings = changed(CaptureSettings(), {'window_size': 4, 'window_stride': 3})
        return Capture(network, body, settings, ('camera_0', 'camera_1'))

    class Interrupted(FolderSource):
        def __iter__(self):
            for index, image_set in enumerate(super().__iter__()):
                if index == 5:
                    raise KeyboardInterrupt
                yield image_set

    whole = reconstruct(FolderSource(folders), capture(), body, tmp_path / 'whole', quiet=True)
    with pytest.raises(KeyboardInterrupt):
        reconstruct(Interrupted(folders), capture(), body, tmp_path / 'parts', quiet=True)
    assert (tmp_path / 'parts' / RESUME).exists()
    parts = reconstruct(FolderSource(folders), capture(), body, tmp_path / 'parts', quiet=True)
    assert (parts.image_sets, parts.windows, parts.rows) == (whole.image_sets, whole.windows, whole.rows)
    for name, array in people(tmp_path / 'whole').items():
        np.testing.assert_array_equal(people(tmp_path / 'parts')[name], array, err_msg=name)


def interrupted_run(folders, out, settings):
    """A folder that holds the state of a run after its first window."""
    network, body = Chromm.from_preset('tiny'), BodyModel.load()

    class Interrupted(FolderSource):
        def __iter__(self):
            yield from itertools.islice(super().__iter__(), 5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct(Interrupted(folders), Capture(network, body, settings), body, out, quiet=True)
    return network, body


@pytest.mark.parametrize('fault', ['options', 'version', 'source'])
def test_a_state_that_does_not_fit_is_refused_in_one_line(folders, tmp_path, fault):
    settings = changed(CaptureSettings(), {'window_size': 2})
    network, body = interrupted_run(folders, tmp_path, settings)
    state = load_state(tmp_path / RESUME)
    if fault == 'options':
        settings, says = changed(settings, {'window_size': 3}), 'other options'
    elif fault == 'version':
        says = 'another version'
        del state['capture']['session']['cameras']
    else:
        says = 'does not belong to these images'
        state['capture']['session']['window']['steps'][-1]['stamp'] += 1
    save_state(tmp_path / RESUME, state)
    with pytest.raises(ValueError, match=says):
        reconstruct(FolderSource(folders), Capture(network, body, settings), body, tmp_path, quiet=True)


@pytest.mark.parametrize('count', [1, 2])
def test_single_images_and_a_single_camera_work(folders, tmp_path, count):
    images = tuple(folder / '000.png' for folder in folders[:count])
    renamed = []
    for view, image in enumerate(images):
        renamed.append(tmp_path / f'view_{view}.png')
        renamed[-1].write_bytes(image.read_bytes())
    summary = reconstruct_files(tuple(renamed), options(tmp_path / 'out'))
    assert (summary.image_sets, summary.windows) == (1, 1)
    assert summary.points > 1000


def test_a_job_with_a_misspelt_option_is_refused():
    with pytest.raises(ValueError, match='unknown options'):
        options_of({'inputs': ['a'], 'out': 'b', 'windw': 3})
