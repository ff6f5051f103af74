import pytest
import torch

from chromm_ros.flow import FrameFeatures


def features(rows, size=(144, 192)):
    return FrameFeatures(
        scene=torch.arange(rows * 6.0).view(rows, 2, 3),
        human=torch.arange(rows * 4.0).view(rows, 2, 2),
        image_sizes=tuple((480 + row, 640) for row in range(rows)),
        scene_size=size,
    )


def test_take_picks_rows_in_the_order_asked_for():
    picked = features(4).take([2, 0])
    assert torch.equal(picked.scene, features(4).scene[[2, 0]])
    assert torch.equal(picked.human, features(4).human[[2, 0]])
    assert picked.image_sizes == ((482, 640), (480, 640))
    assert len(features(4).take(slice(1, None))) == 3


def test_join_undoes_take():
    whole = features(4)
    joined = FrameFeatures.join([whole.take([0]), whole.take(slice(1, None))])
    assert torch.equal(joined.scene, whole.scene)
    assert torch.equal(joined.human, whole.human)
    assert joined.image_sizes == whole.image_sizes


def test_features_of_different_sizes_cannot_share_a_window():
    # 9 x 12 and 12 x 9 patches are equally many
    with pytest.raises(ValueError, match=r'\(144, 192\), \(192, 144\)'):
        FrameFeatures.join([features(1), features(1, size=(192, 144))])
    with pytest.raises(ValueError, match='none'):
        FrameFeatures.join([])
