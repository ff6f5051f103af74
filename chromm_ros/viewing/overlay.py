"""What the page draws over and beside the scene, as JSON for the browser; ``client/`` draws it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromm_ros.skeleton import BODY_BONES, BODY_JOINTS, HEAD, HIPS
from chromm_ros.viewing.age import Sample
from chromm_ros.viewing.colors import css_color, identity_opacity
from chromm_ros.viewing.projection import project
from chromm_ros.viewing.view import Awaited, CameraView, Notice, PersonView, WorldView

TRAIL_STEP = 0.15
"""Shortest step of a trail that is sent [m]."""


@dataclass(frozen=True)
class Situation:
    """How things stand with what feeds the page, apart from the world that it shows."""

    live: bool = True
    ago: float = 0.0
    """Seconds that one looks back."""
    frame: int = 0
    rate: float = 0.0
    """Windows per second."""
    usual: float = 1.0
    """Usual time between windows [s]."""
    fade: float = 1.0
    """1: new; 0: too old to be shown."""
    selected: int | None = None
    notice: Notice | None = None
    awaited: tuple[Awaited, ...] = ()


def state_of(
    view: WorldView | None,
    cameras: Sequence[CameraView],
    situation: Situation,
    trails: Mapping[int, np.ndarray],
    samples: Sequence[Sample] = (),
    now: float = 0.0,
) -> dict[str, Any]:
    """Everything but the images.

    Args:
        view: None while nothing came.
        cameras: of the view, or newer.
        trails: (N, 3) world [m] by id.
        samples: of the plots.
        now: on their clock [s].
    """
    notice = situation.notice
    people = view.people if view is not None else ()
    return {
        'live': situation.live,
        'ago': round(situation.ago, 1),
        'frame': situation.frame,
        'window': view.window if view is not None else None,
        'rate': round(situation.rate, 2),
        'usual': round(situation.usual, 2),
        'delay': round(view.delay, 3) if view is not None else None,
        'stages': [[name, round(1e3 * seconds)] for name, seconds in view.stages.items()] if view is not None else [],
        'fade': situation.fade,
        'selected': situation.selected,
        'notice': None if notice is None else {'level': notice.level, 'text': notice.text},
        'awaited': [[row.what, row.topic, row.seen, row.there] for row in situation.awaited],
        'people': [_person(person, trails.get(person.id)) for person in people],
        'cameras': [_camera(camera, people) for camera in cameras],
        'bones': BODY_BONES,
        'history': [
            [round(sample.time - now, 1), None if sample.delay is None else round(1e3 * sample.delay), _short(sample)]
            for sample in _thinned(samples)
        ],
    }


def images_of(cameras: Sequence[CameraView]) -> dict[str, str]:
    """The images of the cameras, as addresses that hold them."""
    return {
        camera.name: f'data:image/jpeg;base64,{base64.b64encode(camera.jpeg).decode()}'
        for camera in cameras
        if camera.jpeg is not None
    }


def as_json(content: Any) -> str:
    """Compact, and safe inside of HTML."""
    return json.dumps(content, separators=(',', ':'), allow_nan=False).replace('<', '\\u003c')


def _person(person: PersonView, trail: np.ndarray | None) -> dict[str, Any]:
    left, right = (person.joints[hip, :2] for hip in HIPS)
    across = right - left
    return {
        'id': person.id,
        'color': css_color(person.id),
        'state': person.state,
        'opacity': identity_opacity(person.state == 'tracked', person.confidence),
        'belief': round(float(person.confidence), 2),
        'age': round(person.age, 1),
        'unseen': round(person.unseen, 1),
        'cameras': list(person.cameras),
        'xyz': _rounded(person.joints[0], 2),
        'heading': round(float(np.arctan2(across[0], -across[1])), 2),
        'speed': round(float(np.linalg.norm(person.velocity)), 2),
        'height': round(float(person.height), 2),
        'trail': [] if trail is None else _rounded(_stepped(trail[:, :2]), 2),
    }


def _camera(camera: CameraView, people: tuple[PersonView, ...]) -> dict[str, Any]:
    pose = camera.world_from_camera
    place = None
    if pose is not None:
        aspect = camera.size[0] / camera.size[1] if camera.size[1] else 4 / 3
        place = {
            'xy': _rounded(pose[:2, 3], 2),
            'yaw': round(float(np.arctan2(pose[1, 2], pose[0, 2])), 3),
            'fov': round(float(2 * np.arctan(aspect * np.tan(0.5 * camera.fov_y))), 3),
        }
    return {
        'name': camera.name,
        'state': camera.state,
        'rate': round(camera.rate, 1),
        'used': round(camera.used, 1),
        'note': camera.note,
        'lag': round(camera.lag, 2),
        'place': place,
        'calibrated': camera.intrinsics is not None,
        'marks': [_mark(camera, person) for person in people] if camera.size[0] else [],
    }


def _mark(camera: CameraView, person: PersonView) -> dict[str, Any]:
    """A person in a picture, in thousandths of its width and height: joints, and the head as it was detected."""
    size = np.array(camera.size, float)
    joints = None
    if camera.world_from_camera is not None and camera.intrinsics is not None:
        pixels = project(person.joints[:BODY_JOINTS], camera.intrinsics, camera.world_from_camera)
        behind = np.isnan(pixels[:, 0])
        if not behind[HEAD]:
            joints = [None if hidden else place for hidden, place in zip(behind, _thousandths(pixels, size))]
    detected = person.heads.get(camera.name)
    return {
        'id': person.id,
        'joints': joints,
        'head': None if detected is None else _thousandths(np.array(detected), size),
    }


def _thousandths(pixels: np.ndarray, size: np.ndarray) -> list[Any]:
    return np.clip(np.round(1e3 * np.nan_to_num(pixels) / size), -9999, 9999).astype(int).tolist()


def _stepped(trail: np.ndarray) -> np.ndarray:
    """Without the points that are hardly away from the one before."""
    kept: list[np.ndarray] = []
    for place in trail:
        if not kept or np.linalg.norm(place - kept[-1]) >= TRAIL_STEP:
            kept.append(place)
    return np.array(kept).reshape(-1, 2)


def _thinned(samples: Sequence[Sample], most: int = 150) -> Sequence[Sample]:
    """Not more than the plots can show; silence is kept whole, for it is rare and says the most."""
    step = max(1, round(len(samples) / most))
    return [sample for index, sample in enumerate(samples) if index % step == 0 or sample.delay is None]


def _short(sample: Sample) -> float:
    return round(sample.rate, 1)


def _rounded(values: np.ndarray, digits: int) -> list[Any]:
    return np.round(np.asarray(values, float), digits).tolist()
