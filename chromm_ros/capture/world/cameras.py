"""The cameras of a session: which there are, which are in use, where each is and how each is doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.windows import Row
from chromm_ros.capture.world.camera import Camera
from chromm_ros.capture.world.camera_checks import CameraChecks
from chromm_ros.capture.world.extrinsics import ExtrinsicsPolicy
from chromm_ros.capture.world.rig_errors import rig_errors
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import CameraState, ImageSet, ViewImage, ViewPeople, ViewState
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people import adjust_rig, track

MIN_SIDE = 16
"""Pixels below which an image cannot show anything; half-written and empty images have zero."""


@dataclass(frozen=True)
class PlacedImage:
    """One image whose camera the network placed."""

    view: str
    estimated: np.ndarray  # (4, 4) world_from_camera in the gauge of the network
    given: np.ndarray | None = None  # (4, 4) world_from_camera at the stamp of the image, where it counts
    placed: np.ndarray | None = None  # (4, 4) where an earlier window put this very image


class Cameras:
    """Owner of everything that is known of each camera, in the order in which they were named or first seen."""

    def __init__(self, settings: CaptureSettings, errors: EstimateErrors, views: Iterable[str] = ()):
        """
        Args:
            settings: what cameras may do, and whom to believe about where they are.
            errors: of the network that places cameras.
            views: names in the order of the rig; others are added as they appear.
        """
        self.settings = settings
        self.policy = ExtrinsicsPolicy.of(settings.extrinsics)
        self.errors = errors
        self.excluded: set[str] = set()
        self.unplaced: frozenset[str] = frozenset()
        """Their images came, but nobody knows yet where they stand."""
        self._cameras: dict[str, Camera] = {view: Camera() for view in views}
        self._announced: set[str] = set()
        self._checks = CameraChecks()

    def __getitem__(self, view: str) -> Camera:
        return self._cameras.setdefault(view, Camera())

    @property
    def views(self) -> tuple[str, ...]:
        """Names of all cameras."""
        return tuple(self._cameras)

    def use(self, views: Iterable[str]) -> None:
        """Use these cameras and no others. New names are added; cameras that are left out stay known as excluded.

        Raises:
            ValueError: no camera is named.
        """
        views = list(dict.fromkeys(views))
        if not views:
            raise ValueError('name at least one camera to use; to stop capturing, deactivate instead')
        for view in views:
            self._cameras.setdefault(view, Camera())
        self.excluded = set(self._cameras) - set(views)

    def restarted(self, settings: CaptureSettings) -> Cameras:
        """The same names and exclusions where time starts again."""
        cameras = Cameras(settings, self.errors, self.views)
        cameras.excluded = set(self.excluded)
        return cameras

    # -- images -------------------------------------------------------------------------------------------------

    def usable(self, images: ImageSet, notices: Notices) -> dict[str, ViewImage]:
        """The images to use, in the order of the rig; the others are counted by reason."""
        chosen = {}
        for view in images.views:
            self._cameras.setdefault(view, Camera())
        for view, camera in self._cameras.items():
            image = images.views.get(view)
            if image is None or view in self.excluded:
                continue
            if not shows_something(image.pixels):
                notices.leave_out('bad image')
            elif image.stamp == camera.stamp:
                notices.leave_out('repeated image')
            elif not self.policy.estimates and image.world_from_camera is None:
                notices.leave_out('no pose')
                if view not in self._announced:
                    notices.say(f'Camera {view} is not used: no pose is given for it, and extrinsics is tf.')
                self._announced.add(view)
            else:
                chosen[view] = self._calibrated(image, notices)
                self._checks.look(view, image, notices)
        return chosen

    def again(self, images: ImageSet, views: Sequence[str]) -> dict[str, ViewImage]:
        """Images that were used before, as they were used then."""
        return {view: self._calibrated(images.views[view], Notices()) for view in views}

    def took(self, images: Mapping[str, ViewImage]) -> None:
        """These images are in the window now."""
        for view, image in images.items():
            self[view].stamp = image.stamp

    def _calibrated(self, image: ViewImage, notices: Notices) -> ViewImage:
        """The image without the calibration that the settings forbid, or that no camera can have."""
        matrix = image.intrinsics
        if matrix is None:
            return image
        good = np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0
        if not good:
            notices.leave_out('bad intrinsics')
        return image if good and self.settings.use_intrinsics else replace(image, intrinsics=None)

    def reshaped(self, images: Mapping[str, ViewImage]) -> str | None:
        """The name of a camera whose images have another shape than before; None: all are as they were."""
        changed = None
        for view, image in images.items():
            height, width = image.pixels.shape[:2]
            camera = self[view]
            if camera.aspect and abs(camera.aspect - width / height) > 0.02 * camera.aspect:
                changed = view
            camera.aspect = width / height
        return changed

    # -- places -------------------------------------------------------------------------------------------------

    def reference(self, image: PlacedImage, corrected: bool = False) -> np.ndarray | None:
        """(4, 4) where an image is known to be in the world: as the network sees it, or as people corrected that."""
        camera = self._cameras.get(image.view)
        remembered = None if camera is None else camera.corrected if corrected else camera.estimated
        stands = not self.settings.world.rig_moves
        if image.given is not None:
            return remembered if self.policy.refines and stands and remembered is not None else image.given
        return remembered if stands and remembered is not None else image.placed

    def observe(
        self, images: Sequence[PlacedImage], aligned: np.ndarray, expected: np.ndarray, notices: Notices
    ) -> None:
        """Learn from where a window puts cameras.

        Args:
            images: N of them; those that earlier windows placed teach nothing new.
            aligned: (N, 4, 4) where the window puts them in the world.
            expected: (N, 4, 4) where they were known to be; NaN: nowhere.
        """
        world = self.settings.world
        given = {image.view: image.given for image in images if image.given is not None}
        self._checks.compare({image.view: image.estimated for image in images}, given, notices)
        for image, pose, reference in zip(images, aligned, expected):
            if image.placed is not None:
                continue
            camera = self[image.view]
            camera.is_given = image.given is not None
            if np.isfinite(reference).all():
                reference = reference if image.given is None else image.given
                notices.say(camera.compare(image.view, pose, reference, world, self.errors))
                if image.given is not None:
                    self._checks.compare_one(image.view, camera.deviation[3:], notices)
            if not world.rig_moves:
                camera.average(pose, image.given, self.policy.refines, world.rig_memory)

    def can_settle(self, views: Sequence[str]) -> bool:
        """Whether people may correct these cameras: they stand, and the network is known to misplace some of them."""
        stand = not self.settings.world.rig_moves and all(self[view].estimated is not None for view in views)
        return stand and self.errors.rough_rig and not all(self[view].is_given for view in views)

    def settle(self, views: Sequence[str], people: ViewPeople) -> dict[str, np.ndarray]:
        """Let people correct the cameras; returns (4, 4) where each is from now on.

        Args:
            views: names of the V views, which :meth:`can_settle`.
            people: the detections of the window.
        """
        estimated = np.stack([pose for view in views if (pose := self[view].estimated) is not None])
        window = replace(people, world_from_camera=np.repeat(estimated[:, None], people.seen.shape[1], 1))
        tracklets = track(window, self.settings.people.tracking, self.errors)
        corrections = adjust_rig(window, tracklets, self.errors)
        settled = {}
        for view, pose in zip(views, corrections @ estimated):
            camera = self[view]
            if not camera.is_given:
                camera.correct(pose, self.settings.world.rig_memory)
            settled[view] = pose if camera.corrected is None else camera.corrected
        return settled

    def move(self, change: Similarity) -> None:
        """Express all poses in the frame that ``change`` maps the world to."""
        for camera in self._cameras.values():
            camera.move(change)

    def state_dict(self) -> dict[str, Any]:
        """Everything about each camera, as plain data."""
        return {
            'cameras': {view: vars(camera) for view, camera in self._cameras.items()},
            'excluded': sorted(self.excluded),
            'announced': sorted(self._announced),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self._cameras = {view: Camera(**fields) for view, fields in state['cameras'].items()}
        self.excluded, self._announced = set(state['excluded']), set(state['announced'])

    # -- report -------------------------------------------------------------------------------------------------

    def states(self, images: ImageSet, rows: Mapping[str, Row]) -> tuple[CameraState, ...]:
        """All cameras at the time of an image set, of which ``rows`` were used."""
        for view, row in rows.items():
            self[view].is_given = row.given_pose is not None
            if row.placed is not None:
                self[view].intrinsics, self[view].pose = row.placed.intrinsics, row.placed.world_from_camera
        ignored = {} if self.policy.uses_given else self._errors_of_ignored(images)
        return tuple(
            self._state(view, camera, images, rows, ignored.get(view) or camera.errors)
            for view, camera in self._cameras.items()
        )

    def _errors_of_ignored(self, images: ImageSet) -> dict[str, tuple[float, float]]:
        """What :func:`rig_errors` says of poses that came with the images and were not used."""
        return rig_errors(
            {view: camera.pose for view, camera in self._cameras.items()},
            {view: image.world_from_camera for view, image in images.views.items()},
        )

    def _state(
        self, view: str, camera: Camera, images: ImageSet, rows: Mapping[str, Row], errors: tuple[float, float]
    ) -> CameraState:
        return CameraState(
            view=view,
            state=self._health(view, camera, images, rows),
            used=view in rows,
            stamp=camera.stamp or 0,
            world_from_camera=camera.pose,
            intrinsics=camera.intrinsics,
            given=camera.is_given,
            translation_error=errors[0],
            rotation_error=errors[1],
            bumped=camera.bumped,
            findings=self._checks.findings(view),
        )

    def _health(self, view: str, camera: Camera, images: ImageSet, rows: Mapping[str, Row]) -> ViewState:
        if view in self.excluded or self._lacks_pose(images.views.get(view)):
            return ViewState.EXCLUDED
        if view in images.out_of_sync:
            return ViewState.DESYNC
        if view in self.unplaced:
            return ViewState.UNCALIBRATED
        if view in rows:
            skew = abs(images.views[view].stamp - images.stamp) * 1e-9
            calibrated = rows[view].image.intrinsics is not None
            if skew > self.settings.max_skew:
                return ViewState.DESYNC
            return ViewState.OK if calibrated else ViewState.UNCALIBRATED
        if camera.stamp is not None and (images.stamp - camera.stamp) * 1e-9 <= self.settings.camera_timeout:
            return ViewState.STALE
        return ViewState.MISSING

    def _lacks_pose(self, image: ViewImage | None) -> bool:
        """It may not be used, by parameter."""
        return image is not None and image.world_from_camera is None and not self.policy.estimates


def shows_something(pixels: np.ndarray) -> bool:
    """An RGB image that can show something."""
    return (
        pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8 and min(pixels.shape[:2]) >= MIN_SIDE
    )
