from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_bedlam import CLOSEUP, IMAGES, ORBIT, SIZE, SKY, SUBJECTS, UNLABELLED, WITHOUT_ENV, fake_bedlam, write_exr

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets import bedlam_files
from chromm_ros.datasets.bedlam import Bedlam
from chromm_ros.datasets.bedlam_scenes import BROKEN, SCENES
from chromm_ros.geometry.cameras import invert_rigid, project, transform


@pytest.fixture(scope='session')
def folder(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> Path:
    return fake_bedlam(tmp_path_factory.mktemp('bedlam'), bodies)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / 'bedlam')


def orbit(folder: Path, bodies: BodyLibrary, number: int = 0):
    return next(s for s in Bedlam(folder, bodies).sequences() if s.name == f'{ORBIT}/seq_{number:06d}')


def test_lists_have_the_published_counts() -> None:
    assert len(SCENES) == 30
    assert sum(len(numbers) for numbers in BROKEN.values()) == 141
    assert set(BROKEN) <= set(SCENES)


def test_scenes_and_broken_sequences_are_left_out_by_switches(folder: Path, bodies: BodyLibrary) -> None:
    def names(**options: bool) -> list[str]:
        return [s.name.replace(ORBIT, 'orbit').replace(CLOSEUP, 'closeup').replace(SKY, 'sky')
                for s in Bedlam(folder, bodies, **options).sequences()]  # fmt: skip

    assert names() == ['closeup/seq_000000', 'orbit/seq_000000', 'orbit/seq_000001']
    assert names(closeup=False) == ['orbit/seq_000000', 'orbit/seq_000001']
    assert 'sky/seq_000000' in names(hdri=True)
    assert 'orbit/seq_000120' in names(broken=True)
    assert Bedlam(folder, bodies).sequences('val') == []


def test_somebody_who_stands_stays_put_while_the_camera_goes_round(folder: Path, bodies: BodyLibrary) -> None:
    for sequence in Bedlam(folder, bodies, hdri=True).sequences():
        instants = [sequence.instant(index) for index in range(len(sequence))]
        heads = np.stack([[person.joints[15] for person in instant.people] for instant in instants])
        assert np.ptp(heads, axis=0).max() < 1e-3
        places = np.stack([instant.views[0].world_from_camera[:3, 3] for instant in instants])
        assert np.ptp(places, axis=0).max() > 0.1, 'the camera moves'


def test_heads_lie_on_their_own_instance_and_pelvises_at_their_depth(folder: Path, bodies: BodyLibrary) -> None:
    apart = []
    for sequence in Bedlam(folder, bodies).sequences():
        for index in range(0, len(sequence), 3):
            instant = sequence.instant(index)
            view = instant.views[0]
            instance, depth, image = view.instance(), view.depth(), view.image()
            assert image.shape[:2] == instance.shape == depth.shape == view.lens.size[::-1]
            for k, person in enumerate(instant.people):
                camera = transform(invert_rigid(view.world_from_camera), person.joints)
                pixels = project(camera, view.lens.intrinsics)
                column, row = np.floor(pixels[15]).astype(int)
                if not (0 <= column < instance.shape[1] and 0 <= row < instance.shape[0]):
                    continue
                if instance[row, column] not in (0, k + 1):
                    continue  # somebody stands before the head
                assert instance[row, column] == k + 1
                column, row = np.floor(pixels[0]).astype(int)
                if instance[row, column] == k + 1:
                    apart.append(abs(depth[row, column] - camera[0, 2]))
    assert len(apart) > 8
    assert np.median(apart) < 0.2
    assert max(apart) < 0.5, 'hands may be before the pelvis'


def test_closeups_are_turned(folder: Path, bodies: BodyLibrary) -> None:
    sequence = next(s for s in Bedlam(folder, bodies).sequences() if s.name.startswith(CLOSEUP))
    view = sequence.instant(0).views[0]
    assert view.turn == 1
    assert view.lens.size == SIZE[::-1]
    assert view.image().shape == (SIZE[0], SIZE[1], 3)
    person = sequence.instant(0).people[0]
    pixels = project(transform(invert_rigid(view.world_from_camera), person.joints), view.lens.intrinsics)
    assert pixels[15, 1] < pixels[0, 1], 'upright: the head is above the pelvis'


def test_cameras_agree_with_the_labels(folder: Path, bodies: BodyLibrary) -> None:
    with np.load(folder / 'all_npz_12_training' / f'{ORBIT}_6fps.npz') as labels:
        told = dict(zip(labels['imgname'].tolist(), labels['cam_int']))
    sequence = orbit(folder, bodies)
    for index in range(len(sequence)):
        instant = sequence.instant(index)
        expected = told[f'seq_000000/seq_000000_{instant.frame:04d}.png']
        np.testing.assert_allclose(instant.views[0].lens.intrinsics, expected, atol=1e-9)
    assert [sequence.instant(index).frame for index in range(3)] == [0, 5, 10]
    assert sequence.instant(1).time == pytest.approx(1 / 6)


def test_bodies_are_neutral_with_eleven_coefficients(folder: Path, bodies: BodyLibrary) -> None:
    first, second = orbit(folder, bodies).instant(0).people
    assert [person.body.gender for person in (first, second)] == ['neutral', 'neutral']
    assert [first.id, second.id] == list(SUBJECTS[:2])
    assert first.body.betas[10] == 0
    assert second.body.betas[10] == pytest.approx(0.5)
    assert first.body.pose.shape == (54, 3, 3)


def test_people_without_labels_are_in_the_mask_alone(folder: Path, bodies: BodyLibrary) -> None:
    number, frame = UNLABELLED
    view = orbit(folder, bodies, number).instant(frame // 5).views[0]
    assert (view.people_mask() & (view.instance() == 0)).any()
    other = orbit(folder, bodies, number).instant(0).views[0]
    assert not (other.people_mask() & (other.instance() == 0)).any()


def test_a_lost_mask_means_nobody_and_unknown_depth_is_zero(folder: Path, bodies: BodyLibrary) -> None:
    number, frame = WITHOUT_ENV
    assert not orbit(folder, bodies, number).instant(frame // 5).views[0].people_mask().any()
    depth = orbit(folder, bodies).instant(0).views[0].depth()
    assert depth[0, 0] == depth[0, 1] == 0
    assert (depth[1:] > 0).all()


def test_two_of_one_subject_are_told_apart_by_where_they_are(copy: Path, bodies: BodyLibrary) -> None:
    file = copy / 'all_npz_12_training' / f'{ORBIT}_6fps.npz'
    with np.load(file) as labels:
        arrays = dict(labels)
    arrays['sub'][:] = SUBJECTS[0]
    np.savez(file, **arrays)
    table = copy / ORBIT / 'be_seq.csv'
    expected = orbit_instances(copy, bodies)
    table.write_text(table.read_text().replace(SUBJECTS[1], SUBJECTS[0]))
    found = orbit_instances(copy, bodies)
    assert set(np.unique(found)) == {0, 1, 2}
    table.unlink()
    np.testing.assert_array_equal(orbit_instances(copy, bodies), found)
    assert expected.shape == found.shape
    ids = [person.id for person in orbit(copy, bodies).instant(0).people]
    assert ids == [f'{SUBJECTS[0]} 1', f'{SUBJECTS[0]} 2']


def orbit_instances(folder: Path, bodies: BodyLibrary) -> np.ndarray:
    for cached in (bedlam_files._subjects, bedlam_files.sequence_subjects):
        cached.cache_clear()
    return orbit(folder, bodies).instant(0).views[0].instance()


def test_names_decide_where_pictures_of_six_per_second_come_alone(copy: Path, bodies: BodyLibrary) -> None:
    """Pictures from the archive at 6 fps, everything else from that of the scene; one picture is lost."""
    pictures = copy / f'{ORBIT}_6fps'
    pictures.mkdir()
    (copy / ORBIT / 'png').rename(pictures / 'png')
    before = orbit(copy, bodies).instant(3)
    (pictures / 'png' / 'seq_000000' / 'seq_000000_0005.png').unlink()
    sequence = orbit(copy, bodies)
    assert len(sequence) == IMAGES - 1
    after = sequence.instant(2)
    assert after.frame == before.frame == 15
    np.testing.assert_array_equal(after.views[0].world_from_camera, before.views[0].world_from_camera)


def test_labels_may_lie_elsewhere(copy: Path, bodies: BodyLibrary, tmp_path: Path) -> None:
    (copy / 'all_npz_12_training').rename(tmp_path / 'labels')
    assert not Bedlam(copy, bodies).sequences()
    assert len(Bedlam(copy, bodies, labels=tmp_path / 'labels').sequences()) == 3
    with pytest.raises(FileNotFoundError, match="folder of BEDLAM's labels"):
        Bedlam(copy, bodies, labels=copy)


def test_check(folder: Path, bodies: BodyLibrary) -> None:
    findings = Bedlam(folder, bodies).check()
    assert findings.found == (f'3 sequences of 2 scenes of train; {3 * IMAGES} images in complete ones',)
    assert not findings.missing
    assert any('published scenes have no labels' in line for line in findings.notes)
    assert Bedlam(folder, bodies).check('val').missing


def test_half_a_download_is_counted(copy: Path, bodies: BodyLibrary) -> None:
    (copy / ORBIT / 'png' / 'seq_000000' / 'seq_000000_0005.png').unlink()
    (copy / ORBIT / 'depth' / 'seq_000001' / 'seq_000001_0010_depth.exr').unlink()
    shutil.rmtree(copy / CLOSEUP / 'png' / 'seq_000000')
    lines = Bedlam(copy, bodies).check().missing
    assert any(f'{IMAGES - 1} of {IMAGES} labelled pictures' in line for line in lines)
    assert any(f'seq_000001: {IMAGES - 1} of {IMAGES} depths' in line for line in lines)
    assert any('none of the 10 labelled pictures is there' in line for line in lines)


def test_broken_parts_are_named(copy: Path, bodies: BodyLibrary) -> None:
    camera = copy / ORBIT / 'ground_truth' / 'camera' / 'seq_000001_camera.csv'
    text = camera.read_text()
    camera.write_text('\n'.join(line for line in text.splitlines() if '_0010.png' not in line))
    with pytest.raises(ValueError, match=r'seq_000001_camera\.csv: has no row of seq_000001_0010\.png'):
        orbit(copy, bodies, 1).instant(2)
    assert any('no row of frame 10' in line for line in Bedlam(copy, bodies).check().missing)
    rows = list(csv.reader(text.splitlines()))
    camera = copy / ORBIT / 'ground_truth' / 'camera' / 'seq_000000_camera.csv'
    camera.unlink()
    bedlam_files.camera_rows.cache_clear()
    with pytest.raises(FileNotFoundError, match='seq_000000_camera'):
        orbit(copy, bodies).instant(0)
    camera.write_text('\n'.join(','.join(row[:-2]) for row in rows))
    bedlam_files.camera_rows.cache_clear()
    with pytest.raises(ValueError, match='has no column sensor_height'):
        orbit(copy, bodies).instant(0)


def test_depth_of_another_channel_is_refused_by_name(copy: Path, bodies: BodyLibrary) -> None:
    view = orbit(copy, bodies).instant(0).views[0]
    path = copy / ORBIT / 'depth' / 'seq_000000' / 'seq_000000_0000_depth.exr'
    write_exr(path, np.ones((54, 96), np.float32), 'Z')
    with pytest.raises(
        ValueError, match=r'0000_depth\.exr: expected one part with the channel Depth, found 1 with Z'
    ):
        view.depth()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match='no EXR file'):
        view.depth()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'0000_depth\.exr'):
        view.depth()


def test_labels_of_bedlam2_and_of_agora_are_not_read(copy: Path, bodies: BodyLibrary) -> None:
    shutil.copy(
        copy / 'all_npz_12_training' / f'{ORBIT}_6fps.npz', copy / 'all_npz_12_training' / 'agora-body-parts.npz'
    )
    assert len(Bedlam(copy, bodies).scenes()) == 2
    file = copy / 'all_npz_12_training' / f'{ORBIT}_6fps.npz'
    with np.load(file) as labels:
        arrays = dict(labels)
    np.savez(file, **arrays | {'shape': np.zeros((len(arrays['sub']), 16))})
    with pytest.raises(ValueError, match='BEDLAM2'):
        orbit(copy, bodies).instant(0)
    del arrays['pose_cam']
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match='has no pose_cam'):
        orbit(copy, bodies).instant(0)


def test_a_label_file_with_code_in_it_is_refused(copy: Path, bodies: BodyLibrary) -> None:
    class Calls:
        def __reduce__(self) -> tuple:
            import os

            return os.system, ('false',)

    file = copy / 'all_npz_12_training' / f'{ORBIT}_6fps.npz'
    with np.load(file) as labels:
        arrays = dict(labels)
    np.savez(file, **arrays | {'imgname': np.array([Calls()] * len(arrays['sub']), dtype=object)})
    dataset = Bedlam(copy, bodies)
    with pytest.raises(ValueError, match=r'refused to read: it holds posix\.system'):
        orbit(copy, bodies).instant(0)
    assert any('refused to read' in line for line in dataset.check().missing)
    assert [sequence.name for sequence in dataset.sequences()] == [f'{CLOSEUP}/seq_000000', f'{ORBIT}/seq_000000']


def test_labels_of_another_scene_are_not_taken_for_those_of_the_pictures(copy: Path, bodies: BodyLibrary) -> None:
    file = copy / 'all_npz_12_training' / f'{ORBIT}_6fps.npz'
    with np.load(file) as labels:
        arrays = dict(labels)
    arrays['cam_int'][:, [0, 1], [0, 1]] *= 1.3
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match='labels and pictures are of different scenes'):
        orbit(copy, bodies).instant(0)


def test_pictures_that_were_made_smaller_keep_their_lens(copy: Path, bodies: BodyLibrary) -> None:
    before = orbit(copy, bodies).instant(1).views[0]
    for file in (copy / ORBIT / 'png' / 'seq_000000').iterdir():
        cv2.imwrite(str(file), cv2.resize(cv2.imread(str(file)), (48, 27)))
    after = orbit(copy, bodies).instant(1).views[0]
    assert after.lens.size == (48, 27)
    np.testing.assert_allclose(after.lens.intrinsics[:2], before.lens.intrinsics[:2] / 2)
    assert after.image().shape == (27, 48, 3)
