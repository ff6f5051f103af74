"""Bodies over the images of all cameras, as a moving picture: the quickest look at whether a capture is right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from chromm_ros.flow import CameraState, Human, ImageSet, Snapshot
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.viewing.colors import identity_color, identity_opacity
from chromm_ros.viewing.skin import Skin

NEAREST = 0.1
"""Depth below which a triangle is not drawn [m]."""
COVER = 0.75
"""Opacity of a body that is surely there."""
AMBIENT = 0.45
"""Brightness of skin that turns away from the camera."""
FRACTION_BITS = 4
"""Of the corners of triangles, so that bodies move smoothly."""


class MovingPicture:
    """Collects one frame for each snapshot."""

    def __init__(self, height: int = 420, width: int = 1280) -> None:
        """
        Args:
            height, width: of the picture at most [px]; the images of the cameras stand side by side.
        """
        self.limit = width, height
        self.frames: list[np.ndarray] = []
        self.stamps: list[int] = []
        self._skin = Skin()

    def add(self, snapshot: Snapshot, images: ImageSet) -> None:
        """Draw the people of a snapshot over the images that it was made of."""
        cameras = {camera.view: camera for camera in snapshot.cameras}
        people = [human for human in snapshot.humans if np.isfinite(human.joints).all()]
        skins = self._skin.vertices(
            np.array([human.joints for human in people]).reshape(-1, 55, 3),
            np.array([human.joint_rotations for human in people]).reshape(-1, 55, 3, 3),
            np.array([human.betas for human in people]).reshape(len(people), -1),
        )
        panels = [self._panel(image.pixels, cameras.get(view), people, skins) for view, image in images.views.items()]
        least = min(len(panel) for panel in panels)
        row = np.concatenate([_resized(panel, least / len(panel)) for panel in panels], 1)
        self.frames.append(_resized(row, min(1.0, self.limit[0] / row.shape[1])))
        self.stamps.append(snapshot.stamp)

    def write(self, file: Path) -> None:
        """Write an animated WebP that plays at the rate of the snapshots, in a loop.

        Raises:
            ValueError: nothing was added.
            OSError: the file cannot be written.
        """
        if not self.frames:
            raise ValueError(f'no image set gave a result, so {file} was not written')
        size = self.frames[0].shape[1::-1]
        frames = [Image.fromarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA)) for frame in self.frames]
        gaps = np.diff(self.stamps) * 1e-6 if len(frames) > 1 else np.array([1000.0])
        durations = np.clip(np.append(gaps, np.median(gaps)), 20, 2000).round().astype(int).tolist()
        file.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(
            file, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=60, method=4
        )

    def _panel(
        self, pixels: np.ndarray, camera: CameraState | None, people: list[Human], skins: np.ndarray
    ) -> np.ndarray:
        """The image of one camera with the bodies, shrunk."""
        shrink = min(1.0, self.limit[1] / len(pixels), self.limit[0] / pixels.shape[1])
        panel = _resized(pixels, shrink)
        if camera is None or camera.world_from_camera is None or camera.intrinsics is None:
            return panel
        lens = np.diag([shrink, shrink, 1.0]) @ camera.intrinsics
        corners = transform(invert_rigid(camera.world_from_camera), skins)  # (K, N, 3)
        farthest_first = np.argsort(-corners[..., 2].mean(-1))
        for number in farthest_first:
            human = people[number]
            tracked = bool(human.observations)
            opacity = COVER * identity_opacity(tracked, human.confidence)
            body = self._drawn(panel, corners[number], lens, identity_color(human.id))
            panel = cv2.addWeighted(panel, 1 - opacity, body, opacity, 0)
        return panel

    def _drawn(
        self, panel: np.ndarray, corners: np.ndarray, lens: np.ndarray, color: tuple[int, int, int]
    ) -> np.ndarray:
        """A copy of the panel with one opaque body of corners (N, 3) in the camera frame."""
        drawn = panel.copy()
        triangles = corners[self._skin.faces.astype(int)]  # (F, 3, 3)
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
        middles = triangles.mean(1)
        toward = -(normals * middles).sum(-1) / np.maximum(np.linalg.norm(middles, axis=-1), 1e-12)
        visible = (triangles[..., 2].min(1) > NEAREST) & (toward > 0)
        order = np.flatnonzero(visible)[np.argsort(-middles[visible, 2])]
        points = np.round(project(triangles[order], lens) * 2**FRACTION_BITS)
        inside = (np.abs(points) < 2**15 * 2**FRACTION_BITS).all((1, 2))
        for number, outline in zip(order[inside], points[inside].astype(np.int32)):
            light = AMBIENT + (1 - AMBIENT) * toward[number]
            shade = tuple(light * value for value in color)
            cv2.fillConvexPoly(drawn, outline, shade, cv2.LINE_AA, FRACTION_BITS)
        return drawn


def _resized(image: np.ndarray, factor: float) -> np.ndarray:
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor < 1 else image.copy()
