"""What is known of the cameras beforehand, brought to the form in which the network takes it.

Poses lose their frame and their scale on the way (the first view is the origin, the mean distance is 1), depth loses
its scale: known extrinsics make the network's geometry better but do not set its scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.network.scene.rays import ray_map

STATIC_RIG = 0.02
"""Poses whose centres all lie within this distance of the first are not rescaled (metres, or mean depths)."""

RIGID = 1e-2
"""Largest entry of R R^T - I of a rotation."""

KINDS = ('intrinsics', 'rays', 'world_from_camera', 'depths')
"""Names of the conditions; a mask has the name of what it masks."""


@dataclass(frozen=True)
class Selection:
    """Which of (B, N) views a condition counts for: what decides what runs as values of the host, and indices on the
    device, which nobody has to look at there. So a window compiles to one graph, for any number of views."""

    all: bool
    """It counts for every view."""
    where: tuple[torch.Tensor, torch.Tensor]
    """Sample and view of each of the K views, on the device."""
    views: tuple[torch.Tensor | None, ...]
    """For each sample, the indices of its views, on the device; None: it has none."""

    @classmethod
    def of(cls, mask: torch.Tensor, device: torch.device) -> Selection:
        """From a mask (B, N) bool on the host."""
        sample, view = mask.nonzero(as_tuple=True)
        return cls(
            all=bool(mask.all()),
            where=(sample.to(device, non_blocking=True), view.to(device, non_blocking=True)),
            views=tuple(row.nonzero().flatten().to(device, non_blocking=True) if row.any() else None for row in mask),
        )

    def chosen(self, values: torch.Tensor) -> torch.Tensor:
        """The K views out of (B, N, ...)."""
        return values.flatten(0, 1) if self.all else values[self.where]

    def added(self, values: torch.Tensor, deltas: torch.Tensor) -> torch.Tensor:
        """``values`` (B, N, ...) with ``deltas`` (K, ...) added to the K views."""
        deltas = deltas.to(values.dtype)
        return values + deltas.view_as(values) if self.all else values.index_put(self.where, deltas, accumulate=True)


@dataclass(frozen=True)
class Conditions:
    """Normalised conditions of B samples of N views."""

    rays: torch.Tensor | None = None
    """(B, N, 2, H, W) tangents x/z, y/z of the pixel centres."""
    use_rays: Selection | None = None
    depth: torch.Tensor | None = None
    """(B, N, 2, H, W) depth in mean depths, and where it is valid."""
    use_depth: Selection | None = None
    world_from_camera: torch.Tensor | None = None
    """(B, N, 4, 4) with view 0 at the origin, scaled."""
    use_poses: Selection | None = None


def _scaled(poses: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Camera centres of ``poses`` (B, N, 4, 4) divided by ``factor`` (B,)."""
    centres = poses[..., :3, 3:] / factor[:, None, None, None]
    return torch.cat([torch.cat([poses[..., :3, :3], centres], -1), poses[..., 3:, :]], -2)


def prepare(
    size: tuple[int, int],
    *,
    intrinsics: torch.Tensor | None = None,
    rays: torch.Tensor | None = None,
    world_from_camera: torch.Tensor | None = None,
    depths: torch.Tensor | None = None,
    masks: Mapping[str, torch.Tensor] | None = None,
) -> Conditions | None:
    """Normalise conditions; None when there are none, or all are masked out.

    Args:
        size: height and width of the network's images.
        intrinsics: (B, N, 3, 3) pixels of those images, pixel centres at +0.5.
        rays: (B, N, H, W, 3) directions in the camera frame with z > 0, instead of intrinsics (fisheye lenses).
        world_from_camera: (B, N, 4, 4), one world for all views of a sample.
        depths: (B, N, H, W), 0 where unknown.
        masks: (B, N) bool per kind (names of these arguments): which views the condition counts for. Default: all.

    Raises:
        ValueError: a shape or a mask does not fit; a value is not finite; both intrinsics and rays are given.
    """
    given = {
        kind: value for kind, value in zip(KINDS, (intrinsics, rays, world_from_camera, depths)) if value is not None
    }
    use = _masks(size, given, masks or {})
    for kind, value in given.items():
        _check_values(kind, value, use[kind])
    parts: dict[str, torch.Tensor] = {}  # masks are tensors of the host until all are known
    if rays is not None:
        parts |= {'rays': (rays[..., :2] / (rays[..., 2:] + 1e-6)).movedim(-1, -3), 'use_rays': use['rays']}
    if intrinsics is not None:
        on = use['intrinsics'].to(intrinsics.device, non_blocking=True)[..., None, None]
        invertible = torch.where(on, intrinsics.float(), torch.eye(3, device=intrinsics.device))
        parts |= {'rays': ray_map(invertible, *size), 'use_rays': use['intrinsics']}
    parts |= _metric_parts(world_from_camera, depths, use)
    # A kind that counts for no view must cost nothing.
    chosen: dict[str, Selection] = {}
    for flag, name in (('use_rays', 'rays'), ('use_depth', 'depth'), ('use_poses', 'world_from_camera')):
        if flag not in parts:
            continue
        mask = parts.pop(flag)
        if mask.any():
            chosen[flag] = Selection.of(mask, parts[name].device)
        else:
            del parts[name]
    return Conditions(**parts, **chosen) if parts else None  # type: ignore[arg-type]


def _metric_parts(
    poses: torch.Tensor | None, depths: torch.Tensor | None, use: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Depth and poses, which share one scale: the mean depth where depth counts, else the mean baseline."""
    parts: dict[str, torch.Tensor] = {}
    unit, depth_counts = None, None
    if depths is not None:
        depth, unit = _depth_in_means(depths)
        parts |= {'depth': depth, 'use_depth': use['depths']}
        depth_counts = use['depths'].any(1).to(depths.device)
    if poses is not None:
        relative, known = _relative_to_first(poses)
        if unit is not None:
            relative = _scaled(relative, unit)
        baseline = _baseline(relative, known, depth_counts)
        # One known pose says nothing about the others.
        several = use['world_from_camera'].sum(1, keepdim=True) != 1
        parts |= {
            'world_from_camera': _scaled(relative, baseline),
            'use_poses': use['world_from_camera'] & several,
        }
        if depths is not None:
            depth, valid = parts['depth'].split(1, 2)
            parts['depth'] = torch.cat([depth / baseline[:, None, None, None, None], valid], 2)
    return parts


def _depth_in_means(depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, N, 2, H, W) depth over its mean and its validity, and the mean (B,) over all views, also masked ones."""
    valid = (depths > 0) & depths.isfinite()
    depths = torch.where(valid, depths, torch.zeros_like(depths))
    count = valid.flatten(1).sum(1)
    mean = torch.where(count > 0, depths.flatten(1).sum(1) / count.clamp(min=1), torch.ones_like(depths[:, 0, 0, 0]))
    return torch.stack([depths / (mean + 1e-8)[:, None, None, None], valid.to(depths.dtype)], 2), mean


def _relative_to_first(poses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, N, 4, 4) poses with the first known view at the origin, and which are known, (B, N).

    A view whose pose is not finite takes that of the first known view. A pose that is given counts as known even if
    its view is masked out: so the reference has it.
    """
    poses = poses.float()
    known = poses.isfinite().all(-1).all(-1)
    first = torch.take_along_dim(poses, known.int().argmax(1)[:, None, None, None], 1)
    poses = torch.where(known[..., None, None], poses, first)
    return invert_rigid(first) @ poses, known


def _baseline(poses: torch.Tensor, known: torch.Tensor, depth_counts: torch.Tensor | None) -> torch.Tensor:
    """(B,) divisor of poses: mean distance of known views from the origin; 1 for static rigs or known depth."""
    others = known[:, 1:]
    distance = poses[:, 1:, :3, 3].norm(dim=-1) * others
    one = poses.new_ones(len(poses))
    if distance.shape[1] == 0:
        return one
    keep = distance.amax(1) < STATIC_RIG
    if depth_counts is not None:
        keep = keep | depth_counts
    return torch.where(keep, one, distance.sum(1) / others.sum(1).clamp(min=1) + 1e-8)


def _masks(
    size: tuple[int, int], given: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """(B, N) bool on the host for everything given: all views where there is no mask. Checks all shapes."""
    unknown = set(masks) - set(given)
    if unknown:
        raise ValueError(
            f'masks of {", ".join(sorted(unknown))} mask nothing that is given '
            f'({", ".join(given) or "no conditions"}); a mask has the name of its condition: {", ".join(KINDS)}'
        )
    if 'intrinsics' in given and 'rays' in given:
        raise ValueError('give either intrinsics or rays, not both: rays are what the network makes of intrinsics')
    tails = {'intrinsics': (3, 3), 'rays': (*size, 3), 'world_from_camera': (4, 4), 'depths': size}
    use: dict[str, torch.Tensor] = {}
    views = next((value.shape[:2] for value in given.values()), None)
    for kind, value in given.items():
        if value.ndim != 2 + len(tails[kind]) or value.shape[2:] != tails[kind]:
            raise ValueError(
                f'{kind} has shape {tuple(value.shape)}; expected (B, N, {", ".join(map(str, tails[kind]))})'
            )
        mask = torch.as_tensor(masks.get(kind, torch.ones(value.shape[:2]))).bool().cpu()
        for name, shape in ((kind, value.shape[:2]), (f'mask of {kind}', mask.shape)):
            if shape != views:
                raise ValueError(
                    f'{name} has (B, N) = {tuple(shape)} views, the first condition {tuple(views or ())}'
                )
        use[kind] = mask
    return use


def _check_values(kind: str, value: torch.Tensor, use: torch.Tensor) -> None:
    """What counts has to be valid; what is masked out may be anything.

    Only on the host: elsewhere it would stop the pipeline, and what comes from cameras is checked before.
    """
    if value.device.type != 'cpu' or kind == 'depths':
        return
    value = value[use]
    if not value.isfinite().all():
        raise ValueError(f'{kind} contain NaN or infinite values; mask those views out')
    if kind == 'intrinsics' and not (value[:, (0, 1), (0, 1)] > 0).all():
        raise ValueError('intrinsics have a focal length that is not positive; expected matrices in pixels')
    if kind == 'rays' and not (value[..., 2] > 0).all():
        raise ValueError('rays have z <= 0; expected directions in front of the camera')
    if kind == 'world_from_camera':
        rotation = value[:, :3, :3].float()
        if ((rotation @ rotation.mT - torch.eye(3)).abs() > RIGID).any():
            raise ValueError('world_from_camera are not rigid: the columns of a rotation must be orthonormal')
