"""One pass of the network over a window: what goes in, what comes out, as arrays of the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Row, join_features
from chromm_ros.flow import MAX_PEOPLE, Detections
from chromm_ros.network.scene.calibration import Calibration


@dataclass(frozen=True)
class Decoded:
    """What the heads say about F rows, in the gauge and the metres of the network."""

    rows: tuple[Row, ...]
    """The new ones first, then those of earlier steps that tie the window to the world."""
    new: int
    """How many of the rows are new."""
    geometry: Any
    """``SceneGeometry`` of the F rows, still tensors."""
    world_from_camera: np.ndarray  # (F, 4, 4)
    intrinsics: np.ndarray  # (F, 3, 3) pixels of the camera images; calibrated ones where there are any
    people: Detections[np.ndarray]  # (F, M)
    metric_scale: float
    crowded_out: int
    """Heads in the new rows beyond those that the network decodes."""

    @property
    def finite(self) -> bool:
        """False: the network broke down on this window."""
        people = self.people.take(self.people.valid)
        persons = (people.head, people.pose, people.betas, people.root_rotation, people.token)
        arrays = (self.world_from_camera, self.intrinsics, *persons)
        return all(np.isfinite(array).all() for array in arrays)


def run_network(
    network: Any,
    rows: Sequence[Row],
    anchors: Sequence[Row],
    with_confidence: bool,
    clock: StageClock,
) -> Decoded:
    """Decode a window, with the heads on its new rows and on the ``anchors``.

    Args:
        network: CHROMM, see :class:`chromm_ros.network.chromm.Chromm`.
        rows: all rows of the window in order; those that are not placed are new.
        anchors: decoded rows of the window whose cameras must be placed again.
        with_confidence: run the confidence branch.
        clock: gets the stages ``decode`` (decoder and scene heads) and ``heads`` (people).
    """
    heads_on = [n for n, row in enumerate(rows) if row.placed is None]
    new = len(heads_on)
    heads_on += [n for n, row in enumerate(rows) if any(row is anchor for anchor in anchors)]
    features = join_features(rows)
    geometry = network.decode(
        features, calibration=_calibration(rows), heads_on=heads_on, with_confidence=with_confidence
    )
    clock.end('decode')
    estimates = network.people(features.take(heads_on), geometry).numpy()
    decoded = Decoded(
        rows=tuple(rows[n] for n in heads_on),
        new=new,
        geometry=geometry,
        world_from_camera=geometry.world_from_camera.double().cpu().numpy(),
        intrinsics=geometry.intrinsics.double().cpu().numpy(),
        people=estimates.each(np.asarray),
        metric_scale=float(geometry.metric_scale),
        crowded_out=int(np.maximum(estimates.found[:new] - MAX_PEOPLE, 0).sum()),
    )
    clock.end('heads')
    return decoded


def _calibration(rows: Sequence[Row]) -> Calibration:
    """What is known of the cameras; the network takes what it was made for."""
    intrinsics = [row.image.intrinsics for row in rows]
    poses = [row.known_pose for row in rows]
    return Calibration(
        intrinsics=_stacked(intrinsics, np.eye(3)),
        has_intrinsics=np.array([matrix is not None for matrix in intrinsics]),
        world_from_camera=_stacked(poses, np.eye(4)),
        has_pose=np.array([matrix is not None for matrix in poses]),
    )


def _stacked(matrices: Sequence[np.ndarray | None], missing: np.ndarray) -> np.ndarray | None:
    """(N, ...) with ``missing`` in the gaps; None when there is nothing but gaps."""
    if all(matrix is None for matrix in matrices):
        return None
    return np.stack([missing if matrix is None else matrix for matrix in matrices])
