from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_images import SIZE, fake_single_images

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets import cache
from chromm_ros.datasets.coco import Coco
from chromm_ros.datasets.files import matrices
from chromm_ros.datasets.mpii import Mpii
from chromm_ros.geometry.cameras import project

KINDS = {'mpii': Mpii, 'coco': Coco}


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory, bodies: BodyLibrary) -> dict[str, Path]:
    return {kind: fake_single_images(tmp_path_factory.mktemp(kind), bodies, kind) for kind in KINDS}


@pytest.mark.parametrize('kind', KINDS)
def test_every_person_has_a_camera_of_its_own(folders: dict[str, Path], bodies: BodyLibrary, kind: str) -> None:
    (sequence,) = KINDS[kind](folders[kind], bodies).sequences()
    assert len(sequence) == 3
    instant = sequence.instant(0)
    first, second = instant.people
    posed = [
        bodies.joints('smplx', 'neutral', p.body.betas, p.body.root, p.body.pose, p.body.transl)
        for p in (first, second)
    ]
    np.testing.assert_allclose(posed[0], posed[1], atol=1e-9)
    pixels = [project(joints, person.body.lens.intrinsics) for joints, person in zip(posed, (first, second))]
    np.testing.assert_allclose(pixels[1], 2 * (pixels[0] - [40, 30]) + [52, 48], atol=1e-6)
    assert np.isnan(instant.views[0].lens.intrinsics[0, 0]), 'nobody knows the camera of the image'
    assert instant.views[0].image()[0, 0, 0] == pytest.approx(60, abs=3)
    assert sequence.instant(2).views[0].image()[0, 0, 0] == pytest.approx(140, abs=3)


@pytest.mark.parametrize('kind', KINDS)
def test_people_without_parameters_are_ignored_boxes(
    folders: dict[str, Path], bodies: BodyLibrary, kind: str
) -> None:
    (sequence,) = KINDS[kind](folders[kind], bodies).sequences()
    boxes = sequence.instant(0).ignored['image']
    assert len(boxes) == (2 if kind == 'coco' else 1)
    assert sequence.instant(1).ignored['image'].shape == (0, 4)


def test_hands_of_coco_are_offsets_and_those_of_mpii_the_mean(folders: dict[str, Path], bodies: BodyLibrary) -> None:
    mean = bodies.body('smplx', 'neutral').file.mean_hands
    for kind, offset in (('coco', 0.1 * np.arange(45) / 45), ('mpii', 0.0)):
        person = KINDS[kind](folders[kind], bodies).sequences()[0].instant(0).people[0]
        expected = matrices((mean + offset).reshape(30, 3))
        np.testing.assert_allclose(person.body.pose[24:], expected, atol=1e-6)


def test_outlines_of_coco(folders: dict[str, Path], bodies: BodyLibrary) -> None:
    view = Coco(folders['coco'], bodies).sequences()[0].instant(0).views[0]
    instance, mask = view.instance(), view.people_mask()
    assert instance.shape == SIZE[::-1]
    assert set(np.unique(instance)) <= {0, 1, 2}
    assert mask[10:20, 80:85].all(), 'the crowd is somebody'
    assert not mask[25:, 80:85].any()
    assert mask[instance > 0].all()
    assert Mpii(folders['mpii'], bodies).sequences()[0].instant(0).views[0].people_mask() is None


def test_the_index_is_made_once_and_again_when_a_file_changes(
    tmp_path: Path, bodies: BodyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    folder = fake_single_images(tmp_path / 'mpii', bodies, 'mpii') if (tmp_path / 'mpii').mkdir() is None else None
    before = sorted(path.relative_to(folder) for path in folder.rglob('*'))
    assert len(Mpii(folder, bodies).sequences()[0]) == 3
    kept = list(cache.cache_folder().iterdir())
    assert len(kept) == 1
    assert len(Mpii(folder, bodies).sequences()[0]) == 3
    assert list(cache.cache_folder().iterdir()) == kept
    assert sorted(path.relative_to(folder) for path in folder.rglob('*')) == before, (
        'nothing is written beside the data'
    )
    file = folder / 'annotations' / 'MPII_train_SMPLX_NeuralAnnot.json'
    parameters = json.loads(file.read_text())
    del parameters['300']
    file.write_text(json.dumps(parameters))
    assert len(Mpii(folder, bodies).sequences()[0]) == 2


def test_many_sequences_share_the_files_of_an_index(folders: dict[str, Path], bodies: BodyLibrary) -> None:
    def opened() -> int:
        return len(list(Path('/proc/self/fd').iterdir()))

    first = Mpii(folders['mpii'], bodies).sequences()[0]
    assert len(first) == 3
    before = opened()
    others = [Mpii(folders['mpii'], bodies).sequences()[0] for _ in range(20)]
    assert all(len(other) == 3 for other in others)
    assert opened() == before


def test_without_a_cache_the_index_is_made_anew(
    folders: dict[str, Path], bodies: BodyLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'chromm_ros').write_text('in the way')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.warns(UserWarning, match='cannot be kept'):
        assert len(Mpii(folders['mpii'], bodies).sequences()[0]) == 3


@pytest.mark.parametrize('kind', KINDS)
def test_check(folders: dict[str, Path], bodies: BodyLibrary, kind: str) -> None:
    findings = KINDS[kind](folders[kind], bodies).check()
    assert findings.found[0].startswith('3 images, 4 of ')
    assert not findings.missing


def test_missing_and_broken_files_are_named(tmp_path: Path, bodies: BodyLibrary) -> None:
    fake_single_images(tmp_path, bodies, 'coco')
    fits = tmp_path / 'annotations' / 'MSCOCO_train_SMPLX_all_NeuralAnnot.json'
    parameters = json.loads(fits.read_text())
    (tmp_path / 'train2017' / '000000000002.jpg').unlink()
    assert any('000000000002.jpg' in line for line in Coco(tmp_path, bodies).check().missing)
    one = {'root_pose': [0, 0, 0]}
    lens = {'focal': [1, 1], 'princpt': [0, 0]}
    for change, words in (
        ({'smplx_param': one, 'cam_param': lens}, "no entry 'body_pose'"),
        ({'smplx_param': parameters['100']['smplx_param']}, 'has no cam_param'),
        (
            {'smplx_param': parameters['100']['smplx_param'] | {'trans': [0, 0, None]}, 'cam_param': lens},
            'not finite',
        ),
    ):
        fits.write_text(json.dumps(parameters | {'100': change}))
        dataset = Coco(tmp_path, bodies)
        assert [person.id for person in dataset.sequences()[0].instant(0).people] == ['101'], 'the others stay'
        assert any('1 fits cannot be used' in line and words in line for line in dataset.check().notes)
        fits.write_text(json.dumps(dict.fromkeys(parameters, change)))
        with pytest.raises(ValueError, match=words):
            Coco(tmp_path, bodies).sequences()[0].instant(0)
    annotations = tmp_path / 'annotations' / 'person_keypoints_train2017.json'
    content = json.loads(annotations.read_text())
    del content['annotations'][0]['bbox']
    annotations.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='not in the layout of COCO'):
        Coco(tmp_path, bodies).sequences()[0].instant(0)
    fits.unlink()
    with pytest.raises(FileNotFoundError, match='NeuralAnnot'):
        Coco(tmp_path, bodies).sequences()
