"""What comes out of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.flow import Array, Detections


@dataclass(frozen=True)
class SceneGeometry:
    """Scene and cameras of the F rows that the heads ran on; metric by the network's own estimate of scale."""

    local_points: torch.Tensor
    """(F, h, w, 3) camera frame [m]."""
    confidence: torch.Tensor | None
    """(F, h, w) in [0, 1]; None unless asked for."""
    world_from_camera: torch.Tensor
    """(F, 4, 4) one frame for all rows, which is arbitrary except where the network has its own gauge."""
    intrinsics: torch.Tensor
    """(F, 3, 3) pixels of the original images: as given, or recovered from the rays."""
    human_mask: torch.Tensor
    """(F, h, w) bool: the pixel shows a person."""
    metric_scale: torch.Tensor
    """() scale that all lengths have been multiplied by."""
    tokens: torch.Tensor
    """(F, P, C) decoded tokens of the patches."""
    scene_size: tuple[int, int]
    """(h, w) of the maps."""
    memory: torch.Tensor | None = None
    """(F, ...) what each row leaves behind for later ones, in streaming windows; None: nothing."""


@dataclass(frozen=True, kw_only=True)
class PeopleEstimates(Detections[Array]):
    """The detections (F, M) of F images, M people each."""

    found: Array
    """(F,) int: heads above the threshold; more than M: the rest was left out."""
    intrinsics: Array
    """(F, 3, 3) pixels of the original image."""

    def numpy(self: PeopleEstimates[torch.Tensor]) -> PeopleEstimates[np.ndarray]:
        """The same on the host, in one copy: this is where the program waits for the device."""
        tensors = {**self.detections(), 'found': self.found, 'intrinsics': self.intrinsics}
        flat = torch.cat([tensor.flatten().float() for tensor in tensors.values()]).cpu().numpy()
        arrays, start = {}, 0
        for name, tensor in tensors.items():
            array = flat[start : start + tensor.numel()].reshape(tensor.shape)
            start += tensor.numel()
            kind = {torch.bool: bool, torch.int64: np.int64}.get(tensor.dtype)
            arrays[name] = array if kind is None else array.astype(kind)
        return PeopleEstimates(**arrays)
