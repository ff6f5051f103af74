from __future__ import annotations

import numpy as np
import pytest

from chromm_ros.capture.settings import CaptureSettings, WorldSettings
from chromm_ros.capture.world.gauge import WorldGauge
from chromm_ros.capture.world.rig import Rig
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ImageSet, ViewImage


def image(stamp: int, shape: tuple[int, ...] = (48, 64, 3), pose: np.ndarray | None = None) -> ViewImage:
    return ViewImage(np.zeros(shape, np.uint8), stamp, None, pose)


def test_the_order_is_that_of_naming_whatever_the_set_says():
    rig = Rig(['left', 'right'])
    chosen, _ = rig.usable(ImageSet(1, {'door': image(1), 'right': image(1), 'left': image(1)}), False)
    assert list(chosen) == ['left', 'right', 'door']
    assert rig.views == ('left', 'right', 'door')


def test_an_image_is_used_once():
    rig = Rig()
    images = ImageSet(0, {'left': image(0)})
    chosen, reasons = rig.usable(images, False)
    assert list(chosen) == ['left']
    assert reasons == []
    rig.cameras['left'].stamp = 0
    assert rig.usable(ImageSet(1, images.views), False) == ({}, ['repeated image'])


def test_what_cannot_be_used_is_named():
    rig = Rig()
    views = {
        'a': image(1, (0, 0, 3)),
        'b': image(1, (48, 64)),
        'c': image(1, pose=None),
        'd': image(1, pose=np.eye(4)),
    }
    chosen, reasons = rig.usable(ImageSet(1, views), pose_required=True)
    assert list(chosen) == ['d']
    assert reasons == ['bad image', 'bad image', 'no pose']


def test_a_new_shape_is_noticed_and_a_new_size_is_not():
    rig = Rig()
    for shape, changed in [((48, 64, 3), None), ((96, 128, 3), None), ((64, 48, 3), 'a'), ((64, 48, 3), None)]:
        chosen, _ = rig.usable(ImageSet(1, {'a': image(1, shape)}), False)
        assert rig.reshaped(chosen) == changed


def test_names_and_exclusions_outlive_a_restart():
    rig = Rig(['a', 'b'])
    rig.use(['b', 'c'])
    rig.cameras['b'].stamp = 5
    rig.restart()
    assert rig.views == ('a', 'b', 'c')
    assert rig.excluded == {'a'}
    assert rig.cameras['b'].stamp is None
    with pytest.raises(ValueError, match='at least one'):
        rig.use([])


def test_poses_that_are_not_used_are_compared_all_the_same():
    rig = Rig(['a', 'b', 'c'])
    images = ImageSet(1, {view: image(1, pose=np.eye(4)) for view in 'abc'})
    for view, offset in zip('ab', (0.0, 0.2)):
        images.views[view].world_from_camera[0, 3] = 3.0 * (view == 'b')
        rig.cameras[view].world_from_camera = images.views[view].world_from_camera + offset * np.eye(4, k=3)
    settings = CaptureSettings(extrinsics='estimated')
    a, b, c = rig.states(WorldGauge(WorldSettings(), 'estimated', False, EstimateErrors()), images, 'ab', settings)
    assert a.translation_error == pytest.approx(0.1)  # a rig that is 20 cm too long
    assert b.translation_error == pytest.approx(0.1)
    assert np.isnan(c.translation_error)  # not estimated yet
    assert not a.bumped
