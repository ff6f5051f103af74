"""Pelvis key points in single images (3DPW test, CHROMM eq. 7 and Table 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Body, Instant, Person, View
from chromm_ros.evaluation import metrics
from chromm_ros.evaluation.protocols.clips import Clip
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.matching import boxes
from chromm_ros.evaluation.protocols.scores import ClipScore
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.people.assignment import cheapest_pairs
from chromm_ros.skeleton import HEAD

REACH = 0.5
"""A head belongs to a true head within this part of the longer side of the true person's box."""


@dataclass(frozen=True)
class TruePerson:
    """What the protocol needs of one person in one image [px]."""

    head: np.ndarray  # (2,)
    pelvis: np.ndarray  # (2,)
    box: np.ndarray  # (4,) x0, y0, x1, y1


def score_pelvis(clip: Clip, estimates: Estimates, bodies: BodyLibrary) -> ClipScore:
    """Pelvis error over the longer side of the person's box, mean over the people of an image.

    Errors: ``pelvis`` and, where the estimates have it, ``pelvis_coarse``; a value per image in which somebody was
    found.
    """
    names = {'pelvis': estimates.detection_pelvis, 'pelvis_coarse': estimates.detection_pelvis_coarse}
    given = {name: pixels for name, pixels in names.items() if len(pixels)}
    errors: dict[str, list[float]] = {name: [] for name in given}
    true = compared = matched = 0
    layouts: set[str] = set()
    for instant in clip.instants():
        layouts |= {bodies.joint_names(body.model, body.gender) for body in _bodies_of(instant)}
        for view in instant.views:
            people = true_people(instant, view, bodies)
            rows = _detections(estimates, instant.frame, view.name)
            first, second = match_heads(people, estimates.detection_head[rows])
            true, compared, matched = true + len(people), compared + len(first), matched + len(first)
            if not len(first):
                continue
            pelvis = np.stack([people[number].pelvis for number in first])
            size = np.stack([people[number].box[2:] - people[number].box[:2] for number in first])
            for name, pixels in given.items():
                errors[name].append(float(metrics.pelvis_error(pelvis, pixels[rows[second]], size).mean()))
    return ClipScore(
        errors={name: np.array(values) for name, values in errors.items()},
        true=true,
        compared=compared,
        estimates=len(estimates.detection_frame),
        matched=matched,
        instants=len(clip.indices),
        joints=' and '.join(sorted(layouts)),
    )


def match_heads(people: list[TruePerson], heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one pairs of people and estimated heads (E, 2) [px] within half a box, nearest in total."""
    if not people or not len(heads):
        return np.zeros(0, int), np.zeros(0, int)
    side = np.array([(person.box[2:] - person.box[:2]).max() for person in people])
    apart = np.linalg.norm(np.stack([person.head for person in people])[:, None] - heads[None], axis=-1)
    return cheapest_pairs(apart / side[:, None], REACH)


def true_people(instant: Instant, view: View, bodies: BodyLibrary) -> list[TruePerson]:
    """Everybody who counts in an image."""
    found = (true_person(person, view, bodies) for person in instant.people if person.valid)
    return [person for person in found if person is not None]


def _bodies_of(instant: Instant) -> list[Body]:
    return [person.body for person in instant.people if person.valid and person.body is not None]


def true_person(person: Person, view: View, bodies: BodyLibrary) -> TruePerson | None:
    """Head, pelvis and box of a person in an image; None where the set has no body of it, or it is behind the camera.

    A fit with a camera of its own is seen by that camera, any other body by the view's.
    """
    body = person.body
    if body is None:
        return None
    joints = bodies.joints(body.model, body.gender, body.betas, body.root, body.pose, body.transl)
    pixels = _pixels(joints, body, view)
    if pixels is None:
        return None
    box = person.box.get(view.name)
    if box is None:
        skin = _skin(body, bodies)
        outline = pixels if skin is None else _pixels(skin, body, view)
        box = boxes((pixels if outline is None else outline)[None])[0]
    return TruePerson(pixels[HEAD], pixels[0], np.asarray(box, float))


def _pixels(points: np.ndarray, body: Body, view: View) -> np.ndarray | None:
    """(n, 2) pixels of points in the frame of a body; None: one is behind the camera."""
    if body.frame == 'world':
        if view.world_from_camera is None:
            return None
        points = transform(invert_rigid(view.world_from_camera), points)
    if not (points[:, 2] > 0).all():
        return None
    return project(points, (body.lens or view.lens).intrinsics)


def _skin(body: Body, bodies: BodyLibrary) -> np.ndarray | None:
    """(n, 3) vertices; None: the body's file is not there."""
    if not bodies.has(body.model, body.gender):
        return None
    model = bodies.body(body.model, body.gender)
    return model.vertices(body.betas, body.root, body.pose, body.transl)


def _detections(estimates: Estimates, frame: int, view: str) -> np.ndarray:
    if view not in estimates.views:
        return np.zeros(0, int)
    number = estimates.views.index(view)
    return np.flatnonzero((estimates.detection_frame == frame) & (estimates.detection_view == number))
