"""An offline run as one HTML page that plays without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import CameraState, Cloud, Human, ImageSet, Step
from chromm_ros.viewing.exported import as_html
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import CameraView, PersonView, Timeline, WorldView

THUMBNAIL = 160
"""Width of the images on the page [px]."""

RATE = 10.0
"""Steps per second that a page shows at most."""

FALLBACK_FOV = 1.0
"""Vertical field of view [rad] of a camera whose intrinsics are not known."""


class PageRecorder:
    """Collects the steps of a run and the images that belong to them, no more than a page shows."""

    def __init__(self, body: BodyModel, span: float = 60.0):
        self._body = body
        self._timeline = Timeline(span, limit=600)
        self._images: dict[int, dict[str, bytes]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}  # width, height [px]

    def remember(self, image_set: ImageSet) -> None:
        """Keep small copies of the images until their step comes."""
        self._sizes.update({name: view.pixels.shape[1::-1] for name, view in image_set.views.items()})
        self._images[image_set.stamp] = {
            name: thumbnail(view.pixels, THUMBNAIL) for name, view in image_set.views.items()
        }
        oldest = image_set.stamp - round(self._timeline.span * 1e9)
        for stamp in [stamp for stamp in self._images if stamp < oldest]:
            del self._images[stamp]

    def add(self, step: Step, window: int) -> None:
        """Append one step, unless the one before was hardly earlier."""
        images = self._images.pop(step.stamp, {})
        views = self._timeline.views
        if views and 0 <= step.stamp - views[-1].stamp < 0.99e9 / RATE:
            return
        people = tuple(self._person(human, step.stamp) for human in step.humans)
        cameras = tuple(self._camera(camera, images) for camera in step.cameras)
        self._timeline.add(WorldView(step.stamp, window, 0.0, people, cameras))

    def write(
        self,
        path: Path,
        scene: Cloud,
        settings: Mapping[str, str],
        progress: Callable[[float], None] = lambda done: None,
    ) -> int:
        """Write the page; returns the number of frames in it.

        Args:
            path: of the page.
            scene: what does not move.
            settings: what was chosen, for whoever reads the page.
            progress: is told which part is done, from 0 to 1.

        Raises:
            ValueError: there are no steps.
        """
        html, frames = as_html(self._timeline.views, scene, settings, progress=progress)
        path.write_text(html)
        return frames

    def _camera(self, camera: CameraState, images: Mapping[str, bytes]) -> CameraView:
        size = self._sizes.get(camera.view, (0, 0))
        return CameraView(
            camera.view,
            camera.state.name.lower(),
            camera.world_from_camera,
            self._fov(camera.view, camera.intrinsics),
            images.get(camera.view),
            0.0,
            size=size,
            intrinsics=camera.intrinsics,
        )

    def _person(self, human: Human, stamp: int) -> PersonView:
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
            age=1e-9 * (stamp - human.first_observed),
            unseen=1e-9 * (stamp - human.last_observed),
            heads={seen.view: (float(seen.head_px[0]), float(seen.head_px[1])) for seen in human.observations},
        )

    def _fov(self, view: str, intrinsics: np.ndarray | None) -> float:
        if intrinsics is None or view not in self._sizes:
            return FALLBACK_FOV
        return float(2 * np.arctan2(0.5 * self._sizes[view][1], intrinsics[1, 1]))
