import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from chromm_ros.flow import Detections, FrameFeatures, ViewPeople
from chromm_ros.geometry.cameras import transform
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.skeleton import HEAD


def features(rows, size=(144, 192)):
    return FrameFeatures(
        scene=torch.arange(rows * 6.0).view(rows, 2, 3),
        human=tuple(torch.arange(rows * 4.0).view(rows, 2, 2)),
        image_sizes=tuple((480 + row, 640) for row in range(rows)),
        scene_size=size,
    )


def test_take_picks_rows_in_the_order_asked_for():
    picked = features(4).take([2, 0])
    assert torch.equal(picked.scene, features(4).scene[[2, 0]])
    assert torch.equal(picked.human_tokens, features(4).human_tokens[[2, 0]])
    assert picked.image_sizes == ((482, 640), (480, 640))
    assert len(features(4).take(slice(1, None))) == 3


def test_join_undoes_take():
    whole = features(4)
    joined = FrameFeatures.join([whole.take([0]), whole.take(slice(1, None))])
    assert torch.equal(joined.scene, whole.scene)
    assert torch.equal(joined.human_tokens, whole.human_tokens)
    assert joined.image_sizes == whole.image_sizes


def test_features_of_different_sizes_cannot_share_a_window():
    # 9 x 12 and 12 x 9 patches are equally many
    with pytest.raises(ValueError, match=r'\(144, 192\), \(192, 144\)'):
        FrameFeatures.join([features(1), features(1, size=(192, 144))])
    with pytest.raises(ValueError, match='none'):
        FrameFeatures.join([])


def detections(*shape, seed=0):
    random = np.random.default_rng(seed)
    sizes = {
        'score': (), 'token': (8,), 'head_px': (2,), 'pelvis_px': (2,), 'betas': (10,), 'head': (3,),
        'canonical_joints': (55, 3),
    }  # fmt: skip
    turns = Rotation.random(53 * int(np.prod(shape)), random_state=seed).as_matrix().reshape(*shape, 53, 3, 3)
    return Detections(
        valid=np.ones(shape, bool),
        pose=turns[..., :52, :, :],
        root_rotation=turns[..., 52, :, :],
        **{name: random.normal(size=(*shape, *size)) for name, size in sizes.items()},
    )


def same(one, other):
    return all(np.array_equal(array, other.detections()[name]) for name, array in one.detections().items())


def test_what_is_stacked_can_be_taken_out_again():
    parts = [detections(4, seed=seed) for seed in range(3)]
    stacked = Detections.stack(parts)
    assert stacked.valid.shape == (3, 4)
    assert all(same(stacked.take(number), part) for number, part in enumerate(parts))
    rows = (np.array([2, 0]), np.array([1, 3]))
    assert same(stacked.take(rows), Detections.stack([parts[2].take(1), parts[0].take(3)]))


def test_nobody_has_the_shape_of_everybody_and_rotations_that_are_rotations():
    nobody = detections(2, 3).nobody()
    assert nobody.valid.shape == (2, 3)
    assert not nobody.valid.any()
    np.testing.assert_array_equal(nobody.root_rotation, np.broadcast_to(np.eye(3), (2, 3, 3, 3)))
    np.testing.assert_array_equal(nobody.pose[0, 0, 0], np.eye(3))
    assert not nobody.head.any()


def test_joints_hang_on_the_head():
    people = detections(2, 5)
    np.testing.assert_allclose(people.joints[..., HEAD, :], people.head)
    tensors = people.each(torch.from_numpy)
    np.testing.assert_allclose(tensors.joints.numpy(), people.joints)


def test_a_moved_window_keeps_its_bodies_and_moves_everything_in_the_world_alike():
    cameras = np.tile(np.eye(4), (2, 3, 1, 1))
    cameras[..., :3, 3] = np.random.default_rng(1).normal(size=(2, 3, 3))
    window = ViewPeople(
        **detections(2, 3, 4).detections(),
        intrinsics=np.tile(np.eye(3), (2, 3, 1, 1)),
        world_from_camera=cameras,
        given=np.ones((2, 3), bool),
        seen=np.ones((2, 3), bool),
        times=np.arange(3.0),
    )
    change = Similarity(np.asarray(2.0), Rotation.random(random_state=3).as_matrix(), np.array([1.0, -2.0, 0.5]))
    moved = window.moved(change)
    assert isinstance(moved, ViewPeople)
    np.testing.assert_allclose(
        transform(moved.world_from_camera, moved.head), change.apply(transform(cameras, window.head))
    )
    np.testing.assert_array_equal(moved.canonical_joints, window.canonical_joints)
    np.testing.assert_allclose(moved.moved(change.inverse()).head, window.head)
