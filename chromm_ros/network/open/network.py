"""The network of preset ``open``: in place of CHROMM, people by two public networks, cameras as they are given.

encode (image by image: find people, read their landmarks) -> decode (cameras) -> people (bodies from landmarks)

There is no scene branch: without depth images there is no scene, and the poses of cameras have to be known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import DetectionErrors, EstimateErrors, LogNormal
from chromm_ros.flow import MAX_PEOPLE, FrameFeatures
from chromm_ros.geometry.cameras import pixel_rays
from chromm_ros.network.files import weight_file
from chromm_ros.network.layers.precision import dtype_of
from chromm_ros.network.layers.preprocessing import check_images
from chromm_ros.network.open import appearance
from chromm_ros.network.open.attention import PERIOD, Attention, small_picture, unknown
from chromm_ros.network.open.crops import Pyramid
from chromm_ros.network.open.finder import FinderSettings, regions
from chromm_ros.network.open.graph import ConvolutionGraph
from chromm_ros.network.open.lifting import LiftedPeople, Lifter
from chromm_ros.network.open.reader import USED_OUTPUTS, Persons, distinct, read
from chromm_ros.network.outputs import PeopleEstimates, SceneGeometry
from chromm_ros.network.scene.calibration import Calibration, assumed_intrinsics
from chromm_ros.skeleton import LANDMARKS

PRESET = 'open'

GRID = (12, 16)
"""(h, w) of the maps of the scene, which say nothing."""
FAR = 1000.0
"""Depth of a scene that nobody saw [m]: beyond every range, so that no point enters the map and nobody is hidden."""
ROBUST_CONVOLUTIONS = 40
"""Of the landmark network, those that may compute in bf16: its landmarks move by 0.3 px of 256 and 4 mm; with all of
them by 1 px and 6 cm."""

MIN_PRESENCE = 0.5
"""Least presence of a person in a crop."""
MIN_SCORE = 0.55
"""Least presence times mean visibility of the limbs: people had 0.64 and more, a coat on a stand 0.51."""
MIN_FOLLOWED = 0.4
"""The same of those who are looked for again in the next image."""

SAME_SHAPE = LogNormal(0.5, 0.7)
ERRORS = EstimateErrors(
    direction=0.006,
    depth=0.08,
    detection=DetectionErrors(
        lasting=0.9,  # a short person seems farther away in every image
        false_alarms=0.02,
        score_even=0.2,
        rate=0.97,
        crowd=(0.04, 0.1),
        shape_same=SAME_SHAPE,  # one image says nothing of shape
        shape_other=SAME_SHAPE,
    ),
)
"""On the footage of ``docs/open_preset.md``."""

WIDTHS = (1, 2 * LANDMARKS, 3 * LANDMARKS, LANDMARKS, LANDMARKS, 4, appearance.WIDTH)
"""Columns of a row of the features: the fields of :class:`Persons`, then what they wear."""


class OpenNetwork:
    """What a capture asks of CHROMM, without its scene branch."""

    conditions_on_intrinsics = False
    conditions_on_poses = False
    level_gauge = False
    places_cameras = False
    decoder_window: int | None = 1
    errors = ERRORS
    trained = True
    max_people = MAX_PEOPLE
    """People that are read in an image at most."""

    def __init__(
        self,
        finder: ConvolutionGraph,
        landmarks: ConvolutionGraph,
        body: BodyModel,
        device: torch.device,
        precision: str = 'fp32',
    ) -> None:
        dtype = dtype_of(precision)
        self.finder = finder.to(device).set_precision(dtype).eval()
        self.landmarks = landmarks.to(device).set_precision(dtype, ROBUST_CONVOLUTIONS).eval()
        self._lifter = Lifter(body)
        self._settings = FinderSettings()
        self.device = device

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        device: str | torch.device = 'cpu',
        precision: str = 'fp32',
        body: BodyModel | None = None,
    ) -> OpenNetwork:
        """The network from its weight file.

        Args:
            weights: None: the file of the package.
            device: ``cpu``, ``cuda``, ``cuda:1``.
            precision: ``fp32``, ``bf16`` or ``fp16`` (GPU only).
            body: the SMPL-X body; None: the free one.

        Raises:
            FileNotFoundError, ValueError: the file is absent, damaged, or of another preset.
        """
        path = weights or weight_file.packaged(PRESET)
        if path is None:
            raise FileNotFoundError('weights/open.safetensors is missing from this installation; install it again')
        about = weight_file.card(path)
        if about.get('preset') != PRESET:
            raise ValueError(f'{path} holds weights of preset {about.get("preset")!r}, not {PRESET!r}')
        tensors, _ = weight_file.read(path)
        graphs = {}
        for name, outputs in (('finder', None), ('landmarks', USED_OUTPUTS)):
            own = {
                key.removeprefix(f'{name}.'): value for key, value in tensors.items() if key.startswith(f'{name}.')
            }
            graphs[name] = ConvolutionGraph(json.loads(about[f'{name}.plan']), own, outputs)
        return cls(**graphs, body=body or BodyModel.load(), device=torch.device(device), precision=precision)

    def prepare(self, images: Sequence[np.ndarray]) -> list[Pyramid]:
        """The images in several sizes, to cut people out of."""
        return [Pyramid.of(image) for image in images]

    @torch.inference_mode()
    def encode(
        self,
        images: Sequence[np.ndarray],
        scene_size: tuple[int, int] | None = None,
        before: Sequence[FrameFeatures | None] | None = None,
        prepared: Sequence[Pyramid | None] | None = None,
    ) -> FrameFeatures:
        """Landmarks of everybody in N images.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.
            scene_size: of no meaning here.
            before: the row of the last image of each camera, if there is one: people are first looked for where they
                were. None: all over every image.
            prepared: of the images, from :meth:`prepare`, where it is there already.

        Raises:
            ValueError: there is no image, or one is not (H, W, 3) uint8.
        """
        check_images(images)
        made = prepared or [None] * len(images)
        pyramids = [ready or self.prepare([image])[0] for ready, image in zip(made, images)]
        last = [_Last.of(row, pyramid.size) for row, pyramid in zip(before or [None] * len(images), pyramids)]
        followed = read(self.landmarks, pyramids, [one.following for one in last])
        persons = [distinct(own, MIN_PRESENCE, self.max_people) for own in followed]
        pictures = [small_picture(pyramid) for pyramid in pyramids]
        wander = [
            n
            for n, (one, known) in enumerate(zip(last, persons))
            if one.attention is None
            or len(known) < len(one.following)
            or one.attention.wanders(pictures[n], known, pyramids[n].size)
        ]
        found = regions(self.finder, [pyramids[n] for n in wander], self.max_people, self._settings)
        new = [unknown(own, persons[n]) for n, own in zip(wander, found)]
        for n, own in zip(wander, read(self.landmarks, [pyramids[n] for n in wander], new)):
            persons[n] = distinct(Persons.join([persons[n], own]), MIN_PRESENCE, self.max_people)
        memory = [
            # The images of a set are not all looked over at once again.
            Attention(pictures[n], n * PERIOD // len(images) if one.attention is None else 0)
            if n in wander or one.attention is None
            else Attention(one.attention.picture, one.attention.age + 1)
            for n, one in enumerate(last)
        ]
        table = np.stack([_packed(image, own, self.max_people) for image, own in zip(images, persons)])
        return FrameFeatures(
            scene=torch.from_numpy(np.stack([one.packed() for one in memory])[:, None]),
            human=tuple(torch.from_numpy(table)),
            image_sizes=tuple(pyramid.size for pyramid in pyramids),
            scene_size=GRID,
        )

    def decode(
        self,
        features: FrameFeatures,
        calibration: Calibration | None = None,
        heads_on: Sequence[int] | None = None,
        with_confidence: bool = False,
        memory: Sequence[torch.Tensor] | None = None,
    ) -> SceneGeometry:
        """Cameras of the rows ``heads_on`` as the calibration has them, in front of nothing.

        A camera without a pose gets the identity, one without intrinsics a usual focal length.
        """
        rows = list(range(len(features)) if heads_on is None else heads_on)
        calibration = calibration or Calibration()
        matrices, known = calibration.known_intrinsics(len(features))
        poses, placed = calibration.known_poses(len(features))
        sizes = np.array([features.image_sizes[n] for n in rows], float)
        intrinsics = np.stack(
            [matrices[n] if known[n] else assumed_intrinsics(*features.image_sizes[n]) for n in rows]
        )
        small = intrinsics.copy()
        small[:, 0] *= GRID[1] / sizes[:, 1, None]
        small[:, 1] *= GRID[0] / sizes[:, 0, None]
        rays = pixel_rays(small, *GRID)
        points = FAR * np.concatenate([rays, np.ones_like(rays[..., :1])], -1)
        nothing = torch.zeros(len(rows), *GRID)
        return SceneGeometry(
            local_points=torch.from_numpy(points.astype(np.float32)),
            confidence=nothing if with_confidence else None,
            world_from_camera=torch.from_numpy(np.stack([poses[n] if placed[n] else np.eye(4) for n in rows])),
            intrinsics=torch.from_numpy(intrinsics),
            human_mask=nothing > 0,
            metric_scale=torch.tensor(1.0),
            tokens=torch.zeros(len(rows), 1, 1),
            scene_size=GRID,
        )

    def people(self, features: FrameFeatures, geometry: SceneGeometry) -> PeopleEstimates[torch.Tensor]:
        """Everybody in F images, in front of their cameras; arguments as for :meth:`Chromm.people`."""
        images = [self._bodies(row, k) for row, k in zip(features.human_tokens.numpy(), geometry.intrinsics.numpy())]
        fields = {name: torch.from_numpy(np.stack([image[name] for image in images])) for name in images[0]}
        return PeopleEstimates(found=fields['valid'].sum(-1), intrinsics=geometry.intrinsics, **fields)

    def _bodies(self, row: np.ndarray, intrinsics: np.ndarray) -> dict[str, np.ndarray]:
        """Fields (M, ...) of :class:`PeopleEstimates` for one image."""
        persons, token = _unpacked(row)
        score = persons.score
        order = [int(n) for n in np.argsort(-score) if score[n] > MIN_SCORE]
        lifted = self._lifter(persons.take(order), intrinsics)
        values = {'valid': np.ones(len(order), bool), 'score': score[order], 'token': token[order]}
        values |= {name: getattr(lifted, name) for name in LiftedPeople.__dataclass_fields__}
        weights = persons.visible[order] * persons.inside[order]
        values['landmarks'] = np.concatenate([persons.pixels[order], weights[..., None]], -1)
        return {name: _filled(value, name, len(row)) for name, value in values.items()}


@dataclass(frozen=True)
class _Last:
    """What is known from the last image of a camera."""

    following: np.ndarray  # (P, 4) where its people are looked for
    attention: Attention | None

    @staticmethod
    def of(row: FrameFeatures | None, size: tuple[int, int]) -> _Last:
        """Nothing, where there was no image, or one of another size."""
        if row is None or row.image_sizes[0] != size:
            return _Last(np.zeros((0, 4)), None)
        persons, _ = _unpacked(row.human_tokens[0].numpy())
        following = persons.following[persons.score > MIN_FOLLOWED]
        return _Last(following, Attention.unpacked(row.scene[0, 0].numpy()))


def _packed(image: np.ndarray, persons: Persons, people: int) -> np.ndarray:
    """(M, sum of WIDTHS) float32: the rows of a table, nobody where the presence is zero."""
    row = np.zeros((people, sum(WIDTHS)), np.float32)
    parts = [getattr(persons, name) for name in Persons.__dataclass_fields__]
    parts.append(appearance.appearance(image, persons))
    row[: len(persons)] = np.concatenate([part.reshape(len(persons), n) for part, n in zip(parts, WIDTHS)], 1)
    return row


def _unpacked(row: np.ndarray) -> tuple[Persons, np.ndarray]:
    """The people of a packed row (M, W), and what they wear (P, 45)."""
    row = row[row[:, 0] > 0].astype(float)
    presence, pixels, metres, visible, inside, following, token = np.split(row, np.cumsum(WIDTHS)[:-1], 1)
    points = (len(row), LANDMARKS)
    return Persons(
        presence[:, 0], pixels.reshape(*points, 2), metres.reshape(*points, 3), visible, inside, following
    ), token


def _filled(values: np.ndarray, name: str, people: int) -> np.ndarray:
    """``values`` (P, ...) padded to (M, ...): zeros, for rotations the identity."""
    kind = bool if name == 'valid' else np.float32
    padded = np.zeros((people, *values.shape[1:]), kind)
    if name in ('pose', 'root_rotation'):
        padded[...] = np.eye(3)
    padded[: len(values)] = values
    return padded
