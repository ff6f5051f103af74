"""Scene pre-training of a preset whose backbone comes from nobody: the tiny one, in the gauge of its studio."""

from __future__ import annotations

import numpy as np
import torch

from chromm_ros.geometry.cameras import pixel_rays
from chromm_ros.network.scene.conditions import prepare
from chromm_ros.network.scene.network import SceneNetwork, SceneOutput
from chromm_ros.training import scene_losses
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.sampling import FrameSampler
from chromm_ros.training.trainer import Stage
from chromm_ros.training.weights import SceneWeights


class SceneStage(Stage):
    """Point maps, rays, cameras, confidence and metric scale from images and, mostly, known intrinsics."""

    trained: SceneNetwork

    def __init__(
        self,
        network: SceneNetwork,
        sampler: FrameSampler,
        weights: SceneWeights | None = None,
        rays_given: float = 0.9,
        confidence_share: float = 0.25,
    ) -> None:
        """
        Args:
            rays_given: share of views whose intrinsics the network is told.
            confidence_share: share of steps in which the confidence branch learns; it costs as much as the points.
        """
        super().__init__()
        self.trained = network
        self.sampler = sampler
        self.weights = weights or SceneWeights()
        self.rays_given = rays_given
        self.confidence_share = confidence_share

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        rng = np.random.default_rng(generator.initial_seed())  # the host decides what runs
        told = self.told(batch.images.shape[:2], rng)
        doubt = self.weights.confidence > 0 and rng.random() < self.confidence_share
        with self.network_precision(batch.images.device):
            output, _ = run_scene(self.trained, batch, told, with_confidence=doubt)
        terms = self.terms(output, batch)
        loss = self.weights.total(terms)
        return loss, {name: value.detach() for name, value in terms.items()} | _readable(output, batch)

    def told(self, shape: torch.Size, rng: np.random.Generator) -> torch.Tensor:
        """(B, N) bool on the host: the views whose intrinsics are given."""
        return torch.from_numpy(rng.random(shape) < self.rays_given)

    def terms(self, output: SceneOutput, batch: ClipBatch) -> dict[str, torch.Tensor]:
        """Unweighted losses, by the names of :class:`SceneWeights`."""
        points = thinned(output.local_points, batch)
        weight = 1 + self.weights.people * (batch.instance > 0)
        rotation, translation = scene_losses.camera_loss(output.world_from_camera, batch.world_from_camera)
        terms = {
            'depth': scene_losses.depth_loss(points[..., 2], batch.depth, weight),
            'edges': scene_losses.depth_edge_loss(points[..., 2], batch.depth),
            'rays': scene_losses.ray_loss(
                points[..., :2] / points[..., 2:].clamp(min=1e-6),
                thinned(pixel_rays(batch.intrinsics, *batch.image_size), batch),
            ),
            'rotation': rotation,
            'translation': translation,
        }
        if batch.images.shape[1] > 1:
            terms['relative_rotation'], terms['relative_translation'] = scene_losses.camera_loss(
                scene_losses.relative_poses(output.world_from_camera),
                scene_losses.relative_poses(batch.world_from_camera),
            )
        if output.confidence is not None:
            logits = thinned(output.confidence, batch)[..., 0]
            terms['confidence'] = scene_losses.confidence_loss(logits, points, true_points(batch))
        return terms


def run_scene(
    network: SceneNetwork,
    batch: ClipBatch,
    told: torch.Tensor | None = None,
    with_confidence: bool = False,
    people: torch.Tensor | None = None,
) -> tuple[SceneOutput, torch.Tensor]:
    """Geometry of a batch, and its decoded patch tokens (B, N, P, C) without registers.

    Args:
        told: (B, N) bool: views whose intrinsics are given; None: all.
        people: (B, N, M, C) that join the tokens of the images (early fusion).
    """
    conditions = prepare(
        batch.image_size, intrinsics=batch.intrinsics, masks=None if told is None else {'intrinsics': told}
    )
    grid = network.encoder.grid(*batch.image_size)
    tokens = network.encode(batch.images.flatten(0, 1)).unflatten(0, batch.images.shape[:2])
    hidden = network.decode(tokens, grid, conditions, people)
    output = network.heads(hidden, grid, with_confidence=with_confidence)
    return output, hidden[:, :, network.config.registers :]


def thinned(maps: torch.Tensor, batch: ClipBatch) -> torch.Tensor:
    """Maps (B, N, H, W, ...) at the pixels where the batch has its true depth: (B, N, h, w, ...)."""
    stride = batch.image_size[0] // batch.depth.shape[-2]
    return maps[:, :, ::stride, ::stride]


def true_points(batch: ClipBatch) -> torch.Tensor:
    """(B, N, h, w, 3) true points in the frames of the cameras."""
    rays = thinned(pixel_rays(batch.intrinsics, *batch.image_size), batch)
    return torch.cat([rays * batch.depth[..., None], batch.depth[..., None]], dim=-1)


@torch.no_grad()
def _readable(output: SceneOutput, batch: ClipBatch) -> dict[str, torch.Tensor]:
    """Numbers for a person: relative depth error on people [1], relative camera errors [deg, m]."""
    depth = thinned(output.local_points, batch)[..., 2]
    people = batch.instance > 0
    relative = (depth - batch.depth).abs() / batch.depth.clamp(min=0.1)
    numbers = {'people_absrel': (relative * people).sum() / people.sum().clamp(min=1)}
    if batch.images.shape[1] > 1:
        estimate = scene_losses.relative_poses(output.world_from_camera)
        truth = scene_losses.relative_poses(batch.world_from_camera)
        cosine = ((estimate[..., :3, :3] * truth[..., :3, :3]).sum((-1, -2)) - 1) / 2
        numbers['pair_deg'] = cosine.clamp(-1, 1).acos().rad2deg().median()
        numbers['pair_m'] = (estimate - truth)[..., :3, 3].norm(dim=-1).median()
    return numbers
