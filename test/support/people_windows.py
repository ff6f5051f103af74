"""Windows of people in another order, or with parts replaced; and labellings compared whatever their labels."""

from __future__ import annotations

import dataclasses

import numpy as np

from chromm_ros.flow import ViewPeople


def changed(people: ViewPeople, **fields) -> ViewPeople:
    return dataclasses.replace(people, **fields)


def chosen(people: ViewPeople, views=slice(None), detections=slice(None)) -> ViewPeople:
    """The window with its views and the detections of each image in another order, or fewer of them."""
    fields = people.take(views).take(np.s_[:, :, detections]).detections()
    for name in ('intrinsics', 'world_from_camera', 'given', 'seen'):
        fields[name] = getattr(people, name)[views]
    return changed(people, **fields)


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings group the detections alike, whatever the labels; -1 is no label."""
    if ((a < 0) != (b < 0)).any():
        return False
    pairs = np.unique(np.stack([a[a >= 0], b[b >= 0]], 1), axis=0)
    return len(np.unique(pairs[:, 0])) == len(pairs) == len(np.unique(pairs[:, 1]))
