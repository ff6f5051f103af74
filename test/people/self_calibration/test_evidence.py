"""What speaks against a rig: clocks that are late, and lenses that people say too little about."""

from dataclasses import replace

import numpy as np
import pytest
from rig_sightings import BODY, LIMBS, errors, priors, sightings

from chromm_ros.people.self_calibration.estimate import estimate
from chromm_ros.people.self_calibration.evidence import lateness
from chromm_ros.people.self_calibration.sightings import Sighting
from chromm_ros.people.self_calibration.verify import CameraCheck, calibrate
from chromm_ros.synthetic.estimates import crowd

STEP = 0.1
EVERY = 5
"""Of the steps of a stage, those that are sightings."""


def late_rig(seed, lag, views=4, times=20):
    """A stage, and its sightings where the last camera shows what was ``lag`` steps ago."""
    stage = crowd(views, times * EVERY + 20, 2, seed, BODY, interval=STEP, spread=2.0)
    seen = [sightings(_at(stage, 10 + EVERY * np.arange(times) - back), seed) for back in (0, lag)]
    last = f'camera{views - 1}'
    return stage, [Sighting(now.stamp, {**now.views, last: then.views[last]}) for now, then in zip(*seen)]


def _at(stage, steps):
    truth = {name: getattr(stage.truth, name)[steps] for name in stage.truth.__dataclass_fields__}
    return replace(
        stage,
        truth=replace(stage.truth, **truth),
        world_from_camera=stage.world_from_camera[:, steps],
        times=stage.times[steps],
    )


@pytest.mark.parametrize('seed', [50, 51])
def test_no_camera_of_a_good_rig_is_late(seed):
    stage, seen = late_rig(seed, 0)
    late = lateness(estimate(seen, priors(stage), LIMBS), seen)
    assert np.abs(late[:, 0]).max() < 0.05


@pytest.mark.parametrize('lag', [2, 3])
def test_a_late_camera_is_found_out_of_the_motion_of_people(lag):
    stage, seen = late_rig(52, lag)
    late = lateness(estimate(seen, priors(stage), LIMBS), seen)
    assert late[:, 0].argmax() == 3
    assert 0.25 * lag * STEP < late[3, 0] < 1.2 * lag * STEP  # what misses by far counts little
    assert late[3, 0] > 2 * late[3, 1]


def test_a_late_camera_is_left_out_with_the_reason_and_the_others_stay_right():
    stage, seen = late_rig(53, 2)
    found = calibrate(seen, priors(stage), LIMBS)
    assert 'camera3' not in found.world_from_camera
    assert found.checks['camera3'].problem
    assert len(found.world_from_camera) == 3
    assert errors(found.world_from_camera, stage)[0] < 0.1


def test_people_who_stand_do_not_tell_the_time():
    stage, seen = late_rig(54, 0)
    still = [replace(seen[0], stamp=sighting.stamp) for sighting in seen]
    late = lateness(estimate(still, priors(stage), LIMBS), still)
    assert (late[:, 1] > 0.2).all()


def test_a_lens_is_told_where_it_fits_and_could_not_be_another():
    assert CameraCheck(lens=(0.05, 0.05)).lens_is_told
    assert not CameraCheck(lens=(0.05, 0.25)).lens_is_told  # one of 1.5 times the focal length would fit, too
    assert not CameraCheck(lens=(0.25, 0.05)).lens_is_told
    assert CameraCheck().lens_is_told  # it was found, not given
