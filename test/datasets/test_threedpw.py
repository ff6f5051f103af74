from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_images import FRAMES, SEQUENCES, fake_3dpw, python2_pickle

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.threedpw import ThreeDpw
from chromm_ros.geometry.cameras import invert_rigid, project, transform

NAMES = list(SEQUENCES)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_3dpw(tmp_path_factory.mktemp('3dpw'), bodies)


def test_own_truth_is_in_the_world_and_projects_on_its_key_points(folder: Path, bodies: BodyLibrary) -> None:
    sequences = ThreeDpw(folder, bodies, truth='3dpw').sequences()
    assert [sequence.name for sequence in sequences] == NAMES
    for sequence in sequences:
        assert len(sequence) == FRAMES
        instant = sequence.instant(5)
        (view,) = instant.views
        assert view.lens.size == SEQUENCES[sequence.name]
        assert view.source.endswith('image_00005.jpg'), 'img_frame_ids are no image numbers'
        assert [person.valid for person in instant.people] == [True, False]
        for person in instant.people:
            body = person.body
            assert body.betas.shape == (10,)
            posed = bodies.joints('smpl', body.gender, body.betas, body.root, body.pose, body.transl)
            np.testing.assert_allclose(posed, person.joints, atol=1e-6)
            pixels = project(transform(invert_rigid(view.world_from_camera), person.joints), view.lens.intrinsics)
            np.testing.assert_allclose(pixels[:18], person.pixels['camera'][:, :2], atol=1e-9)


def test_fits_have_the_same_pelvis_in_their_own_camera(folder: Path, bodies: BodyLibrary) -> None:
    dataset = ThreeDpw(folder, bodies)
    assert dataset.truth() == 'neuralannot'
    for sequence, own in zip(dataset.sequences(), ThreeDpw(folder, bodies, truth='3dpw').sequences()):
        assert (sequence.name, len(sequence)) == (own.name, len(own))
        instant, true = sequence.instant(3), own.instant(3)
        for person, other in zip(instant.people, true.people):
            pelvis = bodies.rest_pelvis('smplx', 'neutral', person.body.betas) + person.body.transl
            view = true.views[0]
            expected = project(transform(invert_rigid(view.world_from_camera), other.joints[0]), view.lens.intrinsics)
            np.testing.assert_allclose(project(pelvis, person.body.lens.intrinsics), expected, atol=1e-6)
            x0, y0, x1, y1 = person.box['image']
            assert x0 < expected[0] < x1
            assert y0 < expected[1] < y1


def test_the_truth_falls_back_to_fits_in_the_annotations_and_to_the_own(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_3dpw(tmp_path, bodies)
    (tmp_path / '3DPW_test_SMPLX_NeuralAnnot.json').unlink()
    assert ThreeDpw(tmp_path, bodies).truth() == '3dpw'
    with pytest.raises(FileNotFoundError, match='SMPLX_NeuralAnnot'):
        ThreeDpw(tmp_path, bodies, truth='neuralannot').sequences()
    file = tmp_path / '3DPW_test.json'
    content = json.loads(file.read_text())
    for person in content['annotations'][:2]:
        person['smpl_param'] = {'pose': [0.1] * 72, 'shape': [0.0] * 10, 'trans': [0, 0, 3.0]}
    file.write_text(json.dumps(content))
    dataset = ThreeDpw(tmp_path, bodies)
    assert dataset.truth() == 'neuralannot'
    person = dataset.sequences()[0].instant(0).people[0]
    assert person.body.model == 'smpl'
    assert person.body.pose.shape == (23, 3, 3)


def test_check(folder: Path, bodies: BodyLibrary) -> None:
    findings = ThreeDpw(folder, bodies, truth='3dpw').check()
    assert findings.found == (f'2 sequences of test, {2 * FRAMES} images, truth 3dpw',)
    assert not findings.missing
    assert any('24 were published' in line for line in findings.notes)


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('genders', ['m', 'x'], 'its genders are'),
        ('betas', [np.zeros(10)], 'betas is not a list over the 2 people'),
        ('cam_poses', np.zeros((FRAMES, 3, 4)), 'cam_poses: its shape'),
        ('trans', [np.zeros((2, 3))] * 2, 'trans: its shape'),
    ],
)
def test_broken_sequences_are_named(tmp_path: Path, bodies: BodyLibrary, key: str, value: object, words: str) -> None:
    from chromm_ros.pickles import load_pickle

    fake_3dpw(tmp_path, bodies, fits=False)
    file = tmp_path / 'sequenceFiles' / 'test' / f'{NAMES[0]}.pkl'
    content = load_pickle(file)
    plain = {name: [np.array(v) for v in value] if isinstance(value, list) and name != 'genders' else value
             for name, value in content.items()}  # fmt: skip
    plain = {name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in plain.items()}
    file.write_bytes(python2_pickle(plain | {key: value}))
    with pytest.raises(ValueError, match=words) as caught:
        ThreeDpw(tmp_path, bodies).sequences()[0].instant(0)
    assert str(file) in str(caught.value)
