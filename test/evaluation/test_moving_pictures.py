"""Bodies over images: where they are drawn, and the file that plays."""

import dataclasses

import numpy as np
import pytest
from captures import capture_of, run
from PIL import Image
from truthful_studio import Studio, standing

from chromm_ros.evaluation.moving_pictures import MovingPicture
from chromm_ros.geometry.cameras import invert_rigid, project, transform

BODY = slice(0, 22)


@pytest.fixture(scope='module')
def studio():
    return Studio([standing(0.5, 0.0), standing(-1.0, 0.8)])


@pytest.fixture(scope='module')
def snapshots(studio):
    return run(capture_of(studio), studio, 0, 2)


def white(studio, stamp):
    """The images of a time, all white, four times as large, with the lens for it."""
    images = studio.images(stamp * 1e-9, rig=studio.rig)
    views = {
        view: dataclasses.replace(image, pixels=np.full((192, 256, 3), 255, np.uint8))
        for view, image in images.views.items()
    }
    return dataclasses.replace(images, views=views)


def enlarged(snapshot):
    lens = np.diag([4.0, 4.0, 1.0])
    cameras = tuple(dataclasses.replace(camera, intrinsics=lens @ camera.intrinsics) for camera in snapshot.cameras)
    return dataclasses.replace(snapshot, cameras=cameras)


def test_bodies_cover_their_joints_in_every_image(studio, snapshots):
    snapshot = enlarged(snapshots[-1])
    picture = MovingPicture(height=192, width=4 * 256)
    picture.add(snapshot, white(studio, snapshot.stamp))
    (frame,) = picture.frames
    assert frame.shape == (192, 4 * 256, 3)
    for number, camera in enumerate(snapshot.cameras):
        panel = frame[:, 256 * number : 256 * (number + 1)]
        for human in snapshot.humans:
            local = transform(invert_rigid(camera.world_from_camera), human.joints[BODY])
            columns, rows = np.floor(project(local, camera.intrinsics)).astype(int).T
            inside = (columns >= 0) & (columns < 256) & (rows >= 0) & (rows < 192)
            assert (panel[rows[inside], columns[inside]].min(-1) < 250).mean() > 0.9
    assert (frame.min(-1) == 255).mean() > 0.7  # and not much else


def test_a_ghost_is_fainter_than_somebody_who_is_seen(studio, snapshots):
    snapshot = enlarged(snapshots[-1])
    ghosts = tuple(dataclasses.replace(human, observations=(), confidence=0.5) for human in snapshot.humans)
    darkness = []
    for humans in (snapshot.humans, ghosts):
        picture = MovingPicture(height=192, width=4 * 256)
        picture.add(dataclasses.replace(snapshot, humans=humans), white(studio, snapshot.stamp))
        darkness.append(255 - picture.frames[0].astype(float).mean())
    assert 0 < darkness[1] < 0.5 * darkness[0]


def test_cameras_without_a_pose_and_images_of_many_sizes_are_shown_as_they_are(studio, snapshots):
    snapshot = snapshots[-1]
    lost = tuple(dataclasses.replace(camera, world_from_camera=None) for camera in snapshot.cameras)
    images = white(studio, snapshot.stamp)
    sizes = [(48, 64), (96, 64), (480, 640), (1, 3)]
    views = {
        view: dataclasses.replace(image, pixels=np.full((*size, 3), 90, np.uint8))
        for (view, image), size in zip(images.views.items(), sizes)
    }
    picture = MovingPicture()
    picture.add(dataclasses.replace(snapshot, cameras=lost), dataclasses.replace(images, views=views))
    assert (picture.frames[0] == 90).all()


def test_the_file_plays_at_the_pace_of_the_snapshots(studio, snapshots, tmp_path):
    picture = MovingPicture(height=60, width=240)
    for snapshot in snapshots:
        picture.add(snapshot, studio.images(snapshot.stamp * 1e-9, rig=studio.rig))
    picture.write(tmp_path / 'new' / 'moving.webp')
    with Image.open(tmp_path / 'new' / 'moving.webp') as file:
        assert file.size[0] <= 240
        assert 2 < file.n_frames <= len(snapshots)  # equal ones are shown for longer
        durations = []
        for number in range(file.n_frames):
            file.seek(number)
            file.load()
            durations.append(file.info['duration'])
    assert sum(durations) == len(snapshots) * 250


def test_without_a_result_no_file_is_written(tmp_path):
    with pytest.raises(ValueError, match='no image set gave a result'):
        MovingPicture().write(tmp_path / 'moving.webp')
    assert not list(tmp_path.iterdir())
