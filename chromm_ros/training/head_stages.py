"""The two stages of CHROMM (3.4, appendix A) on top of frozen backbones: people first, then pelvises."""

from __future__ import annotations

from dataclasses import replace

import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.pelvis_head import PelvisHead
from chromm_ros.network.scene.network import SceneNetwork
from chromm_ros.network.scene.rays import intrinsics_from_tangents
from chromm_ros.skeleton import HEAD
from chromm_ros.training import people_losses
from chromm_ros.training.chamfer import chamfer_loss, visible_vertices
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.early_fusion import true_people
from chromm_ros.training.framing import for_humans, for_scene
from chromm_ros.training.human_stage import (
    HeadInputs,
    HumanAnswer,
    HumanBranch,
    detection_terms,
    human_terms,
    log_focal,
    run_human,
)
from chromm_ros.training.people_losses import PersonState
from chromm_ros.training.sampling import FrameSampler
from chromm_ros.training.scale import head_pelvis_ratio, optimal_scale
from chromm_ros.training.scene_stage import run_scene, thinned
from chromm_ros.training.targets import PeopleTargets, patch_index, people_targets, place, sample_map
from chromm_ros.training.trainer import Stage
from chromm_ros.training.weights import PAPER_STAGE_1, PAPER_STAGE_2, HumanWeights

FOCAL_RANGE = (0.2, 5.0)
"""Focal lengths that a camera may have, in widths of its image."""


class HeadStage(Stage):
    """Stage 1: SMPL decoders, fusion, mask, detection and pelvis MLPs; both backbones frozen.

    True intrinsics and head positions are given. The scale adjustment (eq. 3) joins in halfway.
    """

    scene: SceneNetwork
    trained: HumanBranch

    def __init__(
        self,
        network: Chromm,
        sampler: FrameSampler,
        body: BodyModel,
        weights: HumanWeights = PAPER_STAGE_1,
        adjust_from: float = 0.5,
        head_jitter: float = 0.0,
    ) -> None:
        """
        Args:
            body: with a light skin: its vertices are posed for every person of every step.
            adjust_from: share of the run after which the sampled depths are scaled by eq. 3.
            head_jitter: error of the given head positions [px]; the paper gives true ones.
        """
        super().__init__()
        self.scene = network.scene.requires_grad_(False)
        early = network.scene.human_tokens.requires_grad_(True) if network.scene.config.human_dim else None
        self.trained = HumanBranch(network.human_encoder, network.human_head, early)
        self.trained.encoder.backbone.requires_grad_(False)
        self.sampler = sampler
        self.body = body
        self.weights = weights
        self.adjust_from = adjust_from
        self.head_jitter = head_jitter

    def train(self, mode: bool = True) -> HeadStage:
        """Backbones keep the statistics that they came with."""
        super().train(mode)
        self.scene.eval()
        self.trained.encoder.backbone.eval()
        return self

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        encoder = self.trained.encoder
        batch = for_scene(batch, self.scene.config)
        people, box = for_humans(batch, encoder.config.image_size)
        targets = people_targets(people, self.body, encoder.config.vit.patch, self.weights.wants('v3d', 'v2d'))
        jitter = self.head_jitter * torch.randn(len(targets), 2, generator=generator, device=generator.device)
        head_px = targets.head_px + jitter
        with self.network_precision(batch.images.device):
            with torch.no_grad():
                tokens = encoder.encode(people.images.flatten(0, 1))
            early = true_people(self.scene, encoder, tokens, targets, batch.images.shape[:2])
            with torch.set_grad_enabled(early is not None):  # what brings people in learns through the frozen decoder
                points, scene_tokens = frozen_scene(self.scene, batch, people=early)
            inputs = head_inputs(self.scene, batch, targets, points, scene_tokens, head_px, box)
            if progress >= self.adjust_from:
                with torch.no_grad():
                    first = run_human(self.trained, tokens, inputs, targets, head_px)
                    ratio = adjustment(first, targets, self.body, people)[targets.frame // batch.images.shape[1]]
                inputs = replace(inputs, sampled_depth=inputs.sampled_depth * ratio, scale=inputs.scale / ratio)
            answer = run_human(self.trained, tokens, inputs, targets, head_px)
        terms, readable = human_terms(self.trained, answer, inputs, targets, self.body, self.weights)
        return self.weights.total(terms), {name: value.detach() for name, value in terms.items()} | readable


class PelvisStage(Stage):
    """Stage 2: the pelvis MLPs alone, on single images.

    They also learn through the scale adjustment: a wrong pelvis gives a wrong ratio, which puts people and points at
    the wrong distance, and reprojection and Chamfer loss see that.
    """

    trained: PelvisHead

    def __init__(
        self,
        network: Chromm,
        sampler: FrameSampler,
        body: BodyModel,
        weights: HumanWeights = PAPER_STAGE_2,
        intrinsics_given: bool = False,
    ) -> None:
        """
        Args:
            intrinsics_given: tell the network the true intrinsics; the paper's in-the-wild images have none.
        """
        super().__init__()
        self.network = network.requires_grad_(False)
        self.trained = network.human_encoder.pelvis.requires_grad_(True)
        self.sampler = sampler
        self.body = body
        self.weights = weights
        self.intrinsics_given = intrinsics_given

    def train(self, mode: bool = True) -> PelvisStage:
        """Everything but the pelvis MLPs only runs."""
        super().train(mode)
        self.network.eval()
        self.trained.train(mode)
        return self

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        branch = HumanBranch(self.network.human_encoder, self.network.human_head)
        batch = for_scene(batch.flat(), self.network.scene.config)
        people, box = for_humans(batch, branch.encoder.config.image_size)
        targets = people_targets(people, self.body, branch.encoder.config.vit.patch, skin=True)
        true_intrinsics = targets.intrinsics
        with self.network_precision(batch.images.device):
            with torch.no_grad():
                tokens = branch.encoder.encode(people.images[:, 0])
                scene, shape = self.network.scene, batch.images.shape[:2]
                early = true_people(scene, branch.encoder, tokens, targets, shape)
                points, scene_tokens = frozen_scene(scene, batch, self.intrinsics_given, early)
                if not self.intrinsics_given:
                    targets = replace(targets, intrinsics=box.intrinsics(_recovered(points))[targets.frame])
                inputs = head_inputs(self.network.scene, batch, targets, points, scene_tokens, targets.head_px, box)
            answer = run_human(branch, tokens, inputs, targets, targets.head_px)
            pelvis_px = self._as_at_run_time(tokens, answer, targets)
        placed, points = self._adjusted(answer, pelvis_px, targets, people, points)
        terms = detection_terms(branch.encoder, answer, targets, self.weights.focal)
        terms |= people_losses.geometric_losses(
            placed,
            targets.state,
            targets.intrinsics,
            max(people.image_size),
            true_intrinsics=true_intrinsics,
            seen=targets.seen,
            metric=targets.metric,
        )
        terms['chamfer'] = self._chamfer(placed, points, batch, people, targets, where_people(batch, answer, box))
        terms = {name: value for name, value in terms.items() if self.weights.wants(name)}
        return self.weights.total(terms), {name: value.detach() for name, value in terms.items()}

    def _as_at_run_time(self, tokens: torch.Tensor, answer: HumanAnswer, targets: PeopleTargets) -> torch.Tensor:
        """(M, 2) pelvis pixels: fine at the patch of the coarse estimate, coarse outside of the image."""
        head_token = tokens[targets.frame, answer.index]
        index, inside = self.trained.patch_of(answer.pelvis_coarse)
        fine = self.trained.fine_px(tokens[targets.frame, index], head_token, index)
        return torch.where(inside[:, None], fine, answer.pelvis_coarse)

    def _adjusted(
        self,
        answer: HumanAnswer,
        pelvis_px: torch.Tensor,
        targets: PeopleTargets,
        people: ClipBatch,
        points: torch.Tensor,
    ) -> tuple[PersonState, torch.Tensor]:
        """People and points after the scale adjustment by the predicted pelvises."""
        state = placed_people(answer, targets, self.body, skin=True)
        joints_px = head_and_pelvis_px(state, targets)
        long_side = max(people.image_size)
        ratio = head_pelvis_ratio(
            targets.head_px, pelvis_px, joints_px, targets.frame, len(points), long_side, targets.seen
        )
        person = answer.person.farther(ratio[targets.frame])
        placed = placed_people(replace(answer, person=person), targets, self.body, skin=True)
        return placed, points * ratio[:, None, None, None]

    def _chamfer(
        self,
        placed: PersonState,
        points: torch.Tensor,
        batch: ClipBatch,
        people: ClipBatch,
        targets: PeopleTargets,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        assert placed.vertices is not None
        visible = visible_vertices(placed.vertices, self.body.faces, targets.intrinsics, people.image_size)
        points = thinned(points[:, None], batch)[:, 0]
        skin, visible = (
            values.unflatten(0, (len(points), -1)).flatten(1, 2)
            for values in (placed.vertices, visible & targets.seen[:, None])
        )
        return chamfer_loss(skin, visible, points.flatten(1, 2), mask.flatten(1))


def where_people(batch: ClipBatch, answer: HumanAnswer, box: Letterbox) -> torch.Tensor:
    """(F, h, w) bool over the scene's images: the true outlines, or the predicted mask where there are none."""
    rows, columns = batch.instance.shape[-2:]
    stride = batch.image_size[0] // rows
    y, x = torch.meshgrid(
        torch.arange(rows, device=answer.mask_logits.device) * stride + 0.5,
        torch.arange(columns, device=answer.mask_logits.device) * stride + 0.5,
        indexing='ij',
    )
    there = box.to_canvas(torch.stack([x, y], -1)).long()
    high, wide = answer.mask_logits.shape[-2:]
    predicted = answer.mask_logits[:, there[..., 1].clamp(0, high - 1), there[..., 0].clamp(0, wide - 1)] > 0
    return torch.where(batch.outlined[:, 0, None, None], batch.instance[:, 0] > 0, predicted)


def frozen_scene(
    scene: SceneNetwork, batch: ClipBatch, told: bool = True, people: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Point maps (F, H, W, 3) and decoded tokens (F, P, C) of a batch, F = B * N; ``people`` as in ``decode``."""
    views = torch.full(batch.images.shape[:2], told)
    output, tokens = run_scene(scene, batch, views, people=people)
    return output.local_points.flatten(0, 1), tokens.flatten(0, 1)


def head_inputs(
    scene: SceneNetwork,
    batch: ClipBatch,
    targets: PeopleTargets,
    points: torch.Tensor,
    scene_tokens: torch.Tensor,
    head_px: torch.Tensor,
    box: Letterbox,
) -> HeadInputs:
    """Scene token and sampled depth at each head, and s_opt of its sequence (scene without people, weight 1 / z).

    Args:
        batch: in the pixels of the scene branch.
        targets, head_px: in the pixels of the human encoder, ``box`` between the two.
        points: (F, H, W, 3); ``scene_tokens`` (F, P, C).
    """
    length = batch.images.shape[1]
    scene_px = box.to_image(head_px)
    estimate = thinned(points.unflatten(0, (-1, length)), batch)[..., 2]
    weight = torch.where((batch.depth > 0) & (batch.instance == 0), 1 / batch.depth.clamp(min=0.1), 0.0)
    scale = optimal_scale(estimate.detach(), batch.depth, weight)
    index = patch_index(scene_px, scene.config.encoder.patch, scene.encoder.grid(*batch.image_size))
    return HeadInputs(
        scene_tokens=scene_tokens[targets.frame, index],
        sampled_depth=sample_map(points[..., 2], targets.frame, scene_px, batch.image_size),
        scale=scale[targets.frame // length],
        log_focal=log_focal(targets, box),
    )


def placed_people(answer: HumanAnswer, targets: PeopleTargets, body: BodyModel, skin: bool) -> PersonState:
    """The decoded people at their head pixels and depths (eq. 1)."""
    person = answer.person
    position = person.head(answer.head_px, targets.intrinsics)
    return place(body, person.pose, person.betas, person.root_rotation, position, skin)


def head_and_pelvis_px(state: PersonState, targets: PeopleTargets) -> torch.Tensor:
    """(M, 2, 2) projected head and pelvis joints [px]; those behind the camera as if just ahead of it."""
    ends = torch.stack([state.joints[:, HEAD], state.joints[:, 0]], 1)
    return project(torch.cat([ends[..., :2], ends[..., 2:].clamp(min=people_losses.NEAREST)], -1), targets.intrinsics)


def adjustment(answer: HumanAnswer, targets: PeopleTargets, body: BodyModel, batch: ClipBatch) -> torch.Tensor:
    """(B,) head-pelvis ratio of each sequence."""
    state = placed_people(answer, targets, body, skin=False)
    joints_px = head_and_pelvis_px(state, targets)
    sequences, length = batch.images.shape[:2]
    pelvis_px = torch.where(targets.pelvis_inside[:, None], answer.pelvis_fine, answer.pelvis_coarse)
    group = targets.frame // length
    long_side = max(batch.image_size)
    return head_pelvis_ratio(answer.head_px, pelvis_px, joints_px, group, sequences, long_side, targets.seen)


def _recovered(points: torch.Tensor) -> torch.Tensor:
    """(F, 3, 3) intrinsics that the point maps (F, H, W, 3) imply, brought to what a lens can be."""
    intrinsics = intrinsics_from_tangents(points[..., :2] / points[..., 2:])
    width = points.shape[2]
    for axis in (0, 1):
        intrinsics[:, axis, axis] = intrinsics[:, axis, axis].clamp(FOCAL_RANGE[0] * width, FOCAL_RANGE[1] * width)
    return intrinsics
