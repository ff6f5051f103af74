from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from fake_emdb import FRAMES, SPEED, fake_emdb

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.emdb import Emdb
from chromm_ros.geometry.cameras import invert_rigid, project, transform


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_emdb(tmp_path_factory.mktemp('emdb'), bodies)


def test_the_split_is_what_the_files_say(folder: Path, bodies: BodyLibrary) -> None:
    dataset = Emdb(folder, bodies)
    names = ['P0/09_outdoor_walk', 'P2/19_indoor_walk_off_mvs', 'P3/27_indoor_walk_off_mvs']
    assert [sequence.name for sequence in dataset.sequences()] == names
    assert [sequence.name for sequence in dataset.sequences('emdb1')] == ['P1/14_outdoor_climb']
    assert len(dataset.sequences('all')) == 4
    with pytest.raises(ValueError, match='emdb2, emdb1, all'):
        dataset.sequences('test')


def test_true_joints_project_on_the_key_points_of_the_file(folder: Path, bodies: BodyLibrary) -> None:
    sequence = Emdb(folder, bodies).sequences()[1]
    instant = sequence.instant(100)
    (view,), (person,) = instant.views, instant.people
    assert person.joints.shape == (24, 3)
    assert person.joint_names == 'smpl24'
    camera = transform(invert_rigid(view.world_from_camera), person.joints)
    np.testing.assert_allclose(project(camera, view.lens.intrinsics), person.pixels['camera'][:, :2], atol=1e-6)
    assert view.image().shape[1::-1] == view.lens.size


def test_the_walk_is_straight_and_bad_frames_are_marked(folder: Path, bodies: BodyLibrary) -> None:
    sequence = Emdb(folder, bodies).sequences()[1]
    assert len(sequence) == FRAMES
    instants = [sequence.instant(index) for index in range(FRAMES)]
    roots = np.stack([instant.people[0].joints[0] for instant in instants])
    np.testing.assert_allclose(np.linalg.norm(np.diff(roots, axis=0), axis=1), SPEED, atol=1e-9)
    valid = [instant.people[0].valid for instant in instants]
    assert valid == [False] * 10 + [True] * (FRAMES - 30) + [False] * 20
    assert not instants[0].people[0].box
    assert instants[20].people[0].box['camera'].shape == (4,)


def test_without_body_files_the_free_body_is_named(folder: Path) -> None:
    person = Emdb(folder).sequences()[0].instant(0).people[0]
    assert person.joint_names == 'proxy22'
    assert person.joints.shape == (22, 3)


def test_check_counts_against_the_published_set(folder: Path, bodies: BodyLibrary) -> None:
    findings = Emdb(folder, bodies).check()
    assert findings.found == ('3 sequences of emdb2, 330 frames',)
    assert sum('not there' in line for line in findings.missing) == 22
    assert any('P0/09_outdoor_walk: 40 frames, 2009 were published' in line for line in findings.notes)


@pytest.mark.parametrize(
    ('path', 'value', 'words'),
    [
        ('gender', 'other', "its gender is 'other'"),
        ('smpl.trans', np.zeros((3, 3)), r'smpl.trans: its shape is \(3, 3\), expected \(40, 3\)'),
        ('camera.extrinsics', np.zeros((40, 4, 4)), 'camera.extrinsics: expected rotations'),
        ('camera.intrinsics', np.full((3, 3), np.nan), 'not finite'),
        ('smpl', None, "has no entry 'smpl.betas'"),
    ],
)
def test_a_broken_sequence_is_named_and_the_others_stay(
    tmp_path: Path, bodies: BodyLibrary, path: str, value: object, words: str
) -> None:
    fake_emdb(tmp_path, bodies)
    file = tmp_path / 'P0' / '09_outdoor_walk' / 'P0_09_outdoor_walk_data.pkl'
    content = pickle.loads(file.read_bytes())
    *parents, last = path.split('.')
    place = content
    for parent in parents:
        place = place[parent]
    place[last] = value
    file.write_bytes(pickle.dumps(content))
    sequences = Emdb(tmp_path, bodies).sequences()
    with pytest.raises(ValueError, match=words) as caught:
        sequences[0].instant(0)
    assert str(file) in str(caught.value)
    assert sequences[1].instant(0).people
    assert any(str(file) in line for line in Emdb(tmp_path, bodies).check().missing)


def test_missing_pictures_and_wrong_folders_are_named(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_emdb(tmp_path, bodies)
    picture = tmp_path / 'P0' / '09_outdoor_walk' / 'images' / '00003.jpg'
    picture.unlink()
    dataset = Emdb(tmp_path, bodies)
    with pytest.raises(FileNotFoundError, match=r'00003\.jpg'):
        dataset.sequences()[0].instant(3).views[0].image()
    assert any('39 of 40 pictures' in line for line in dataset.check().missing)
    with pytest.raises(FileNotFoundError, match='is not the folder of EMDB'):
        Emdb(tmp_path / 'P0', bodies)
