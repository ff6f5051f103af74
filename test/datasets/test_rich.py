from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from fake_rich import FIRST, FRAMES, SIZE, fake_rich

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.rich import Rich
from chromm_ros.datasets.rich_list import TEST
from chromm_ros.geometry.cameras import invert_rigid, project, transform

NAME = 'Gym_011_pushup1'


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_rich(tmp_path_factory.mktemp('rich'), bodies)


def test_the_table_has_the_published_counts() -> None:
    assert len(TEST) == 52
    assert sum(len(cameras) for cameras, _ in TEST.values()) == 199


def test_expected_counts_without_two_people_and_without_images(tmp_path: Path) -> None:
    (tmp_path / 'bodies' / 'test' / NAME).mkdir(parents=True)
    assert Rich(tmp_path).expected() == 50
    assert Rich(tmp_path, views='mono').expected() == 191
    assert Rich(tmp_path).expected('train') is None


def test_views_of_a_frame_agree_on_the_person(folder: Path, bodies: BodyLibrary) -> None:
    (sequence,) = Rich(folder, bodies).sequences()
    assert (sequence.name, len(sequence)) == (NAME, FRAMES)
    instant = sequence.instant(10)
    assert instant.frame == FIRST + 10
    (person,) = instant.people
    assert person.valid
    assert person.joints.shape == (24, 3)
    assert len(instant.views) == 4
    np.testing.assert_allclose(instant.views[0].world_from_camera, np.eye(4), atol=1e-12)
    for view in instant.views:
        assert view.lens.size == SIZE
        np.testing.assert_allclose(view.lens.intrinsics[:2], [[200, 0, SIZE[0] / 2], [0, 200, SIZE[1] / 2]])
        assert view.image().shape == (SIZE[1], SIZE[0], 3)
        pixels = project(transform(invert_rigid(view.world_from_camera), person.joints), view.lens.intrinsics)
        assert (pixels > 0).all()
        assert (pixels < SIZE).all()
        assert pixels[15, 1] < pixels[0, 1] < pixels[7, 1], 'head above pelvis above ankle'


def test_hands_are_absolute_and_do_not_move_the_body(folder: Path, bodies: BodyLibrary) -> None:
    person = Rich(folder, bodies).sequences()[0].instant(0).people[0]
    mean = bodies.body('smplx', 'male').file
    expected = 0.3 * mean.hand_components[0, :12].sum(0) + mean.mean_hands[0]
    from chromm_ros.datasets.files import matrices

    np.testing.assert_allclose(person.body.pose[24:39], matrices(expected.reshape(15, 3)), atol=1e-6)


def test_every_camera_is_a_sequence_when_monocular(folder: Path, bodies: BodyLibrary) -> None:
    sequences = Rich(folder, bodies, views='mono').sequences()
    assert [sequence.name for sequence in sequences] == [f'{NAME}/cam_{camera:02d}' for camera in (2, 3, 4, 5)]
    assert [view.name for view in sequences[1].instant(0).views] == ['cam_03']
    with pytest.raises(ValueError, match='all or mono'):
        Rich(folder, views='stereo')


def test_every_camera_on_request(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_rich(tmp_path, bodies)
    (tmp_path / 'test.txt').write_text(f'sequence_name\tview_id\n{NAME}\t2,3\n')
    assert Rich(tmp_path, bodies).sequences()[0].cameras == (2, 3)
    assert Rich(tmp_path, bodies, every_camera=True).sequences()[0].cameras == (2, 3, 4, 5)


def test_two_people_on_request(folder: Path, bodies: BodyLibrary) -> None:
    sequence = Rich(folder, bodies, two_people=True).sequences()[1]
    assert [person.id for person in sequence.instant(0).people] == ['009', '021']
    assert [person.body.gender for person in sequence.instant(0).people] == ['female', 'female']


def test_a_person_out_of_sight_of_a_camera_is_not_valid(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_rich(tmp_path, bodies)
    file = tmp_path / 'bodies' / 'test' / NAME / f'{FIRST:05d}' / '011.pkl'
    fit = pickle.loads(file.read_bytes())
    fit['transl'][0, 0] += 50
    file.write_bytes(pickle.dumps(fit))
    sequence = Rich(tmp_path, bodies).sequences()[0]
    assert not sequence.instant(0).people[0].valid
    assert sequence.instant(1).people[0].valid


def test_check_names_what_is_missing(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_rich(tmp_path, bodies)
    (tmp_path / 'test.txt').unlink()
    findings = Rich(tmp_path, bodies).check()
    assert findings.found == (f'1 sequences of test, {FRAMES} frames',)
    assert sum('not there' in line for line in findings.missing) == 49


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('<opencv_storage><CameraMatrix>', 'no complete XML'),
        ('<opencv_storage></opencv_storage>', 'has no entry CameraMatrix/data'),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', 'declarations'),
        ('<s><CameraMatrix><data>1 2 3</data></CameraMatrix><Intrinsics><data>1</data></Intrinsics></s>', 'shape is'),
        ('<s><CameraMatrix><data>a b</data></CameraMatrix><Intrinsics><data>1</data></Intrinsics></s>', 'numbers'),
    ],
)
def test_broken_calibrations_are_named(tmp_path: Path, bodies: BodyLibrary, text: str, words: str) -> None:
    fake_rich(tmp_path, bodies)
    file = tmp_path / 'scan_calibration' / 'Gym' / 'calibration' / '003.xml'
    file.write_text(text)
    sequence = Rich(tmp_path, bodies).sequences()[0]
    with pytest.raises(ValueError, match=words) as caught:
        sequence.instant(0)
    assert str(file) in str(caught.value)
    assert any(str(file) in line for line in Rich(tmp_path, bodies).check().missing)


def test_a_fit_with_code_in_it_is_refused(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_rich(tmp_path, bodies)
    file = tmp_path / 'bodies' / 'test' / NAME / f'{FIRST + 4:05d}' / '011.pkl'
    file.write_bytes(b'cos\nsystem\n(S"false"\ntR.')
    with pytest.raises(ValueError, match=r'011\.pkl: refused to read: it holds os\.system'):
        Rich(tmp_path, bodies).sequences()[0].instant(0)
