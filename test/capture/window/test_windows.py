"""The rolling window: what stays, what leaves, how it is stacked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chromm_ros.capture.window.windows import (
    Placed,
    RollingWindow,
    Row,
    WindowStep,
    join_features,
    stack_people,
)
from chromm_ros.flow import Detections, FrameFeatures, ViewImage
from chromm_ros.geometry.similarity import Similarity

SHAPES = {
    'valid': (2,), 'score': (2,), 'token': (2, 8), 'head_px': (2, 2), 'pelvis_px': (2, 2), 'pose': (2, 52, 3, 3),
    'betas': (2, 10), 'root_rotation': (2, 3, 3), 'head': (2, 3), 'canonical_joints': (2, 55, 3),
}  # fmt: skip


def row(view: str, stamp: int, size: tuple[int, int] = (8, 8)) -> Row:
    features = FrameFeatures(torch.full((1, 2, 3), stamp), (torch.zeros(2, 3),), (size,), size)
    return Row(view, ViewImage(np.zeros((*size, 3), np.uint8), stamp), features)


def placed(number: float) -> Placed:
    arrays = {name: np.full(shape, number) for name, shape in SHAPES.items()}
    people = Detections(**{**arrays, 'valid': np.array([True, False])})
    pose = np.eye(4)
    pose[0, 3] = number
    return Placed(people, number * np.eye(3), pose)


def window_of(steps: int, size: int = 4, views=('a', 'b')) -> RollingWindow:
    window = RollingWindow(size)
    for stamp in range(steps):
        window.append(WindowStep(stamp, {view: row(view, stamp) for view in views}), 100)
    return window


def test_it_holds_its_size_and_counts_what_was_overtaken():
    window = window_of(4)
    assert [step.stamp for step in window.steps] == [0, 1, 2, 3]
    assert window.append(WindowStep(4, {'a': row('a', 4)}), 100) == 1
    window.place([placed(n) for n in range(7)])
    assert window.append(WindowStep(5, {'a': row('a', 5)}), 100) == 0
    assert [step.stamp for step in window.steps] == [2, 3, 4, 5]


def test_old_images_leave():
    window = window_of(3)
    window.append(WindowStep(50, {'a': row('a', 50)}), 49)
    assert [step.stamp for step in window.steps] == [1, 2, 50]


def test_new_rows_are_placed_in_order_and_kept_as_they_are():
    window = window_of(2)
    assert window.first_new == 0
    window.place([placed(n) for n in range(4)])
    assert window.first_new == 2
    before = window.rows()
    window.append(WindowStep(2, {'b': row('b', 2)}), 100)
    window.place([placed(9)])
    assert all(old.placed is new.placed for old, new in zip(before, window.rows()))
    people = stack_people(tuple(window.steps), ('a', 'b'))
    assert people.seen.tolist() == [[True, True, False], [True, True, True]]
    assert people.world_from_camera[:, :, 0, 3].tolist() == [[0, 2, 0], [1, 3, 9]]
    assert people.score[1, 2].tolist() == [9, 9]
    np.testing.assert_allclose(people.times, [0, 1e-9, 2e-9])
    np.testing.assert_allclose(people.pose[0, 2], np.broadcast_to(np.eye(3), (2, 52, 3, 3)))
    assert not people.valid[0, 2].any()


def test_only_the_newest_row_of_a_camera_keeps_what_people_are_read_from():
    window = window_of(2)
    window.append(WindowStep(2, {'b': row('b', 2)}), 100)
    window.place([placed(n) for n in range(5)])
    kept = {(row.view, row.image.stamp) for row in window.rows() if row.features.human[0] is not None}
    assert kept == {('a', 1), ('b', 2)}
    assert all(len(row.features.scene) == 1 for row in window.rows())


def test_a_moved_world_moves_heads_and_cameras():
    window = window_of(1)
    window.place([placed(1.0), placed(2.0)])
    window.move(Similarity(np.asarray(2.0), np.eye(3), np.array([0.0, 5.0, 0.0])))
    people = stack_people(tuple(window.steps), ('a', 'b'))
    assert people.head[:, 0, 0, 0].tolist() == [2.0, 4.0]
    assert people.world_from_camera[:, 0, :2, 3].tolist() == [[2.0, 5.0], [4.0, 5.0]]


def test_views_and_new_rows_are_dropped():
    window = window_of(2)
    window.place([placed(n) for n in range(4)])
    window.append(WindowStep(2, {'b': row('b', 2)}), 100)
    window.drop_new()
    assert len(window.steps) == 2
    window.keep_views({'a'})
    assert [each.view for each in window.rows()] == ['a', 'a']
    window.keep_views({'c'})
    assert not window.steps
    window.keep(1)
    assert window.size == 1


def test_the_newest_rows_are_asked_for_and_new_ones_are_never_left_out():
    window = window_of(3)
    assert [each.image.stamp for each in window.rows(1)] == [0, 0, 1, 1, 2, 2], 'all are new'
    window.place([placed(n) for n in range(6)])
    window.append(WindowStep(3, {'a': row('a', 3)}), 100)
    assert [each.image.stamp for each in window.rows(1)] == [3]
    assert [each.image.stamp for each in window.rows(2)] == [2, 2, 3]
    assert window.rows(9) == window.rows(None) == window.rows()


def test_features_of_different_sizes_do_not_join():
    assert len(join_features(window_of(2).rows())) == 4
    with pytest.raises(ValueError, match='one size'):
        join_features([row('a', 0), row('a', 1, (16, 16))])
