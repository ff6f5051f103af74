import numpy as np
from rig_sightings import LIMBS, Faults, priors, sightings, walkers

from chromm_ros.geometry.cameras import project
from chromm_ros.people.self_calibration.sightings import LIMBS as BONES
from chromm_ros.people.self_calibration.sightings import PlacedPeople, place

EXACT = Faults(0, 0, 0, 0, 0, 0)


def test_people_are_placed_where_their_pixels_are_and_as_large_as_a_body():
    stage = walkers()
    people = sightings(stage, 0, EXACT)[0].views['camera0']
    placed = place(people, stage.intrinsics[0], LIMBS)
    seen = people.weights > 0
    assert np.abs(project(placed, stage.intrinsics[0]) - people.pixels)[seen].max() < 1e-4
    size = sum(np.linalg.norm(placed[:, a] - placed[:, b], axis=-1) for a, b in BONES)
    assert np.allclose(size, LIMBS)


def test_twice_the_size_of_the_shape_changes_nothing():
    stage = walkers()
    people = sightings(stage, 0, EXACT)[0].views['camera0']
    larger = type(people)(people.pixels, people.weights, 2 * people.shapes + 5, people.image_size)
    assert np.allclose(*(place(p, stage.intrinsics[0], LIMBS) for p in (people, larger)))


def test_an_image_without_people_and_a_missing_image_are_padding():
    stage = walkers()
    seen = sightings(stage, 0)[:3]
    emptied = dict(seen[1].views)
    del emptied['camera0']
    seen[1] = type(seen[1])(seen[1].stamp, emptied)
    placed = PlacedPeople.of(seen, 'camera0', priors(stage)['camera0'].intrinsics, LIMBS)
    assert not placed.valid[1].any()
    assert placed.valid[0].any()
    assert not PlacedPeople.of(seen, 'nobody', np.eye(3), LIMBS).valid.size
