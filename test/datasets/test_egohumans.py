from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from fake_egohumans import CAMERAS, COLMAP_FROM_WORLD, NAME, SCALE, cameras, fake_egohumans

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.egohumans import EgoHumans
from chromm_ros.datasets.lenses import pixels
from chromm_ros.geometry.cameras import invert_rigid, project, transform


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_egohumans(tmp_path_factory.mktemp('egohumans'), bodies)


def test_cameras_are_rigid_and_metric_although_the_files_are_not(folder: Path) -> None:
    (sequence,) = EgoHumans(folder).sequences()
    assert sequence.name == NAME
    assert [sequence.instant(index).frame for index in range(len(sequence))] == [11, 21, 31]
    for index in range(len(sequence)):
        instant = sequence.instant(index)
        nearest = 1 if instant.frame < 16 else 30
        expected = cameras(nearest)
        assert [view.name for view in instant.views] == [f'cam{number:02d}' for number in CAMERAS]
        for view in instant.views:
            np.testing.assert_allclose(view.world_from_camera, expected[view.name], atol=1e-9)


def test_the_fisheye_is_undone(folder: Path) -> None:
    for undistort in (True, False):
        instant = EgoHumans(folder, undistort=undistort).sequences()[0].instant(0)
        for view in instant.views:
            head = transform(invert_rigid(view.world_from_camera), instant.people[0].joints[15])
            expected = pixels(head, view.lens)
            image = view.image()[..., 0].astype(float)
            rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
            found = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
            np.testing.assert_allclose(found, expected, atol=0.3)
            assert view.lens.model == ('pinhole' if undistort else 'fisheye')
            if undistort:
                np.testing.assert_allclose(expected, project(head, view.lens.intrinsics))


def test_people_keep_their_names_and_stored_joints(folder: Path, bodies: BodyLibrary) -> None:
    instant = EgoHumans(folder).sequences()[0].instant(1)
    assert [person.id for person in instant.people] == ['aria01', 'aria02', 'aria03']
    assert instant.complete
    for person in instant.people:
        body = person.body
        posed = bodies.joints('smpl', 'neutral', body.betas, body.root, body.pose, body.transl)
        np.testing.assert_allclose(person.joints, posed, atol=1e-9)


def test_options(folder: Path) -> None:
    assert len(EgoHumans(folder, stride=5).sequences()[0]) == 6
    listed = EgoHumans(folder, frames={NAME: [3, 7]}).sequences()[0]
    assert [listed.instant(index).frame for index in (0, 1)] == [3, 7]
    with pytest.raises(ValueError, match='frame 99, which has no fit'):
        len(EgoHumans(folder, frames={NAME: [99]}).sequences()[0])
    assert EgoHumans(folder, views='2').sequences() == []
    fewer = EgoHumans(folder, views='2', missing_views='fewer').sequences()
    assert [view.name for view in fewer[0].instant(0).views] == ['cam01']
    assert len(EgoHumans(folder, views='all').sequences()[0].instant(0).views) == 4
    with pytest.raises(ValueError, match='views 4, 2, 8 or all'):
        EgoHumans(folder, views='3')


def test_expected_counts(folder: Path) -> None:
    assert EgoHumans(folder, views='all').expected() == 131
    # badminton 049, 050 and 052 to 061 lack cam01, which is in the set of four
    assert EgoHumans(folder).expected() == 131 - 12
    assert EgoHumans(folder).expected('fencing') == 14
    findings = EgoHumans(folder).check()
    assert findings.found == ('1 sequences, 3 instants',)
    assert not findings.missing


def test_a_camera_that_nothing_knows_is_named(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_egohumans(tmp_path, bodies)
    (tmp_path / NAME / 'colmap' / 'workplace' / 'cam08.npy').unlink()
    with pytest.raises(ValueError, match='no image of cam08 was registered'):
        EgoHumans(tmp_path).sequences()[0].instant(0)


@pytest.mark.parametrize(
    ('file', 'content', 'words'),
    [
        ('images.txt', b'1 1 0 0 0 nothing\n', 'line 1: is no image'),
        ('cameras.txt', b'1 RADIAL 10 10 1 2 3\n', 'line 1: is no camera'),
        ('colmap_from_aria_transforms.pkl', pickle.dumps({'aria02': np.eye(4)}), "no entry 'aria01'"),
        ('colmap_from_aria_transforms.pkl', b'cos\nsystem\n(S"false"\ntR.', 'refused to read'),
        ('colmap_from_aria_transforms.pkl', pickle.dumps({'aria01': np.diag([3.0, 1, 1, 1])}), 'expected rotations'),
        ('cam08.npy', b'', 'no .npy file'),
    ],
)
def test_broken_calibrations_are_named(
    tmp_path: Path, bodies: BodyLibrary, file: str, content: bytes, words: str
) -> None:
    fake_egohumans(tmp_path, bodies)
    path = tmp_path / NAME / 'colmap' / 'workplace' / file
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        EgoHumans(tmp_path).sequences()[0].instant(0)
    assert file in str(caught.value)


def test_broken_fits_are_named(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_egohumans(tmp_path, bodies)
    path = tmp_path / NAME / 'processed_data' / 'smpl' / '00011.npy'
    np.save(path, np.array({'aria01': {'joints': np.ones((45, 3))}}, dtype=object))
    with pytest.raises(ValueError, match=r"00011\.npy: has no entry 'betas'"):
        EgoHumans(tmp_path).sequences()[0].instant(0)


def test_the_scale_is_in_the_transform() -> None:
    assert np.linalg.det(COLMAP_FROM_WORLD[:3, :3]) == pytest.approx(SCALE**3)
