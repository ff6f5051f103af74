"""The network on the clips of each kind of benchmark."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chromm_ros.body.library import BodyLibrary
from chromm_ros.evaluation.protocols.clips import Clip
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.images import read_images
from chromm_ros.evaluation.protocols.pass_settings import PassSettings
from chromm_ros.evaluation.protocols.single_pass import SinglePass
from chromm_ros.evaluation.protocols.stitching import PER_DETECTION, PER_PERSON, chain
from chromm_ros.settings import UsageError

SHARED = 10
"""Frames that two chunks of a moving camera have in common: what lies between its places gives the scale."""


class MotionPredictor:
    """A video in chunks, chained into one world: 100 frames of one view, 25 of several (CHROMM 4.2)."""

    def __init__(self, single_pass: SinglePass, about: str, chunk: int, segment: int = 100) -> None:
        """
        Args:
            chunk: instants that the network sees together.
            segment: a chunk never reaches from one segment into the next.
        """
        self.single_pass = single_pass
        self.chunk = min(chunk, segment)
        self.segment = segment
        self.about = f'{about}, chunks of {self.chunk} in segments of {segment}'

    def predict(self, clip: Clip) -> Estimates:
        """
        Raises:
            OSError, ValueError: an image is missing, the network broke down, or a chunk is too large.
        """
        shared = 0 if clip.sequence.static_rig else SHARED
        ranges = [
            (max(0, start - shared), end) for start, end in chunk_ranges(len(clip.indices), self.chunk, self.segment)
        ]
        # one stream over all chunks: the images of the next are read while the network decodes this one
        seen = read_images(clip.instant(index) for start, end in ranges for index in clip.indices[start:end])
        chunks = []
        for start, end in ranges:
            try:
                chunks.append(self.single_pass(islice(seen, end - start), clip.truth.views))
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                raise ValueError(
                    f'{end - start} instants of {len(clip.truth.views)} views do not fit into the memory of the '
                    'device; give a smaller --chunk'
                ) from None
        return chain(chunks, clip.sequence.static_rig)


def chunk_ranges(count: int, chunk: int, segment: int) -> Iterator[tuple[int, int]]:
    """Start and end of the chunks of ``count`` instants."""
    for start in range(0, count, segment):
        for first in range(start, min(start + segment, count), chunk):
            yield first, min(first + chunk, start + segment, count)


class InstantPredictor:
    """Every instant by itself, all its views together."""

    def __init__(self, single_pass: SinglePass, about: str) -> None:
        self.single_pass = single_pass
        self.about = f'{about}, single instants'

    def predict(self, clip: Clip) -> Estimates:
        found = [self.single_pass([seen], clip.truth.views) for seen in read_images(clip.instants())]
        names = ('frames', 'world_from_camera', 'intrinsics', *PER_PERSON, *PER_DETECTION)
        arrays: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in found]) for name in names}
        return dataclasses.replace(found[0], **arrays)


class DepthPredictor:
    """Depth of single images."""

    def __init__(self, single_pass: SinglePass, about: str) -> None:
        self.single_pass = single_pass
        self.about = f'{about}, depth of single images'

    def predict(self, clip: Clip) -> Estimates:
        frames, maps = [], []
        network = self.single_pass.network
        for instant, images in read_images(clip.instants()):
            geometry = network.decode(network.encode(list(images.values())[:1]))
            frames.append(instant.frame)
            maps.append(geometry.local_points[0, ..., 2].float().cpu().numpy())
        return Estimates(np.array(frames), clip.truth.views, depth=np.stack(maps))


class PelvisPredictor:
    """Heads and pelvises of single images."""

    def __init__(self, single_pass: SinglePass, about: str) -> None:
        self.single_pass = single_pass
        self.about = f'{about}, pelvises of single images'

    def predict(self, clip: Clip) -> Estimates:
        network = self.single_pass.network
        frames, found = [], []
        for instant, images in read_images(clip.instants()):
            frames.append(instant.frame)
            for name, image in images.items():
                features = network.encode([image])
                geometry = network.decode(features)
                people = network.people(features, geometry).numpy()
                kept = people.valid[0]
                rows_of_image = {
                    'detection_frame': np.full(kept.sum(), instant.frame),
                    'detection_view': np.full(kept.sum(), clip.truth.views.index(name)),
                    'detection_id': np.full(kept.sum(), -1),
                    'detection_head': people.head_px[0, kept],
                    'detection_pelvis': people.pelvis_px[0, kept],
                }
                if hasattr(network, 'coarse_pelvises'):
                    coarse = network.coarse_pelvises(features, geometry).cpu().numpy()
                    rows_of_image['detection_pelvis_coarse'] = coarse[0, kept]
                found.append(rows_of_image)
        rows: dict[str, Any] = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        return Estimates(np.array(frames), clip.truth.views, **rows)


def check_network(network: Any, settings: PassSettings, pixels: str) -> None:
    """Refuse what a network cannot be scored on.

    Args:
        pixels: what the benchmark needs besides people and cameras: ``pelvis``, ``depth`` or nothing.

    Raises:
        UsageError: says what would do.
    """
    if not network.trained:
        print('The network is not trained: these numbers say nothing about accuracy.')
    if settings.pooling == 'max' and not hasattr(network, 'fused_tokens'):
        raise UsageError('this network has no tokens that could be pooled; use pooling=average')
    if network.places_cameras:
        return
    if pixels == 'depth':
        raise UsageError(
            'this network sees no scene and has no depth; give --preset tiny, or --weights of preset full'
        )
    if not pixels and not settings.known_cameras:
        raise UsageError(
            'this network places no cameras: add --set known_cameras=true known_intrinsics=true, which does not '
            'compare with the paper, or give --preset tiny, or --weights of preset full'
        )


def describe(
    preset: str, weights: Path | None, human_head: str, precision: str, settings: PassSettings, bodies: BodyLibrary
) -> str:
    """What estimates of a network depend on, for ``--resume``."""
    if weights is None:
        file = 'packaged weights'
    else:
        digest = hashlib.sha256()
        with Path(weights).open('rb') as stream:
            while block := stream.read(1 << 24):
                digest.update(block)
        file = f'{weights.name} {digest.hexdigest()[:12]}'
    joints = f'joints {bodies.joint_names("smplx", "neutral")} of {bodies.folder or "the free body"}'
    return f'{preset} network with {human_head} head, {file}, {precision}, {joints}, {settings}'
