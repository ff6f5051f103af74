"""How far an estimated rig is from a given one that the settings say not to use."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromm_ros.geometry.rotations import vector_of
from chromm_ros.geometry.similarity import align_rigs


def rig_errors(
    estimated: Mapping[str, np.ndarray | None], given: Mapping[str, np.ndarray | None]
) -> dict[str, tuple[float, float]]:
    """Distance [m] and angle [rad] of each camera from its given pose, after the best rigid motion of the whole rig.

    The two rigs live in different worlds, so only what is left after the motion says anything; a wrong scale of the
    estimate is left, as the motion does not stretch. One camera alone would always fit.

    Args:
        estimated, given: camera -> (4, 4) world_from_camera, each in its own world.

    Returns:
        Of the cameras that both have; empty when these are fewer than two.
    """
    pairs = {
        view: (pose, known)
        for view, pose in estimated.items()
        if pose is not None and (known := given.get(view)) is not None
    }
    if len(pairs) < 2:
        return {}
    source, target = np.stack(list(pairs.values()), 1).astype(float)  # (N, 4, 4) each
    moved = align_rigs(source, target, scale=1.0).apply_poses(source)
    distances = np.linalg.norm(moved[:, :3, 3] - target[:, :3, 3], axis=1)
    turns = target[:, :3, :3].swapaxes(1, 2) @ moved[:, :3, :3]
    return {
        view: (float(distance), float(np.linalg.norm(vector_of(turn))))
        for view, distance, turn in zip(pairs, distances, turns)
    }
