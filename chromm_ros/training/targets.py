"""What a batch of clips says about every single person in every image: the truth that the human head is taught."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.in_sight import CLOSEST, IN_FRONT, SMALLEST
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.people_losses import PersonState


@dataclass(frozen=True)
class PeopleTargets:
    """K places for people in each of F = B * N images: M = F * K rows, of which ``seen`` are people to learn from.

    The number of rows does not depend on what the images show, so that nothing has to be counted on the device and
    read by the host. All other rows hold a harmless person: finite, ahead of the camera.
    """

    seen: torch.Tensor  # (M,) bool: the head is inside the image and not hidden
    hidden: torch.Tensor  # (M,) bool: inside but hidden: neither present nor absent
    frame: torch.Tensor  # (M,) int64, image through the whole batch
    head_px: torch.Tensor  # (M, 2) pixels of the images
    pelvis_px: torch.Tensor  # (M, 2); may lie outside of the image
    pelvis_inside: torch.Tensor  # (M,) bool
    intrinsics: torch.Tensor  # (M, 3, 3)
    state: PersonState
    silhouette: torch.Tensor  # (F, h, w) bool: people
    judged: torch.Tensor  # (F, h, w) bool: whether people are there is known
    outlined: torch.Tensor  # (F,) bool: the silhouette is known
    metric: torch.Tensor  # (M,) bool: seen, and lengths of this person can be compared in metres

    def __len__(self) -> int:
        """Rows, whether somebody is seen there or not."""
        return len(self.frame)


def people_targets(batch: ClipBatch, body: BodyModel, patch: int = 16, skin: bool = False) -> PeopleTargets:
    """Every person whose head is inside an image and not hidden; of two heads in one patch the nearer one.

    Args:
        patch: side of a patch of the human encoder [px].
        skin: also pose the vertices (costly).
    """
    flat = batch.flat()
    frames, people = flat.present.shape[0], flat.present.shape[2]
    height, width = batch.image_size
    camera_from_world = invert_rigid(flat.world_from_camera[:, 0])  # (F, 4, 4)
    head = transform(camera_from_world, flat.head[:, 0])  # (F, K, 3)
    lens = flat.lens[:, 0]
    ahead = head[..., 2] > CLOSEST
    head_px = project(torch.where(ahead[..., None], head, in_front(head)), lens)
    inside = flat.present[:, 0] & ahead & within(head_px, height, width)
    visible = inside & _uncovered(flat, head, head_px, (height, width)) & _large_enough(flat, people)
    nearness = head[..., 2] / lens[..., 0, 0]  # people with cameras of their own are compared by their size
    visible = visible & _nearest_of_patch(
        head_px, nearness, visible, (-(-height // patch), -(-width // patch)), patch
    )
    frame = torch.arange(frames, device=head.device).repeat_interleave(people)
    seen = visible.flatten()
    state = _state(flat, camera_from_world[frame], head.flatten(0, 1), seen, body, skin)
    pelvis_px = project(_ahead(state.joints[:, 0]), lens.flatten(0, 1))
    return PeopleTargets(
        seen=seen,
        hidden=(inside & ~visible).flatten(),
        frame=frame,
        head_px=head_px.flatten(0, 1),
        pelvis_px=pelvis_px,
        pelvis_inside=within(pelvis_px, height, width),
        intrinsics=lens.flatten(0, 1),
        state=state,
        silhouette=flat.instance[:, 0] > 0,
        judged=flat.judged[:, 0],
        outlined=flat.outlined[:, 0],
        metric=seen & flat.metric[frame, 0],
    )


def _state(
    flat: ClipBatch,
    camera_from_world: torch.Tensor,
    head: torch.Tensor,
    seen: torch.Tensor,
    body: BodyModel,
    skin: bool,
) -> PersonState:
    """The M people; who is not seen stands at rest in front of the camera.

    Args:
        camera_from_world: (M, 4, 4); ``head`` (M, 3) in the frames of the cameras; ``seen`` (M,).
    """
    pose, betas, root, told = (
        values[:, 0].flatten(0, 1) for values in (flat.pose, flat.betas, flat.root_rotation, flat.joints)
    )
    upright = torch.eye(3, device=head.device).expand_as(root)
    root = torch.where(seen[:, None, None], camera_from_world[:, :3, :3] @ root, upright)
    pose = torch.where(seen[:, None, None, None], pose, upright[:, None])
    head = torch.where(seen[:, None], head, in_front(head))
    state = place(body, pose, betas * seen[:, None], root, head, skin)
    told = transform(camera_from_world, told)
    # another body model posed them: its joints are true, all else is put behind the camera, where no loss looks
    by_smpl = (told.isfinite().all(-1).all(-1) & seen)[:, None, None]
    nowhere = -in_front(state.joints)
    joints = torch.where(by_smpl, nowhere, state.joints)
    told = torch.where(by_smpl, told, joints[:, : told.shape[1]])
    vertices = state.vertices
    if vertices is not None:
        vertices = torch.where(by_smpl, -in_front(vertices), vertices)
    return replace(state, joints=torch.cat([told, joints[:, told.shape[1] :]], 1), vertices=vertices)


def within(pixels: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(...) bool: whether pixels (..., 2) lie in an image."""
    x, y = pixels.unbind(-1)
    return (x >= 0) & (y >= 0) & (x < width) & (y < height)


def in_front(like: torch.Tensor) -> torch.Tensor:
    """Points of the shape of ``like`` (..., 3), one metre in front of the camera; made where they are needed."""
    return torch.cat([torch.zeros_like(like[..., :2]), torch.ones_like(like[..., 2:])], -1)


def place(
    body: BodyModel,
    pose: torch.Tensor,
    betas: torch.Tensor,
    root_rotation: torch.Tensor,
    head: torch.Tensor,
    skin: bool = False,
) -> PersonState:
    """People (M) with joints, and vertices if asked for, where their head joint is at ``head`` (M, 3)."""
    if skin:
        vertices, joints = body.skin_and_joints(betas, pose, root_rotation)
    else:
        vertices, joints = None, body.joints(betas, pose, root_rotation)
    shift = (head - joints[:, HEAD])[:, None]
    return PersonState(
        pose, betas, root_rotation, head, joints + shift, None if vertices is None else vertices + shift
    )


def patch_index(pixels: torch.Tensor, patch: int, grid: tuple[int, int]) -> torch.Tensor:
    """Index (...) of the patch of pixels (..., 2), row by row; the nearest one for pixels outside."""
    column, row = (pixels / patch).floor().long().unbind(-1)
    return row.clamp(0, grid[0] - 1) * grid[1] + column.clamp(0, grid[1] - 1)


def sample_map(
    values: torch.Tensor, frame: torch.Tensor, pixels: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Nearest entries of maps (F, h, w) over images of ``size`` (height, width) at pixels (M, 2) of ``frame``."""
    rows, columns = values.shape[-2:]
    row = (pixels[:, 1] * rows / size[0]).long().clamp(0, rows - 1)
    column = (pixels[:, 0] * columns / size[1]).long().clamp(0, columns - 1)
    return values[frame, row, column]


def _uncovered(flat: ClipBatch, head: torch.Tensor, head_px: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    frames, people = head.shape[:2]
    frame = torch.arange(frames, device=head.device).repeat_interleave(people)
    surface = sample_map(flat.depth[:, 0], frame, head_px.flatten(0, 1), size)
    surface = surface.view(frames, people)
    return (surface == 0) | (surface > head[..., 2] - IN_FRONT)


def _large_enough(flat: ClipBatch, people: int) -> torch.Tensor:
    instance = flat.instance[:, 0].flatten(1)
    covered = torch.stack([(instance == person + 1).sum(1) for person in range(people)], dim=1)
    # without outlines, those who are too small were left out when the image was read
    return (covered >= SMALLEST * instance.shape[1]) | ~flat.outlined


def _nearest_of_patch(
    head_px: torch.Tensor, depth: torch.Tensor, valid: torch.Tensor, grid: tuple[int, int], patch: int
) -> torch.Tensor:
    """(F, K) bool: no nearer valid head shares the patch; only one person can be read from a token."""
    index = patch_index(head_px, patch, grid)
    rival = (index[:, :, None] == index[:, None, :]) & valid[:, None, :] & (depth[:, None, :] < depth[:, :, None])
    return ~rival.any(-1)


def _ahead(points: torch.Tensor) -> torch.Tensor:
    return torch.cat([points[..., :2], points[..., 2:].clamp(min=0.05)], dim=-1)
