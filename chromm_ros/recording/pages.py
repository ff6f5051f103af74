"""An offline run as one HTML page that plays without a server."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import Cloud, Human, ImageSet, Step
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import CameraView, PersonView, Timeline, WorldView

THUMBNAIL = 128
"""Width of the images on the page [px]."""

FALLBACK_FOV = 1.0
"""Vertical field of view [rad] of a camera whose intrinsics are not known."""


class PageRecorder:
    """Collects the steps of a run and the images that belong to them, no more than a page shows."""

    def __init__(self, body: BodyModel, span: float = 60.0):
        self._body = body
        self._timeline = Timeline(span, limit=600)
        self._images: dict[int, dict[str, bytes]] = {}
        self._heights: dict[str, int] = {}

    def remember(self, image_set: ImageSet) -> None:
        """Keep small copies of the images until their step comes."""
        self._heights.update({name: view.pixels.shape[0] for name, view in image_set.views.items()})
        self._images[image_set.stamp] = {
            name: thumbnail(view.pixels, THUMBNAIL) for name, view in image_set.views.items()
        }
        oldest = image_set.stamp - round(self._timeline.span * 1e9)
        for stamp in [stamp for stamp in self._images if stamp < oldest]:
            del self._images[stamp]

    def add(self, step: Step, window: int) -> None:
        """Append one step."""
        images = self._images.pop(step.stamp, {})
        people = tuple(self._person(human) for human in step.humans)
        cameras = tuple(
            CameraView(
                camera.view,
                camera.state.name.lower(),
                camera.world_from_camera,
                self._fov(camera.view, camera.intrinsics),
                images.get(camera.view),
                0.0,
            )
            for camera in step.cameras
        )
        self._timeline.add(WorldView(step.stamp, window, 0.0, people, cameras))

    def write(self, path: Path, scene: Cloud) -> int:
        """Write the page; returns the number of frames in it."""
        page = Page(port=free_port(), span=self._timeline.span)
        try:
            page.show_scene(scene)
            for view in self._timeline.views:
                page.timeline.add(view)
            return page.export(path)
        finally:
            page.close()

    def _person(self, human: Human) -> PersonView:
        with torch.inference_mode():
            height = float(self._body.height(torch.as_tensor(human.betas, dtype=torch.float32)))
        return PersonView(
            id=human.id,
            state=human.state.name.lower(),
            confidence=human.confidence,
            joints=human.joints,
            rotations=human.joint_rotations,
            betas=human.betas,
            velocity=human.velocity,
            height=height,
            cameras=tuple(seen.view for seen in human.observations),
        )

    def _fov(self, view: str, intrinsics: np.ndarray | None) -> float:
        if intrinsics is None or view not in self._heights:
            return FALLBACK_FOV
        return float(2 * np.arctan2(0.5 * self._heights[view], intrinsics[1, 1]))


def free_port() -> int:
    """A port on 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])
