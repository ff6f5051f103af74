"""A network that sees people in the truthful studio and nothing else: it places no cameras."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from truthful_studio import TruthfulNetwork


@dataclass
class PlacelessNetwork(TruthfulNetwork):
    """Sees people and nothing else: cameras are where the calibration says, else at the origin."""

    places_cameras: bool = False
    decoder_window: int | None = 1

    def decode(self, features, calibration=None, heads_on=None, with_confidence=False, memory=None):
        rows = list(range(len(features))) if heads_on is None else list(heads_on)
        poses, known = calibration.known_poses(len(features))
        found = np.stack([poses[n] if known[n] else np.eye(4) for n in rows])
        geometry = super().decode(features, calibration, heads_on, with_confidence)
        return replace(geometry, world_from_camera=torch.from_numpy(found))
