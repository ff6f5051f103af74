"""The two ways from detected heads to people: CHROMM's own head, or that of the public Multi-HMR checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import MAX_PEOPLE, FrameFeatures
from chromm_ros.geometry.cameras import project, scale_intrinsics, unproject
from chromm_ros.network.human.detection import Heads, take
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.head import HumanHead
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.multi_hmr_head import MultiHmrHead
from chromm_ros.network.human.sampling import depth_at, patch_at
from chromm_ros.network.outputs import PeopleEstimates, SceneGeometry
from chromm_ros.skeleton import HEAD

HEAD_BEHIND_SKIN = 0.1
"""The head joint lies about this far behind the surface that a depth map shows [m]."""

NEAR_METRIC = 1.5
"""A scene depth further than this factor from the person's own depth shows something else than the person."""


@dataclass(frozen=True)
class DetectedHeads:
    """The heads of F images, M each, as both encoders know them."""

    heads: Heads
    token: torch.Tensor  # (F, M, D) of the human encoder
    scene_token: torch.Tensor  # (F, M, C) decoded scene token at the head
    canvas_px: torch.Tensor  # (F, M, 2) pixels of the human encoder's input
    image_px: torch.Tensor  # (F, M, 2) pixels of the original image
    depth: torch.Tensor  # (F, M) of the scene at the head [m]
    intrinsics: torch.Tensor  # (F, 3, 3) pixels of the original image
    image_size: torch.Tensor  # (F, 2) width, height of the original image [px]
    letterbox: Letterbox

    @property
    def scale(self) -> torch.Tensor:
        """(F, 2) pixels of the original image per pixel of the scene encoder's image, in x and y."""
        height, width = self.letterbox.image
        return self.image_size / torch.tensor([width, height], device=self.image_size.device)


@dataclass(frozen=True)
class DecodedBodies:
    """People of F images, M each; padding rows hold anything."""

    pose: torch.Tensor  # (F, M, 52, 3, 3)
    betas: torch.Tensor  # (F, M, 10)
    root_rotation: torch.Tensor  # (F, M, 3, 3) camera from body
    depth: torch.Tensor  # (F, M) of the head joint [m]
    pelvis_px: torch.Tensor  # (F, M, 2) pixels of the human encoder's input
    head: torch.Tensor | None = None  # (F, M, 3) camera frame [m]; None: on the ray of its pixel


def detect(
    encoder: HumanEncoder,
    features: FrameFeatures,
    geometry: SceneGeometry,
    patch: int,
    threshold: float,
    people: int = MAX_PEOPLE,
) -> DetectedHeads:
    """Find the heads of F images and read the scene where they are.

    Args:
        encoder: of the human branch.
        features: F rows.
        geometry: of the same rows.
        patch: side of a patch of the scene encoder [px].
        threshold: smallest detection score.
        people: at most, in each image.
    """
    letterbox = Letterbox(features.scene_size, encoder.config.image_size)
    tokens = features.human_tokens
    heads = encoder.heads(tokens, threshold, people)
    token = take(tokens, heads.index)
    canvas_px = encoder.head_pixels(heads.index, encoder.offsets(token))
    scene_px = letterbox.to_image(canvas_px)
    rows, columns = (side // patch for side in features.scene_size)
    found = DetectedHeads(
        heads=heads,
        token=token,
        scene_token=take(geometry.tokens, patch_at(scene_px, (rows, columns), patch)),
        canvas_px=canvas_px,
        image_px=scene_px,
        depth=depth_at(geometry.local_points[..., 2], scene_px),
        intrinsics=geometry.intrinsics,
        image_size=image_sizes(features),
        letterbox=letterbox,
    )
    return replace(found, image_px=scene_px * found.scale[:, None])


def image_sizes(features: FrameFeatures) -> torch.Tensor:
    """(N, 2) width and height of the original images [px], on the device of the features."""
    sizes = [(width, height) for height, width in features.image_sizes]
    return torch.tensor(sizes, dtype=torch.float32, device=features.scene.device)


def decode_chromm(
    encoder: HumanEncoder, head: HumanHead, found: DetectedHeads, tokens: torch.Tensor
) -> DecodedBodies:
    """CHROMM 3.1: all people of all images in one batch. ``tokens`` (F, P, D) of the human encoder."""
    shape = found.depth.shape
    people = head(*_fusion_inputs(found), found.depth.flatten(0, 1))
    return DecodedBodies(
        pose=people.pose.unflatten(0, shape),
        betas=people.betas.unflatten(0, shape),
        root_rotation=people.root_rotation.unflatten(0, shape),
        depth=people.depth.unflatten(0, shape),
        pelvis_px=encoder.pelvis(tokens, found.token, found.canvas_px, found.letterbox),
        head=None if people.translation is None else people.translation.unflatten(0, shape),
    )


def fused_tokens(head: HumanHead, found: DetectedHeads) -> torch.Tensor:
    """(F, M, dim) tokens H of all people, from which their bodies are decoded."""
    return head.fused_tokens(*_fusion_inputs(found)).unflatten(0, found.depth.shape)


def _fusion_inputs(found: DetectedHeads) -> tuple[torch.Tensor, ...]:
    """Scene token, head token, ray and focal length of F * M people, as the head takes them."""
    ray = unproject(found.image_px, torch.ones_like(found.depth), found.intrinsics)[..., :2]
    log_focal = (found.intrinsics[:, 0, 0] / found.image_size[:, 0]).log()[:, None].expand(found.depth.shape)
    return tuple(part.flatten(0, 1) for part in (found.scene_token, found.token, ray, log_focal))


def decode_multi_hmr(
    head: MultiHmrHead,
    body: BodyModel,
    found: DetectedHeads,
    tokens: torch.Tensor,
    part: tuple[slice, slice] | None = None,
) -> DecodedBodies:
    """People from the public head, brought into the terms of CHROMM.

    The public head knows metric people at metric depths, CHROMM's scale adjustment wants the depth of the scene and
    the pelvis that the image shows. So the depth is the scene's, as in eq. 1, unless it contradicts the person's own;
    the pelvis is where the person's own depth shows it. Eq. 3 then brings the scene to the scale of the people.
    ``part``: rows and columns of the patches that were encoded; None: all.
    """
    to_scene = scale_intrinsics(found.intrinsics, 1 / found.scale[:, 0], 1 / found.scale[:, 1])
    intrinsics = found.letterbox.intrinsics(to_scene)
    people = head(tokens, found.heads.index, found.heads.valid, intrinsics, part)
    joints = body.joints(people.betas, people.pose, people.root_rotation)
    own_head = unproject(found.canvas_px, people.depth, intrinsics)
    sampled = found.depth + HEAD_BEHIND_SKIN
    ratio = sampled / people.depth
    agrees = (ratio < NEAR_METRIC) & (ratio > 1 / NEAR_METRIC)
    return DecodedBodies(
        pose=people.pose,
        betas=people.betas,
        root_rotation=people.root_rotation,
        depth=torch.where(agrees, sampled, people.depth),
        pelvis_px=project(own_head - joints[..., HEAD, :], intrinsics),
    )


def estimates(found: DetectedHeads, bodies: DecodedBodies, body: BodyModel) -> PeopleEstimates[torch.Tensor]:
    """Bodies with their places; padding, and whoever is not finite, becomes zeros and identities."""
    head = unproject(found.image_px, bodies.depth, found.intrinsics) if bodies.head is None else bodies.head
    pelvis_px = found.letterbox.to_image(bodies.pelvis_px) * found.scale[:, None]
    valid = found.heads.valid
    for part in (head, pelvis_px, bodies.betas, bodies.root_rotation, bodies.pose):
        valid = valid & torch.isfinite(part).flatten(2).all(-1)
    identity = torch.eye(3, device=valid.device)
    pose = _kept(bodies.pose, valid, identity)
    betas = _kept(bodies.betas, valid)
    return PeopleEstimates(
        valid=valid,
        found=found.heads.found,
        score=_kept(found.heads.score, valid),
        token=_kept(found.token, valid),
        head_px=_kept(found.image_px, valid),
        pelvis_px=_kept(pelvis_px, valid),
        pose=pose,
        betas=betas,
        root_rotation=_kept(bodies.root_rotation, valid, identity),
        head=_kept(head, valid),
        canonical_joints=_kept(body.joints(betas, pose), valid),
        intrinsics=found.intrinsics,
    )


def _kept(values: torch.Tensor, valid: torch.Tensor, otherwise: torch.Tensor | None = None) -> torch.Tensor:
    """``values`` (F, M, ...) where ``valid`` (F, M), else ``otherwise`` (zeros)."""
    otherwise = values.new_zeros(()) if otherwise is None else otherwise
    return torch.where(valid.reshape(*valid.shape, *(1,) * (values.ndim - 2)), values, otherwise)
