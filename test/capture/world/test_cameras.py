from __future__ import annotations

import numpy as np
import pytest

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.windows import Placed, Row
from chromm_ros.capture.world.cameras import Cameras, PlacedImage
from chromm_ros.capture.world.extrinsics import ExtrinsicsPolicy
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import FrameFeatures, ImageSet, ViewImage


def rig(*views: str, extrinsics: str = 'auto') -> Cameras:
    return Cameras(CaptureSettings(extrinsics=extrinsics), EstimateErrors(), views)


def image(stamp: int, shape: tuple[int, ...] = (48, 64, 3), pose: np.ndarray | None = None) -> ViewImage:
    return ViewImage(np.zeros(shape, np.uint8), stamp, None, pose)


def at(x: float) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3] = x
    return pose


def test_the_order_is_that_of_naming_whatever_the_set_says():
    cameras = rig('left', 'right')
    images = ImageSet(1, {'door': image(1), 'right': image(1), 'left': image(1)})
    assert list(cameras.usable(images, Notices())) == ['left', 'right', 'door']
    assert cameras.views == ('left', 'right', 'door')


def test_an_image_is_used_once():
    cameras, notices = rig(), Notices()
    images = ImageSet(0, {'left': image(0)})
    chosen = cameras.usable(images, notices)
    assert list(chosen) == ['left']
    cameras.took(chosen)
    assert not cameras.usable(images, notices)
    assert notices.dropped == {'repeated image': 1}


def test_what_cannot_be_used_is_counted_and_a_camera_without_a_pose_is_named_once():
    cameras, notices = rig(extrinsics='tf'), Notices()
    for stamp in (1, 2):
        views = {
            'a': image(stamp, (0, 0, 3)),
            'b': image(stamp, (48, 64)),
            'c': image(stamp, pose=None),
            'd': image(stamp, pose=np.eye(4)),
        }
        assert list(cameras.usable(ImageSet(stamp, views), notices)) == ['d']
    assert notices.dropped == {'bad image': 4, 'no pose': 2}
    assert sum('Camera c is not used' in sentence for sentence in notices.tell()[1]) == 1


def test_a_lens_that_no_camera_has_is_left_out():
    cameras, notices = rig(), Notices()
    bad = np.diag([-1.0, 1.0, 1.0])
    chosen = cameras.usable(ImageSet(1, {'a': ViewImage(np.zeros((48, 64, 3), np.uint8), 1, bad)}), notices)
    assert chosen['a'].intrinsics is None
    assert notices.dropped == {'bad intrinsics': 1}


def test_a_new_shape_is_noticed_and_a_new_size_is_not():
    cameras = rig()
    for shape, changed in [((48, 64, 3), None), ((96, 128, 3), None), ((64, 48, 3), 'a'), ((64, 48, 3), None)]:
        assert cameras.reshaped({'a': image(1, shape)}) == changed


def test_names_and_exclusions_outlive_a_restart():
    cameras = rig('a', 'b')
    cameras.use(['b', 'c'])
    cameras.took({'b': image(5)})
    again = cameras.restarted(CaptureSettings())
    assert again.views == ('a', 'b', 'c')
    assert again.excluded == {'a'}
    assert again['b'].stamp is None
    with pytest.raises(ValueError, match='at least one'):
        again.use([])


@pytest.mark.parametrize(
    ('extrinsics', 'given', 'first', 'later'),
    [('auto', at(1.0), 1.0, 1.0), ('tf_then_refine', at(1.0), 1.0, 2.0), ('auto', None, None, 3.0)],
)
def test_where_a_camera_is_known_to_be(extrinsics, given, first, later):
    """It is seen at 3 m in every window."""
    cameras = Cameras(CaptureSettings(extrinsics=extrinsics), EstimateErrors(), ['a'])
    seen, nowhere = PlacedImage('a', np.eye(4), given), np.full((1, 4, 4), np.nan)
    known = cameras.reference(seen)
    assert (None if known is None else known[0, 3]) == first
    for _ in range(40):
        cameras.observe([seen], at(3.0)[None], nowhere, Notices())
    assert cameras.reference(seen)[0, 3] == pytest.approx(later, abs=0.2)


def test_every_choice_of_extrinsics_has_its_policy():
    pose = image(1, pose=np.eye(4))
    assert ExtrinsicsPolicy.of('estimated').given(pose) is None
    assert ExtrinsicsPolicy.of('auto').given(pose) is pose.world_from_camera
    assert not ExtrinsicsPolicy.of('tf').estimates
    assert ExtrinsicsPolicy.of('tf_then_refine').refines


def test_poses_that_are_not_used_are_compared_all_the_same():
    cameras = rig('a', 'b', 'c', extrinsics='estimated')
    images = ImageSet(1, {view: image(1, pose=at(3.0 * (view == 'b'))) for view in 'abc'})
    rows = {}
    for view, offset in zip('ab', (0.0, 0.2)):
        estimated = images.views[view].world_from_camera + offset * np.eye(4, k=3)
        features = FrameFeatures(None, (None,), ((48, 64),), (48, 64))
        rows[view] = Row(view, images.views[view], features, None, Placed(None, np.eye(3), estimated))
    a, b, c = cameras.states(images, rows)
    assert a.translation_error == pytest.approx(0.1)  # a rig that is 20 cm too long
    assert b.translation_error == pytest.approx(0.1)
    assert np.isnan(c.translation_error)  # not estimated yet
    assert not a.bumped
