"""Losses of the human branch, shared by its pre-training and by stage 1, and the pre-training itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import unproject
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.human.head import HumanHead, PersonEstimate
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.scene.human_tokens import HumanTokens
from chromm_ros.skeleton import BODY_JOINTS
from chromm_ros.training import people_losses
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.framing import for_humans
from chromm_ros.training.sampling import FrameSampler
from chromm_ros.training.targets import PeopleTargets, patch_index, people_targets, place
from chromm_ros.training.trainer import Stage
from chromm_ros.training.weights import TINY_HUMAN, HumanWeights

FAR_PELVIS = 12.0
"""Coarse pelvis targets are clamped to this many patches from the head."""

HIDDEN_WEIGHT = 0.15
"""Weight in the detection loss of a patch whose head is hidden: neither answer is quite wrong."""


class HumanBranch(nn.Module):
    """Encoder and head together, and what brings people into the scene decoder: what the optimiser moves."""

    encoder: HumanEncoder
    head: HumanHead

    def __init__(self, encoder: HumanEncoder, head: HumanHead, early: HumanTokens | None = None) -> None:
        """
        Args:
            early: of a scene branch with early fusion; None: late fusion.
        """
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.early = early


@dataclass(frozen=True)
class HeadInputs:
    """What the human head is given of the M people of a batch besides their tokens."""

    scene_tokens: torch.Tensor  # (M, C) zeros where there is no scene branch
    sampled_depth: torch.Tensor  # (M,) [m]
    scale: torch.Tensor  # (M,) s_opt of the frame of each person
    log_focal: torch.Tensor  # (M,) log(fx / width of the image)


class HumanStage(Stage):
    """Pre-training of the human branch on single images, without a scene.

    Multi-HMR's encoder comes trained; the tiny one learns here. The depth that the scene branch will offer is played
    by the true depth with a wide error, so that the head learns to use it and not to trust it blindly.
    """

    trained: HumanBranch

    def __init__(
        self,
        branch: HumanBranch,
        sampler: FrameSampler,
        body: BodyModel,
        weights: HumanWeights = TINY_HUMAN,
        head_jitter: float = 1.3,
        depth_jitter: float = 0.35,
    ) -> None:
        """
        Args:
            head_jitter: error of the given head position [px], as detection will make.
            depth_jitter: error of the given depth in its logarithm.
        """
        super().__init__()
        self.trained = branch
        self.sampler = sampler
        self.body = body
        self.weights = weights
        self.head_jitter = head_jitter
        self.depth_jitter = depth_jitter

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        encoder = self.trained.encoder
        batch, box = for_humans(batch, encoder.config.image_size)
        targets = people_targets(batch, self.body, encoder.config.vit.patch, self.weights.wants('v3d', 'v2d'))
        noise = torch.randn(len(targets), generator=generator, device=generator.device)
        inputs = HeadInputs(
            scene_tokens=batch.images.new_zeros(len(targets), self.trained.head.config.scene_dim),
            sampled_depth=targets.state.head[:, 2] * torch.exp(self.depth_jitter * noise),
            scale=torch.ones_like(noise),
            log_focal=log_focal(targets, box),
        )
        jitter = self.head_jitter * torch.randn(len(targets), 2, generator=generator, device=generator.device)
        with self.network_precision(batch.images.device):
            tokens = encoder.encode(batch.images.flatten(0, 1))
            answer = run_human(self.trained, tokens, inputs, targets, targets.head_px + jitter)
        terms, readable = human_terms(self.trained, answer, inputs, targets, self.body, self.weights)
        return self.weights.total(terms), {name: value.detach() for name, value in terms.items()} | readable


@dataclass(frozen=True)
class HumanAnswer:
    """All that the human branch says when it is told where the heads are. F images, M people."""

    logits: torch.Tensor  # (F, P) head in this patch
    mask_logits: torch.Tensor  # (F, H, W)
    index: torch.Tensor  # (M,) patch of each head
    head_px: torch.Tensor  # (M, 2) where the person was put [px]
    offset: torch.Tensor  # (M, 2) head from the centre of its patch, in patches
    pelvis_coarse: torch.Tensor  # (M, 2) [px]
    pelvis_fine: torch.Tensor  # (M, 2) [px] at the patch of the true pelvis
    person: PersonEstimate


def run_human(
    branch: HumanBranch, tokens: torch.Tensor, inputs: HeadInputs, targets: PeopleTargets, head_px: torch.Tensor
) -> HumanAnswer:
    """Teacher forcing: the patches of the true heads and of the true pelvises are read (CHROMM appendix A).

    All pixels are those of the encoder's input.

    Args:
        tokens: (F, P, D) of the human encoder for all images.
        head_px: (M, 2) head pixels that are given to the head [px].
    """
    encoder = branch.encoder
    index = patch_index(targets.head_px, encoder.config.vit.patch, encoder.grid)
    token = tokens[targets.frame, index]
    there, _ = encoder.pelvis.patch_of(targets.pelvis_px)
    ray = unproject(head_px, torch.ones_like(head_px[:, 0]), targets.intrinsics)[:, :2]
    return HumanAnswer(
        logits=encoder.detection_logits(tokens),
        mask_logits=encoder.mask_logits(tokens),
        index=index,
        head_px=head_px,
        offset=encoder.offsets(token),
        pelvis_coarse=encoder.pelvis.coarse_px(token, targets.head_px),
        pelvis_fine=encoder.pelvis.fine_px(tokens[targets.frame, there], token, there),
        person=branch.head(inputs.scene_tokens, token, ray, inputs.log_focal, inputs.sampled_depth),
    )


def log_focal(targets: PeopleTargets, box: Letterbox) -> torch.Tensor:
    """(M,) log of focal length over width of the image, border excluded."""
    return torch.log(targets.intrinsics[:, 0, 0] / (box.scale * box.image[1]))


def human_terms(
    branch: HumanBranch,
    answer: HumanAnswer,
    inputs: HeadInputs,
    targets: PeopleTargets,
    body: BodyModel,
    weights: HumanWeights,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Unweighted losses that count, by the names of :class:`HumanWeights`, and numbers for a person to read."""
    long_side = max(branch.encoder.config.image_size)
    terms = detection_terms(branch.encoder, answer, targets, weights.focal)
    terms |= person_terms(answer, inputs, targets, body, long_side)
    return {name: value for name, value in terms.items() if weights.wants(name)}, _readable(answer.person, targets)


def detection_terms(
    encoder: HumanEncoder, answer: HumanAnswer, targets: PeopleTargets, focal: bool = True
) -> dict[str, torch.Tensor]:
    """``head``, ``offset``, ``mask`` and ``pelvis``."""
    patch, grid = encoder.config.vit.patch, encoder.grid
    positive = _marked(answer.logits, targets.frame, answer.index, targets.seen)
    doubtful = _marked(answer.logits, targets.frame, patch_index(targets.head_px, patch, grid), targets.hidden)
    weight = torch.where(_judged_patches(targets, grid), 1 - (1 - HIDDEN_WEIGHT) * doubtful, 0.0)
    weight = torch.where(positive > 0, 1.0, weight)
    centre = (torch.stack([answer.index % grid[1], answer.index // grid[1]], dim=1) + 0.5) * patch
    return {
        'head': people_losses.focal_loss(torch.sigmoid(answer.logits), positive, weight)
        if focal
        else people_losses.head_bce_loss(answer.logits, positive, weight),
        'offset': people_losses.l1(answer.offset, (targets.head_px - centre) / patch, targets.seen),
        'mask': people_losses.mask_loss(
            answer.mask_logits, targets.silhouette, targets.judged & targets.outlined[:, None, None]
        ),
        'pelvis': pelvis_term(answer, targets, patch, max(encoder.config.image_size)),
    }


def _marked(logits: torch.Tensor, frame: torch.Tensor, index: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """1 in the patches (F, P) that any of the ``rows`` (M,) has, else 0."""
    marks = torch.zeros_like(logits, dtype=torch.float32).flatten()
    place = frame * logits.shape[1] + index
    return marks.scatter_reduce(0, place, rows.float(), 'amax').view_as(logits)


def _judged_patches(targets: PeopleTargets, grid: tuple[int, int]) -> torch.Tensor:
    """(F, P) bool: patches most of which is known to show a person or none."""
    share = torch.nn.functional.adaptive_avg_pool2d(targets.judged[:, None].float(), grid)
    return share.flatten(1) > 0.5


def pelvis_term(answer: HumanAnswer, targets: PeopleTargets, patch: int, long_side: int) -> torch.Tensor:
    """L1 of the coarse pelvis in long sides, plus a tenth of that of the fine one in patches where it is inside.

    A classification loss is not defined for two coordinates; the paper's BCE is read as L1.
    """
    reach = FAR_PELVIS * patch
    wanted = targets.head_px + (targets.pelvis_px - targets.head_px).clamp(-reach, reach)
    coarse = people_losses.l1(answer.pelvis_coarse / long_side, wanted / long_side, targets.seen)
    inside = targets.pelvis_inside & targets.seen
    fine = people_losses.l1(answer.pelvis_fine / patch, targets.pelvis_px / patch, inside)
    return coarse + 0.1 * fine


def person_terms(
    answer: HumanAnswer, inputs: HeadInputs, targets: PeopleTargets, body: BodyModel, long_side: int
) -> dict[str, torch.Tensor]:
    """The paper's geometric and parametric terms, and those of the tiny preset."""
    truth, estimate = targets.state, answer.person
    position = estimate.head(answer.head_px, targets.intrinsics)
    state = place(
        body, estimate.pose, estimate.betas, estimate.root_rotation, position, skin=truth.vertices is not None
    )
    seen, metric = targets.seen, targets.metric
    terms = people_losses.geometric_losses(
        state, truth, targets.intrinsics, long_side, inputs.scale, seen=seen, metric=metric
    )
    terms |= people_losses.parametric_losses(state, truth, inputs.scale, seen, metric)
    # the root rotation is taught in the frame in which it is predicted, the camera's or the viewing ray's
    from_view = estimate.root_rotation @ estimate.root_from_view.transpose(-1, -2)
    log_truth = truth.head[:, 2].log()

    def log_error(depth: torch.Tensor) -> torch.Tensor:
        return people_losses.l1(depth.clamp(min=0.05).log(), log_truth, metric)

    def body_joints(joints: torch.Tensor) -> torch.Tensor:
        return (joints - joints[:, :1])[:, :BODY_JOINTS]

    canonical = body.joints(estimate.betas, estimate.pose)[:, :BODY_JOINTS]
    true_canonical = body_joints(truth.joints) @ truth.root_rotation
    terms |= {
        'root': people_losses.rotation_loss(
            estimate.root_from_view, from_view.transpose(-1, -2) @ truth.root_rotation, seen
        ),
        'canonical': people_losses.joints_loss(canonical, true_canonical, seen),
        'relative': people_losses.joints_loss(body_joints(state.joints), body_joints(truth.joints), seen),
        'log_depth': log_error(estimate.depth),
        'own_depth': log_error(estimate.own_depth),
    }
    return terms


@torch.no_grad()
def _readable(estimate: PersonEstimate, targets: PeopleTargets) -> dict[str, torch.Tensor]:
    """Numbers for a person: root rotation [deg] and head depth [m], medians over the people of the batch."""

    def median(values: torch.Tensor) -> torch.Tensor:
        return torch.where(targets.seen, values, torch.nan).nanmedian()

    product = (estimate.root_rotation * targets.state.root_rotation).sum((-1, -2))
    depth = targets.state.head[:, 2]
    return {
        'root_deg': median(((product - 1) / 2).clamp(-1, 1).acos().rad2deg()),
        'depth_m': median((estimate.depth - depth).abs()),
        'own_depth_m': median((estimate.own_depth - depth).abs()),
    }
