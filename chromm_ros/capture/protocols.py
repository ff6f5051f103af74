"""What the capture needs of a network and a body, and what its users need of a capture.

Stand-ins of tests and benchmarks are held to these by the type checker and by a test of their signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Cloud, FrameFeatures, Human, ImageSet, Snapshot
from chromm_ros.network import Calibration, PeopleEstimates, SceneGeometry


class Network(Protocol):
    """What turns images into scene, cameras and people: :class:`chromm_ros.network.chromm.Chromm`."""

    @property
    def level_gauge(self) -> bool:
        """Camera poses come in an absolute frame whose z axis points up."""

    @property
    def places_cameras(self) -> bool:
        """It estimates where cameras are from their images; else people have to tell where no pose is given."""

    @property
    def decoder_window(self) -> int | None:
        """Newest image sets of a window that the decoder has to see; None: all."""

    @property
    def errors(self) -> EstimateErrors:
        """How far its estimates are from the truth."""

    def prepare(self, images: Sequence[np.ndarray]) -> Sequence[Any]:
        """What :meth:`encode` needs of images (H, W, 3) uint8 whatever came before, an object or None for each; may
        run in another thread beside the network."""

    def encode(
        self,
        images: Sequence[np.ndarray],
        scene_size: tuple[int, int] | None = None,
        before: Sequence[FrameFeatures | None] | None = None,
        prepared: Sequence[Any] | None = None,
    ) -> FrameFeatures:
        """Features of images (H, W, 3) uint8; ``before``: the row of the last image of each camera, or None;
        ``prepared``: from :meth:`prepare`, or None."""

    def decode(
        self,
        features: FrameFeatures,
        calibration: Calibration | None = None,
        heads_on: Sequence[int] | None = None,
        with_confidence: bool = False,
        memory: Sequence[torch.Tensor] | None = None,
    ) -> SceneGeometry:
        """Let all rows see each other; geometry of the rows ``heads_on``; ``memory``: what earlier ones left."""

    def people(self, features: FrameFeatures, geometry: SceneGeometry) -> PeopleEstimates[torch.Tensor]:
        """Everybody in the images that ``geometry`` is of."""


class Body(Protocol):
    """The body model that the network speaks of: :class:`chromm_ros.body.model.BodyModel`."""

    def joints(
        self, betas: torch.Tensor, pose: torch.Tensor, root_rotation: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(N, 10), (N, 52, 3, 3) and (N, 3, 3) to joints (N, 55, 3), pelvis at the origin [m]."""

    def joint_rotations(self, pose: torch.Tensor, root_rotation: torch.Tensor | None = None) -> torch.Tensor:
        """(N, 52, 3, 3) and (N, 3, 3) to rotations of the joints (N, 55, 3, 3)."""


class Owner(Protocol):
    """Whoever owns state that lives from window to window."""

    def state_dict(self) -> dict[str, Any]:
        """All of it: numbers, text, arrays, lists and dictionaries of them. Arrays may be the owner's own."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""


class LiveCapture(Protocol):
    """What a node needs of :class:`chromm_ros.capture.capture.Capture`."""

    settings: CaptureSettings
    """Assign others to change what is ``live``."""

    @property
    def session(self) -> str:
        """UUID of the session."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """What was left out since the session began, by reason."""

    def prepare(self, images: ImageSet) -> ImageSet:
        """The set with what the network can do to its images ahead of their turn; from any thread."""

    def add(self, images: ImageSet) -> Snapshot | None:
        """Take an image set in; the world after the window that this set completes."""

    def predict(self, stamp: int) -> tuple[Human, ...]:
        """Everybody who was not lost, extrapolated to ``stamp`` [ns]; from any thread."""

    def static_scene(self) -> Cloud:
        """The static scene so far; from any thread."""

    def set_views(self, views: Iterable[str]) -> None:
        """Use these cameras and no others."""

    def merge(self, keep: int, absorb: Iterable[int]) -> None:
        """Make several identities one; raises ValueError for an id that is not there."""

    def reset_identities(self) -> None:
        """Forget everybody."""

    def reset_scene(self) -> None:
        """Forget the static scene."""
