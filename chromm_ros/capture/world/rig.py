"""The cameras of a session: which there are, which are in use, and how each is doing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.world.gauge import WorldGauge
from chromm_ros.capture.world.rig_errors import rig_errors
from chromm_ros.flow import CameraState, ImageSet, ViewImage, ViewState

MIN_SIDE = 16
"""Pixels below which an image cannot show anything; half-written and empty images have zero."""


@dataclass
class RigCamera:
    """What is remembered of one camera of the rig."""

    stamp: int | None = None  # [ns] of the newest image
    intrinsics: np.ndarray | None = None
    """(3, 3) in use."""
    world_from_camera: np.ndarray | None = None
    """(4, 4) in use."""
    known: bool = False
    aspect: float = 0.0


class Rig:
    """Owner of the list of cameras, in the order in which they were named or first seen."""

    def __init__(self, views: Iterable[str] = ()):
        self.cameras: dict[str, RigCamera] = {view: RigCamera() for view in views}
        self.excluded: set[str] = set()

    @property
    def views(self) -> tuple[str, ...]:
        """Names of all cameras."""
        return tuple(self.cameras)

    def use(self, views: Iterable[str]) -> None:
        """Use these cameras and no others. New names are added; cameras that are left out stay known as excluded.

        Raises:
            ValueError: no camera is named.
        """
        views = list(dict.fromkeys(views))
        if not views:
            raise ValueError('name at least one camera to use; to stop capturing, deactivate instead')
        for view in views:
            self.cameras.setdefault(view, RigCamera())
        self.excluded = set(self.cameras) - set(views)

    def usable(self, images: ImageSet, pose_required: bool) -> tuple[dict[str, ViewImage], list[str]]:
        """The images to use, in the order of the rig, and for each other one the reason why not."""
        chosen, reasons = {}, []
        for view in images.views:
            self.cameras.setdefault(view, RigCamera())
        for view, camera in self.cameras.items():
            image = images.views.get(view)
            if image is None or view in self.excluded:
                continue
            if not _good(image.pixels):
                reasons.append('bad image')
            elif image.stamp == camera.stamp:
                reasons.append('repeated image')
            elif pose_required and image.world_from_camera is None:
                reasons.append('no pose')
            else:
                chosen[view] = image
        return chosen, reasons

    def reshaped(self, images: dict[str, ViewImage]) -> str | None:
        """The name of a camera whose images have another shape than before; None: all are as they were."""
        changed = None
        for view, image in images.items():
            height, width = image.pixels.shape[:2]
            camera = self.cameras[view]
            if camera.aspect and abs(camera.aspect - width / height) > 0.02 * camera.aspect:
                changed = view
            camera.aspect = width / height
        return changed

    def restart(self) -> None:
        """Time starts again; names and exclusions stay."""
        self.cameras = {view: RigCamera() for view in self.cameras}

    def states(
        self, gauge: WorldGauge, images: ImageSet, used: Iterable[str], settings: CaptureSettings
    ) -> tuple[CameraState, ...]:
        """All cameras at the time of an image set."""
        used = set(used)
        states = []
        ignored = self._errors_of_ignored(images) if settings.extrinsics == 'estimated' else {}
        for view, camera in self.cameras.items():
            translation, rotation = ignored.get(view) or gauge.errors(view)
            states.append(
                CameraState(
                    view=view,
                    state=self._state(view, images, used, settings),
                    used=view in used,
                    stamp=camera.stamp or 0,
                    world_from_camera=camera.world_from_camera,
                    intrinsics=camera.intrinsics,
                    known=camera.known,
                    translation_error=translation,
                    rotation_error=rotation,
                    bumped=gauge.bumped(view),
                )
            )
        return tuple(states)

    def _errors_of_ignored(self, images: ImageSet) -> dict[str, tuple[float, float]]:
        """What :func:`rig_errors` says of poses that came with the images and were not used."""
        return rig_errors(
            {view: camera.world_from_camera for view, camera in self.cameras.items()},
            {view: image.world_from_camera for view, image in images.views.items()},
        )

    def _state(self, view: str, images: ImageSet, used: set[str], settings: CaptureSettings) -> ViewState:
        camera, image = self.cameras[view], images.views.get(view)
        if view in self.excluded:
            return ViewState.EXCLUDED
        if view in used:
            skew = abs(images.views[view].stamp - images.stamp) * 1e-9
            return ViewState.DESYNC if skew > settings.max_skew else ViewState.OK
        if image is not None and settings.extrinsics == 'tf' and image.world_from_camera is None:
            return ViewState.UNCALIBRATED
        if camera.stamp is not None and (images.stamp - camera.stamp) * 1e-9 <= settings.camera_timeout:
            return ViewState.STALE
        return ViewState.MISSING


def _good(pixels: np.ndarray) -> bool:
    """An RGB image that can show something."""
    return (
        pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8 and min(pixels.shape[:2]) >= MIN_SIDE
    )
