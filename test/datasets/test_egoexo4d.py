from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_egoexo4d import LABELLED, SIZE, TAKE, UID, cameras, fake_egoexo4d, painted_number, true_joints

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.egoexo4d import EgoExo4D
from chromm_ros.datasets.files import read_frame_list
from chromm_ros.datasets.videos import read_frame


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_egoexo4d(tmp_path_factory.mktemp('egoexo4d'), bodies)


def test_frames_are_decoded_exactly(folder: Path) -> None:
    video = folder / 'takes' / TAKE / 'frame_aligned_videos' / 'cam01.mp4'
    for number in (0, 1, 5, 11, 12, 63, 64, 90, 99):
        assert painted_number(read_frame(video, number)) == number
    with pytest.raises(ValueError, match='has 100 frames, frame 100'):
        read_frame(video, 100)


def test_without_a_list_the_first_labelled_frame_is_taken(folder: Path, bodies: BodyLibrary) -> None:
    dataset = EgoExo4D(folder, bodies, undistort=False)
    (sequence,) = dataset.sequences()
    assert (sequence.name, len(sequence)) == (TAKE, 1)
    instant = sequence.instant(0)
    assert instant.frame == LABELLED[0]
    assert not instant.complete
    for view in instant.views:
        np.testing.assert_allclose(view.world_from_camera, cameras()[view.name], atol=1e-12)
        np.testing.assert_allclose(view.lens.intrinsics, [[60, 0, 48], [0, 60, 27], [0, 0, 1]])
        assert view.lens.size == SIZE
        assert painted_number(view.image()) == LABELLED[0]
    np.testing.assert_allclose(instant.people[0].joints, true_joints(bodies)[LABELLED[0]])
    assert dataset.expected() is None
    assert any('first labelled frame' in line for line in dataset.check().notes)


def test_a_list_of_frames_and_joints_that_are_not_known(folder: Path, bodies: BodyLibrary) -> None:
    listed = read_frame_list(folder / 'takes.txt')
    assert listed == {TAKE: [11, 90]}
    for seen_by, unknown in ((1, [0, 9]), (2, [0, 9, 14])):
        (sequence,) = EgoExo4D(folder, bodies, frames=listed, seen_by=seen_by).sequences()
        joints = sequence.instant(0).people[0].joints
        assert np.flatnonzero(np.isnan(joints).any(1)).tolist() == unknown
    assert painted_number(sequence.instant(1).views[2].image()) == 90


def test_a_take_of_the_list_that_is_not_there_is_a_lost_sequence(folder: Path) -> None:
    dataset = EgoExo4D(folder, frames={TAKE: [11], 'upenn_jazz01_1': [3]})
    lost = dataset.sequences()[1]
    with pytest.raises(FileNotFoundError, match='000002'):
        lost.instant(0)
    assert dataset.expected() == 2
    with pytest.raises(ValueError, match='frame 12 of the list has no 3D'):
        len(EgoExo4D(folder, frames={TAKE: [12]}).sequences()[0])


def test_half_a_download_is_named(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_egoexo4d(tmp_path, bodies)
    (tmp_path / 'takes' / TAKE / 'frame_aligned_videos' / 'cam03.mp4').unlink()
    assert any('cam03.mp4 does not exist' in line for line in EgoExo4D(tmp_path).check().missing)
    (tmp_path / 'takes' / TAKE / 'trajectory' / 'gopro_calibs.csv').unlink()
    assert any('gopro_calibs.csv' in line for line in EgoExo4D(tmp_path).check().missing)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('{', 'no complete JSON'),
        ('[]', 'expected a JSON dict'),
        (json.dumps({'5': []}), 'expected a list of people'),
        (json.dumps({'5': [{'annotation3D': {'nose': {'x': 1}}}]}), "no entry 'y'"),
        (json.dumps({'5': [{'annotation3D': {}}]}), 'no frame with 3D'),
    ],
)
def test_broken_labels_are_named(tmp_path: Path, bodies: BodyLibrary, content: str, words: str) -> None:
    fake_egoexo4d(tmp_path, bodies)
    file = tmp_path / 'annotations' / 'ego_pose' / 'val' / 'body' / 'annotation' / f'{UID}.json'
    file.write_text(content)
    with pytest.raises(ValueError, match=words) as caught:
        EgoExo4D(tmp_path).sequences()[0].instant(0)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('KANNALABRANDTK3', 'PINHOLE', "a lens 'PINHOLE'"),
        ('intrinsics_7', 'other', 'has no column intrinsics_7'),
        ('3840', 'wide', 'array of numbers'),
    ],
)
def test_broken_calibrations_are_named(tmp_path: Path, bodies: BodyLibrary, old: str, new: str, words: str) -> None:
    fake_egoexo4d(tmp_path, bodies)
    file = tmp_path / 'takes' / TAKE / 'trajectory' / 'gopro_calibs.csv'
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ValueError, match=words) as caught:
        EgoExo4D(tmp_path).sequences()[0].instant(0)
    assert 'gopro_calibs.csv' in str(caught.value)


def test_a_line_that_is_no_frame_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'takes.txt'
    file.write_text('a 1\nb\n')
    with pytest.raises(ValueError, match='line 2'):
        read_frame_list(file)
