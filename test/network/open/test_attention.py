"""People are followed from image to image; all over an image is looked only when somebody may have come."""

import numpy as np
import pytest

from chromm_ros.network.open import network as module
from chromm_ros.network.open.attention import PERIOD, SIDE, Attention, small_picture, unknown
from chromm_ros.network.open.crops import Pyramid
from chromm_ros.network.open.reader import Persons


@pytest.fixture
def searches(monkeypatch):
    """How many images were looked all over, per call of ``encode`` that did so at all."""
    counts = []

    def counted(graph, pyramids, most, settings):
        counts.append(len(pyramids))
        return search(graph, pyramids, most, settings)

    search = module.regions
    monkeypatch.setattr(module, 'regions', counted)
    return counts


def landmarks(features):
    return [module._unpacked(row.numpy())[0] for row in features.human]


def rows(features):
    return [features.take([n]) for n in range(len(features))]


def test_the_same_images_again_are_not_looked_all_over(network, image_sets, searches):
    images = [view.pixels for view in image_sets[0].views.values()]
    first = network.encode(images)
    second = network.encode(images, before=rows(first))
    assert sum(searches) == len(images)
    for before, after in zip(landmarks(first), landmarks(second)):
        assert len(after) == len(before)
        distance = np.linalg.norm(after.pixels[:, None] - before.pixels[None], axis=-1).mean(-1)
        assert distance.min(1).max() < 8  # px of 480: the same people, from crops of their own


def test_somebody_who_comes_is_found_at_once(network, image_sets, searches):
    full = image_sets[0].views['cam02'].pixels
    empty = full.copy()
    empty[:, :136] = empty[0, 0]  # the person on the left is not there yet
    before = network.encode([empty])
    after = network.encode([full], before=rows(before))
    assert searches == [1, 1]
    assert len(landmarks(after)[0]) == len(landmarks(before)[0]) + 1


def test_somebody_who_left_is_gone(network, image_sets):
    full = image_sets[0].views['cam02'].pixels
    empty = full.copy()
    empty[:, :136] = 90
    before = network.encode([full])
    after = network.encode([empty], before=rows(before))
    assert len(landmarks(after)[0]) == len(landmarks(before)[0]) - 1


def test_an_image_of_another_size_begins_anew(network, crop, searches):
    before = network.encode([crop])
    network.encode([crop[:200]], before=rows(before))
    assert searches == [1, 1]


def picture(values=0.5):
    return np.full((SIDE, SIDE), values, np.float32)


def test_every_now_and_then_it_is_looked_anyhow():
    attention = Attention(picture(), PERIOD)
    assert attention.wanders(picture(), Persons.nobody(), (480, 480))


def test_a_brighter_room_is_no_newcomer():
    assert not Attention(picture(0.4), 0).wanders(picture(0.7), Persons.nobody(), (480, 480))


def test_what_changes_around_somebody_known_is_no_newcomer():
    now = picture()
    now[10:20, 10:14] = 1.0
    points = np.random.default_rng(0).uniform((100, 100), (140, 200), (1, 33, 2))
    points[0, :2] = (100, 100), (140, 200)
    one, space = np.ones((1, 33)), np.zeros((1, 33, 3))
    known = Persons(np.ones(1), points, space, one, one, np.zeros((1, 4)))
    assert Attention(picture(), 0).wanders(now, Persons.nobody(), (480, 480))
    assert not Attention(picture(), 0).wanders(now, known, (480, 480))


def test_attention_survives_packing():
    attention = Attention(np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32), 7)
    again = Attention.unpacked(attention.packed())
    np.testing.assert_array_equal(again.picture, attention.picture)
    assert again.age == 7


def test_regions_around_known_people_are_left_out():
    points = np.zeros((1, 33))
    known = Persons(
        np.ones(1), np.zeros((1, 33, 2)), np.zeros((1, 33, 3)), points, points, np.array([[100.0, 100, 200, 0]])
    )
    regions = np.array([[110.0, 105, 190, 0.1], [300, 100, 200, 0]])
    np.testing.assert_array_equal(unknown(regions, known), regions[1:])


def test_a_crop_shows_the_place_that_it_was_asked_for():
    image = np.zeros((400, 300, 3), np.uint8)
    image[200:208, 100:108] = 255  # its middle is at (104, 204)
    crop = Pyramid.of(image).crop(np.array([104.0, 204.0, 64.0, 0.3]), 64)
    row, column = np.nonzero(crop[..., 0] > 100)
    assert (row.mean() + 0.5, column.mean() + 0.5) == pytest.approx((32, 32), abs=0.3)
    assert small_picture(Pyramid.of(image)).shape == (SIDE, SIDE)


def test_a_crop_is_turned_with_the_person():
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:110, 195:205] = 255  # above the middle
    crop = Pyramid.of(image).crop(np.array([200.0, 200.0, 256.0, np.pi / 2]), 256)
    row, column = np.nonzero(crop[..., 0] > 100)
    # turned clockwise by a quarter, up of the crop is right of the image: what was above is on the left
    assert column.mean() < 64
    assert row.mean() == pytest.approx(128, abs=6)
