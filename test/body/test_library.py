from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from fake_bodies import fake_bodies

from chromm_ros.body.files import read_smplx
from chromm_ros.body.library import BodyLibrary
from chromm_ros.body.model import BodyModel
from chromm_ros.body.smpl_files import read_smpl


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_bodies(tmp_path_factory.mktemp('bodies'))


@pytest.fixture(scope='module')
def library(folder: Path) -> BodyLibrary:
    return BodyLibrary(folder)


def parameters(joints: int, frames: int = 3, betas: int = 10) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    turns = roma.rotvec_to_rotmat(torch.from_numpy(rng.normal(0, 0.4, (frames, joints, 3)))).numpy()
    return rng.normal(size=(frames, betas)), turns[:, 0], turns[:, 1:], rng.normal(size=(frames, 3))


def test_files_of_every_gender_are_found_below_the_folder(folder: Path, library: BodyLibrary) -> None:
    assert len(library.files) == 6
    assert BodyLibrary(folder.parent).has('smpl', 'male')
    with pytest.raises(FileNotFoundError, match='is not a folder'):
        BodyLibrary(folder / 'nowhere')


def test_names_of_the_official_downloads_are_known(folder: Path, tmp_path: Path) -> None:
    names = {
        'SMPL_python_v.1.1.0/smpl/models/basicmodel_m_lbs_10_207_0_v1.1.0.pkl': ('smpl', 'male'),
        'basicModel_f_lbs_10_207_0_v1.0.0.pkl': ('smpl', 'female'),
        'smplx/SMPLX_NEUTRAL_2020.npz': ('smplx', 'neutral'),
    }
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(folder / 'SMPL_MALE.pkl')
    found = BodyLibrary(tmp_path).files
    # the models of the SMPL archive lie three folders deep: name that folder
    found |= BodyLibrary(tmp_path / 'SMPL_python_v.1.1.0').files
    assert set(found) == set(names.values())


def test_all_routes_to_the_24_joints_agree(library: BodyLibrary) -> None:
    betas, root, pose, transl = parameters(24)
    pose[:, 21:] = np.eye(3)
    smpl = library.body('smpl', 'male').joints(betas, root, pose, transl)
    np.testing.assert_allclose(library.joints('smpl', 'male', betas, root, pose, transl), smpl, atol=1e-9)
    np.testing.assert_allclose(library.smpl24('smpl', 'male')(betas, root, pose, transl), smpl, atol=1e-6)
    full = np.broadcast_to(np.eye(3), (3, 54, 3, 3)).copy()
    full[:, :21] = pose[:, :21]
    smplx = library.joints('smplx', 'male', betas, root, full, transl)
    assert library.joint_names('smplx', 'male') == 'smpl24'
    np.testing.assert_allclose(smplx, smpl, atol=1e-6)


def test_regressed_joints_are_those_of_the_whole_skin(library: BodyLibrary) -> None:
    body = library.body('smplx', 'female')
    rng = np.random.default_rng(0)
    body.file = type(body.file)(
        **{**vars(body.file), 'pose_directions': rng.normal(0, 0.01, (len(body.template), 3, 486))}
    )
    matrix = rng.normal(size=(5, len(body.template))) * (rng.random((5, len(body.template))) < 0.1)
    arguments = parameters(55, frames=1)
    vertices = body.vertices(*arguments)
    np.testing.assert_allclose(body.regressor(matrix)(*arguments), matrix @ vertices, atol=1e-8)


def test_posing_agrees_with_the_network_body(folder: Path) -> None:
    """The network's body puts the pelvis at the origin; the files' convention puts it at transl + J0."""
    library, network = BodyLibrary(folder), BodyModel(read_smplx(folder / 'SMPLX_NEUTRAL.npz'))
    betas, root, pose, transl = parameters(55)
    pose[:, 22:24] = np.eye(3)  # eyes, which the network keeps still
    theta = np.concatenate([pose[:, :21], pose[:, 24:54], pose[:, 21:22]], 1)
    joints = library.body('smplx', 'neutral').joints(betas, root, pose, transl)
    expected = network.joints(*(torch.from_numpy(x).float() for x in (betas, theta, root))).numpy()
    np.testing.assert_allclose(joints - joints[:, :1], expected, atol=1e-5)
    pelvis = transl + library.rest_pelvis('smplx', 'neutral', betas)
    np.testing.assert_allclose(joints[:, 0], pelvis, atol=1e-9)


def test_eleven_coefficients_count_where_the_file_has_them(library: BodyLibrary) -> None:
    betas, root, pose, transl = parameters(55, betas=11)
    full = library.joints('smplx', 'neutral', betas, root, pose, transl)
    ten = library.joints('smplx', 'neutral', betas[:, :10], root, pose, transl)
    assert np.abs(full - ten).max() > 1e-3


def test_hands_become_absolute(library: BodyLibrary) -> None:
    file = library.body('smplx', 'neutral').file
    offsets = np.random.default_rng(1).normal(size=(4, 2, 45))
    np.testing.assert_allclose(
        library.absolute_hands('neutral', offsets).reshape(4, 2, 45), offsets + file.mean_hands, atol=1e-6
    )
    weights = offsets[..., :12]
    expected = np.einsum('fhc,hcd->fhd', weights, file.hand_components[:, :12]) + file.mean_hands
    np.testing.assert_allclose(library.absolute_hands('neutral', weights, 12).reshape(4, 2, 45), expected, atol=1e-6)
    assert not BodyLibrary().absolute_hands('neutral', offsets).any()


def test_a_library_that_lacks_files_says_which_joints_it_gives(folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'SMPLX_MALE.npz').symlink_to(folder / 'SMPLX_MALE.npz')
    library = BodyLibrary(tmp_path)
    assert library.joint_names('smplx', 'male') == 'body22'
    assert library.joint_names('smpl', 'male') == 'proxy22'
    assert library.joints('smplx', 'male', *parameters(55)).shape == (3, 22, 3)
    assert library.joints('smpl', 'male', *parameters(24)).shape == (3, 22, 3)
    with pytest.raises(FileNotFoundError, match=r'SMPL_NEUTRAL\.pkl, from smpl\.is'):
        library.body('smpl', 'neutral')
    with pytest.raises(FileNotFoundError, match=r'smplx2smpl\.pkl'):
        _ = library.smplx2smpl


@pytest.mark.parametrize('change', ['key', 'shape', 'tree', 'list'])
def test_files_that_are_no_smpl_are_named(folder: Path, tmp_path: Path, change: str) -> None:
    content = pickle.loads((folder / 'SMPL_NEUTRAL.pkl').read_bytes())
    if change == 'key':
        del content['posedirs']
    elif change == 'shape':
        content['weights'] = content['weights'][:, :20]
    elif change == 'tree':
        content['kintree_table'][0, 5] = 0
    else:
        content = [1, 2]
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=r'SMPL_NEUTRAL\.pkl: '):
        read_smpl(path)


@pytest.mark.parametrize('form', ['sparse', 'dense', 'npy', 'npz'])
def test_the_vertex_map_is_read_in_every_form(folder: Path, tmp_path: Path, form: str) -> None:
    expected = BodyLibrary(folder).smplx2smpl
    if form in ('sparse', 'dense'):
        tensor = torch.from_numpy(expected.toarray())
        torch.save(tensor.to_sparse() if form == 'sparse' else tensor, tmp_path / 'smplx2smpl_sparse.pt')
    elif form == 'npy':
        np.save(tmp_path / 'smplx2smpl.npy', expected.toarray())
    else:
        np.savez(tmp_path / 'smplx2smpl.npz', matrix=expected.toarray())
    found = BodyLibrary(tmp_path).smplx2smpl
    assert found.shape == expected.shape
    assert abs(found - expected).max() == 0


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('smplx2smpl.pkl', pickle.dumps({'map': 1})),
        ('smplx2smpl.pkl', b'cos\nsystem\n(S"false"\ntR.'),
        ('smplx2smpl.pt', b'cos\nsystem\n(S"false"\ntR.'),
        ('smplx2smpl.npy', b'nothing'),
    ],
)
def test_a_vertex_map_that_is_none_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        _ = BodyLibrary(tmp_path).smplx2smpl
