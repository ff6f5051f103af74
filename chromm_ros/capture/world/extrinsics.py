"""What is done with the camera poses that come with the images: one decision, taken when a session begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.flow import ViewImage


@dataclass(frozen=True)
class ExtrinsicsPolicy:
    """Whom to believe about where cameras are."""

    uses_given: bool
    """A camera is where its given pose (TF) says."""
    estimates: bool
    """A camera without a given pose is used all the same; the network places it."""
    refines: bool = False
    """Given poses are where cameras start; the network corrects them slowly."""

    @staticmethod
    def of(extrinsics: str) -> ExtrinsicsPolicy:
        """What ``CaptureSettings.extrinsics`` means."""
        return {
            'auto': ExtrinsicsPolicy(uses_given=True, estimates=True),
            'tf': ExtrinsicsPolicy(uses_given=True, estimates=False),
            'estimated': ExtrinsicsPolicy(uses_given=False, estimates=True),
            'tf_then_refine': ExtrinsicsPolicy(uses_given=True, estimates=True, refines=True),
        }[extrinsics]

    def given(self, image: ViewImage) -> np.ndarray | None:
        """(4, 4) the given pose of an image; None: there is none that counts."""
        return image.world_from_camera if self.uses_given else None
