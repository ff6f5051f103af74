"""The network on the rolling window: what goes in, what comes out as arrays of the host, what it breaks down on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.protocols import Network
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Placed, RollingWindow, Row, join_features
from chromm_ros.flow import Detections, FrameFeatures, ViewImage, ViewPeople
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.network import Calibration, SceneGeometry

BREAKDOWNS = 2
"""Windows in a row that the network may break down on before the whole window is thrown away."""


@dataclass(frozen=True)
class Decoded:
    """What the heads say about F rows, in the gauge and the metres of the network."""

    rows: tuple[Row, ...]
    """The new ones first, then those of earlier steps that tie the window to the world."""
    new: int
    """How many of the rows are new."""
    geometry: SceneGeometry
    """Of the F rows, on the device."""
    world_from_camera: np.ndarray  # (F, 4, 4)
    intrinsics: np.ndarray  # (F, 3, 3) pixels of the camera images; calibrated ones where there are any
    people: Detections[np.ndarray]  # (F, M)
    crowded_out: int
    """Heads in the new rows beyond those that the network decodes."""
    finite_tokens: bool
    """Of the human encoder; heads are not found in others."""

    @property
    def metric_scale(self) -> float:
        """Scale by which the network multiplied all lengths."""
        return float(self.geometry.metric_scale)

    @property
    def finite(self) -> bool:
        """False: the network broke down on this window."""
        people = self.people.take(self.people.valid)
        persons = (people.head, people.pose, people.betas, people.root_rotation, people.token)
        arrays = (self.world_from_camera, self.intrinsics, *persons)
        return self.finite_tokens and all(np.isfinite(array).all() for array in arrays)

    @property
    def new_people(self) -> ViewPeople:
        """The people of the new rows in metres of the network, each row a view of its own."""
        return ViewPeople(
            **self.people.take(np.s_[: self.new, None]).detections(),
            intrinsics=self.intrinsics[: self.new, None],
            world_from_camera=self.world_from_camera[: self.new, None],
            given=np.zeros((self.new, 1), bool),
            seen=np.ones((self.new, 1), bool),
            times=np.zeros(1),
        )

    def placed(self, row: int, pose: np.ndarray, scale: float, depth: np.ndarray | None) -> Placed:
        """A row in the world, given its pose (4, 4), metres of the world per metre of the network, static depth."""
        people = self.people.take(row).moved(Similarity.scaling(scale))
        return Placed(people, self.intrinsics[row], pose, depth)


class NetworkPasses:
    """Runs the network on the window of a session, and leaves out what breaks it: too little memory, NaN."""

    def __init__(self, network: Network, window: RollingWindow, notices: Notices, streaming: bool = False):
        """
        Args:
            streaming: the decoder computes new rows only, which see what earlier ones left behind.
        """
        self._network = network
        self._streaming = streaming
        self._window = window
        self._notices = notices
        self._scene_size: tuple[int, int] | None = None
        self._breakdowns = 0

    def restart(self) -> None:
        """Forget the window: images of another shape cannot share it."""
        self._window.clear()
        self._scene_size = None

    def state_dict(self) -> dict[str, Any]:
        """What is remembered of earlier passes, as plain data."""
        return {'scene_size': self._scene_size, 'breakdowns': self._breakdowns}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        size = state['scene_size']
        self._scene_size, self._breakdowns = None if size is None else tuple(size), state['breakdowns']

    def encode(self, images: Mapping[str, ViewImage]) -> FrameFeatures | None:
        """Features of the images, a row each; None when nothing came of it."""
        try:
            pixels = [image.pixels for image in images.values()]
            rows = [self._window.newest(view) for view in images]
            before = [None if row is None else row.features for row in rows]
            prepared = [image.prepared for image in images.values()]
            features = self._network.encode(pixels, self._scene_size, before, prepared)
        except torch.OutOfMemoryError:
            self._out_of_memory('An image set did not fit into the memory of the device and was left out.')
            return None
        self._scene_size = features.scene_size
        return features

    def look(self, rows: Sequence[Row]) -> Decoded | None:
        """The people of rows that are not in the window, each by itself; None: the network broke down on them."""
        decoded = run_network(self._network, rows, (), False, StageClock())
        return decoded if decoded.finite else None

    def decode(self, is_tied: Callable[[Row], bool], with_confidence: bool, clock: StageClock) -> Decoded | None:
        """Decode the window; one that does not fit into memory is halved until it does. None: nothing came of it.

        Args:
            is_tied: whether a new row says by itself how the window sits in the world.
            with_confidence: run the confidence branch.
            clock: gets the stages ``decode`` (decoder and scene heads) and ``heads`` (people).
        """
        while True:
            try:
                rows, anchors, memory = self._window_of(is_tied)
                decoded = run_network(self._network, rows, anchors, with_confidence, clock, memory)
            except torch.OutOfMemoryError:
                steps = len(self._window.steps) // 2
                if not steps:
                    self._window.drop_new()
                    self._out_of_memory('A single image set does not fit into the memory of the device.')
                    return None
                self._window.keep(steps)
                self._out_of_memory(f'The window did not fit into the memory of the device: {steps} image sets now.')
                continue
            if not decoded.finite:
                self._broke_down()
                return None
            self._breakdowns = 0
            if decoded.geometry.memory is not None:
                self._window.remember(decoded.rows[: decoded.new], decoded.geometry.memory)
            self._notices.leave_out('beyond max_people', decoded.crowded_out)
            return decoded

    def _window_of(self, is_tied: Callable[[Row], bool]) -> tuple[list[Row], list[Row], list[torch.Tensor] | None]:
        """Rows to compute, those among them that tie the window, and what earlier ones left behind (None: exact)."""
        anchors, rows = self._window.anchors(is_tied), self._window.rows(self._network.decoder_window)
        older = [anchor for anchor in anchors if not _among(anchor, rows)]
        if not self._streaming:
            return [*older, *rows], anchors, None
        earlier = [row for row in rows if row.placed is not None and not _among(row, anchors)]
        memory = [row.memory for row in earlier if row.memory is not None]
        return [*older, *(row for row in rows if not _among(row, earlier))], anchors, memory

    def _out_of_memory(self, sentence: str) -> None:
        self._notices.leave_out('out of memory')
        self._notices.say(sentence)
        torch.cuda.empty_cache()

    def _broke_down(self) -> None:
        """NaN from the network: this window is dropped, and with it the images that may have caused it."""
        self._notices.leave_out('not a number')
        self._notices.say('The network gave NaN or Inf: one window was dropped.')
        self._breakdowns += 1
        self._window.drop_new()
        if self._breakdowns >= BREAKDOWNS:
            self._window.clear()


def run_network(
    network: Network,
    rows: Sequence[Row],
    anchors: Sequence[Row],
    with_confidence: bool,
    clock: StageClock,
    memory: Sequence[torch.Tensor] | None = None,
) -> Decoded:
    """Decode a window, with the heads on its new rows and on the ``anchors``.

    Args:
        network: CHROMM.
        rows: those that the decoder sees, in order; those that are not placed are new.
        anchors: decoded ones among them whose cameras must be placed again.
        with_confidence: run the confidence branch.
        clock: gets the stages ``decode`` (decoder and scene heads) and ``heads`` (people).
        memory: what earlier rows left behind, in a streaming window; None: the window is exact.
    """
    heads_on = [n for n, row in enumerate(rows) if row.placed is None]
    new = len(heads_on)
    heads_on += [n for n, row in enumerate(rows) if _among(row, anchors)]
    features = join_features(rows)
    geometry = network.decode(features, _calibration(rows), heads_on, with_confidence, memory)
    clock.end('decode')
    seen = features.take(heads_on)
    estimates = network.people(seen, geometry).numpy()
    decoded = Decoded(
        rows=tuple(rows[n] for n in heads_on),
        new=new,
        geometry=geometry,
        world_from_camera=geometry.world_from_camera.double().cpu().numpy(),
        intrinsics=geometry.intrinsics.double().cpu().numpy(),
        people=estimates.each(np.asarray),
        crowded_out=int(np.maximum(estimates.found[:new] - estimates.valid.shape[-1], 0).sum()),
        finite_tokens=bool(torch.isfinite(seen.human_tokens).all()),
    )
    clock.end('heads')
    return decoded


def _among(row: Row, rows: Sequence[Row]) -> bool:
    """Whether it is one of them, itself."""
    return any(row is one for one in rows)


def _calibration(rows: Sequence[Row]) -> Calibration:
    """What is known of the cameras; the network takes what it was made for."""
    intrinsics = [row.image.intrinsics for row in rows]
    poses = [row.given_pose if row.found_pose is None else row.found_pose for row in rows]
    return Calibration(
        intrinsics=_stacked(intrinsics, np.eye(3)),
        has_intrinsics=np.array([matrix is not None for matrix in intrinsics]),
        world_from_camera=_stacked(poses, np.eye(4)),
        has_pose=np.array([matrix is not None for matrix in poses]),
        depths=[row.image.depth for row in rows],
    )


def _stacked(matrices: Sequence[np.ndarray | None], missing: np.ndarray) -> np.ndarray | None:
    """(N, ...) with ``missing`` in the gaps; None when there is nothing but gaps."""
    if all(matrix is None for matrix in matrices):
        return None
    return np.stack([missing if matrix is None else matrix for matrix in matrices])
