"""Landmarks as evidence: one pose, one place and one shape per person from what several images show of its body.

The mean of the poses that single images suggest is no pose that any image shows. Where a network reads landmarks,
those of one person in several views are triangulated, with rays that miss counting little; a body in closed form
begins, and a few Gauss-Newton steps on all its joints at once bring it onto the points, as firmly as the rays hold
each of them.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
import torch

from chromm_ros.body.landmarks import LandmarkPose, pose_from_landmarks
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People, ViewPeople
from chromm_ros.geometry.arrays import length
from chromm_ros.geometry.cameras import rotate, unproject
from chromm_ros.people.landmark_fit import HEAD_POINT, FittedBodies, expected, fit
from chromm_ros.skeleton import HEAD, LANDMARKS, MIRRORED_LANDMARKS

PASSES = 5
"""Times the points are triangulated, each with weights from how far the rays passed the last ones."""
OUTLIER = 2.0
"""Standard deviations of a ray by which it may miss before it counts half."""
LEAST_WEIGHT = 0.01
"""Of a landmark that the network believes hidden: its guess is better than none."""
WELL_SEEN = 0.3
"""Weight of a landmark from which a view counts as seeing it."""
MOST_PASSING = 0.4
"""Distance of two rays beyond which more says nothing more [m]."""
MIRROR_GAIN = 0.02
"""Mean distance over all pairs of views by which exchanged sides must be better [m]."""
BODY_LANDMARKS = 11
"""The landmarks from this one on are those of trunk and limbs."""
ALONG, NEAREST = 0.2, 0.3
"""Standard deviation of how far along a ray the body of a single view has a landmark, and the least of it [m]."""
KEPT_SHAPE = (0.01, 0.01)
"""Deviations of the coefficients of shape of whom no two views show: with the size, the distance would change."""
MIN_ANGLE = 0.1
"""Angle between rays below which they do not tell where a body is [rad]."""


class ShapedBody(Protocol):
    """What the fit needs of :class:`chromm_ros.body.BodyModel`."""

    joint_template: torch.Tensor  # (55, 3)
    joint_directions: torch.Tensor  # (55, 3, 10)

    def joints(self, betas: Any, pose: Any, root_rotation: Any) -> Any:
        """Tensors (N, 10), (N, 52, 3, 3), (N, 3, 3) to joints (N, 55, 3) with the pelvis at the origin [m]."""


@dataclasses.dataclass(frozen=True)
class LandmarkRays:
    """How V views see the landmarks of N people-steps, world frame."""

    origins: np.ndarray  # (N, V, 3) [m]
    directions: np.ndarray  # (N, V, 33, 3) unit
    weights: np.ndarray  # (N, V, 33) in [0, 1]; 0: the view does not see the person
    angle: float
    """Standard deviation of a direction [rad]."""
    offset: np.ndarray  # (N, V) standard deviation of the place of the camera [m]

    @property
    def determined(self) -> np.ndarray:
        """(N,) bool: two views or more look at the person from directions that differ."""
        used = self.weights.max(-1) > WELL_SEEN
        middle = np.einsum('nvl,nvlc->nvc', self.weights, self.directions)
        middle /= np.maximum(length(middle), 1e-9)[..., None]
        cosine = np.abs(middle @ middle.swapaxes(-1, -2))
        pairs = used[:, :, None] & used[:, None, :]
        return np.where(pairs, cosine, 1.0).min((1, 2), initial=1.0) < np.cos(MIN_ANGLE)


def with_landmarks(people: ViewPeople, fused: People, errors: EstimateErrors, body: ShapedBody) -> People:
    """The fused people, with pose, place and joints from their landmarks, and the shape of those whom several views
    show.

    Args:
        people: the detections, with landmarks.
        fused: of :func:`chromm_ros.people.fusion.fuse`, from single views.
        errors: of the network that read the landmarks, and the cameras where they were not given.
    """
    rays, places = landmark_rays(people, fused.identity, errors)
    determined, seen = rays.determined, rays.weights.any((1, 2))
    for rows, by_several in ((determined & seen, True), (~determined & seen, False)):
        if rows.any():
            place = places[0][rows], places[1][rows]
            fitted = (_from_several if by_several else _from_one)(_rows(rays, rows), fused, place, body)
            fused = _replaced(fused, place, fitted, by_several, body)
    return fused


def _from_several(
    rays: LandmarkRays, fused: People, place: tuple[np.ndarray, np.ndarray], body: ShapedBody
) -> FittedBodies:
    """Bodies of N people-steps at ``place`` (steps, persons) on their triangulated landmarks."""
    points, information = triangulate(with_sides(rays))
    template, directions = (_array(tensor) for tensor in (body.joint_template, body.joint_directions))
    betas = scaled_betas(points, fused.betas[place], template, directions)
    found = pose_from_landmarks(points, template + np.einsum('jck,nk->njc', directions, betas))
    return fit(*_with_heads(points, information, fused, place), found, betas, template, directions)


def _from_one(
    rays: LandmarkRays, fused: People, place: tuple[np.ndarray, np.ndarray], body: ShapedBody
) -> FittedBodies:
    """The same of people whom one view shows, or several that look one way: where the rays are nearest to the
    landmarks of the fused body, which alone tells how far away each is."""
    template, directions = (_array(tensor) for tensor in (body.joint_template, body.joint_directions))
    pose, root, betas = fused.pose[place], fused.root_rotation[place], fused.betas[place]
    own = expected(root, pose, betas, template, directions)
    own += (fused.head[place] - own[:, HEAD_POINT])[:, None]
    points, information = along_rays(rays, own[:, :LANDMARKS])
    begin = LandmarkPose(root, pose, root)
    shapes = _with_heads(points, information, fused, place)
    return fit(*shapes, begin, betas, template, directions, shape_noise=KEPT_SHAPE)


def _with_heads(
    points: np.ndarray, information: np.ndarray, fused: People, place: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and their information with those of the fused heads behind."""
    head = np.linalg.inv(fused.head_covariance[place])
    return (
        np.concatenate([points, fused.head[place][:, None]], 1),
        np.concatenate([information, head[:, None]], 1),
    )


def landmarks_of(person: Any, body: ShapedBody) -> np.ndarray:
    """(33, 3) where somebody has the landmarks [m], in the frame of the joints; the pelvis for those of no use.

    Args:
        person: has ``pose`` (52, 3, 3), ``betas`` (10,), ``root_rotation`` (3, 3) and ``joints`` (55, 3).
    """
    template, directions = (_array(tensor) for tensor in (body.joint_template, body.joint_directions))
    own = expected(person.root_rotation[None], person.pose[None], person.betas[None], template, directions)
    return own[0, :LANDMARKS] + person.joints[0]


def landmark_rays(
    people: ViewPeople, identity: np.ndarray, errors: EstimateErrors
) -> tuple[LandmarkRays, tuple[np.ndarray, np.ndarray]]:
    """Rays of all people of all steps, and which step and person each of the N rows is.

    Args:
        identity: (V, T, M) of :func:`chromm_ros.people.association.associate`.
    """
    if people.landmarks is None:
        raise ValueError('these detections carry no landmarks')
    views, steps, _ = identity.shape
    count = int(identity.max(initial=-1)) + 1
    view, step, detection = np.nonzero(identity >= 0)
    row = step * count + identity[view, step, detection]
    seen = people.landmarks[view, step, detection].astype(float)
    pose, lens = people.world_from_camera[view, step], people.intrinsics[view, step]
    direction = rotate(pose[:, :3, :3], unproject(seen[..., :2], np.ones(seen.shape[:2]), lens))
    direction /= length(direction)[..., None]
    directions = np.zeros((steps * count, views, LANDMARKS, 3))
    directions[row, view] = direction
    weights = np.zeros((steps * count, views, LANDMARKS))
    weights[row, view] = np.clip(seen[..., 2], LEAST_WEIGHT, 1.0)
    origins, offset = np.zeros((steps * count, views, 3)), np.zeros((steps * count, views))
    origins[row, view] = pose[:, :3, 3]
    offset[row, view] = errors.cameras(people.given[view, step])[0]
    everybody = np.divmod(np.arange(steps * count), max(count, 1))
    return LandmarkRays(origins, directions, weights, errors.direction, offset), everybody


def with_sides(rays: LandmarkRays) -> LandmarkRays:
    """The rays with left and right exchanged in those views that took somebody's back for the front.

    Two views either agree on the sides of a body or they do not: each pair says by how much its rays pass each other
    less one way than the other. The leading eigenvector of these votes parts the views; the smaller part is mirrored,
    where that brings the rays together by ``MIRROR_GAIN``.
    """
    mirrored = rays.directions[:, :, MIRRORED_LANDMARKS]
    alike, unlike = _passing(rays, rays.directions), _passing(rays, mirrored)
    votes = unlike - alike
    leading = np.linalg.eigh(votes)[1][..., -1]
    side = np.where(leading >= 0, 1.0, -1.0)
    confidence = rays.weights.sum(-1)
    side *= np.where((side * confidence).sum(-1) >= 0, 1.0, -1.0)[:, None]
    gain = (np.where(side[:, :, None] * side[:, None] < 0, alike - unlike, 0.0)).sum((1, 2))
    pairs = (confidence > 0).sum(-1)
    wrong = (side < 0) & (confidence > 0) & (gain > MIRROR_GAIN * pairs * (pairs - 1))[:, None]
    weights = rays.weights[:, :, MIRRORED_LANDMARKS]
    return dataclasses.replace(
        rays,
        directions=np.where(wrong[..., None, None], mirrored, rays.directions),
        weights=np.where(wrong[..., None], weights, rays.weights),
    )


def _passing(rays: LandmarkRays, others: np.ndarray) -> np.ndarray:
    """(N, V, V) mean distance at which rays of one view pass the ``others`` (N, V, 33, 3) of another [m].

    Only limbs and trunk count, no pair for more than ``MOST_PASSING``, and no view with itself.
    """
    body = slice(BODY_LANDMARKS, None)
    first, second = rays.directions[:, :, None, body], others[:, None, :, body]
    normal = np.cross(first, second)
    baseline = (rays.origins[:, None] - rays.origins[:, :, None])[..., None, :]
    distance = np.abs((normal * baseline).sum(-1)) / np.maximum(length(normal), 0.05)
    weight = rays.weights[:, :, None, body] * rays.weights[:, None, :, body]
    mean = (np.minimum(distance, MOST_PASSING) * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
    both = (rays.weights.max(-1)[:, :, None] > 0) & (rays.weights.max(-1)[:, None] > 0)
    symmetric = (mean + mean.swapaxes(-1, -2)) / 2
    return np.where(both & ~np.eye(mean.shape[-1], dtype=bool), symmetric, 0.0)


def triangulate(rays: LandmarkRays) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 33, 3) nearest to their rays [m], and the information (N, 33, 3, 3) [1/m^2] that the rays give.

    Iteratively re-weighted least squares with Cauchy's weight: a ray that misses by far pulls hardly more than one
    that misses by ``OUTLIER`` standard deviations. Nothing is lost by that where all rays agree.
    """
    ray, origin = rays.directions, rays.origins[:, :, None]
    across = np.eye(3) - ray[..., :, None] * ray[..., None, :]
    weights = rays.weights / rays.angle**2  # as if everybody were a metre away, until the distance is known
    point, total = np.zeros(0), np.zeros(0)
    for _ in range(PASSES):
        weighted = across * weights[..., None, None]
        total = weighted.sum(1)
        wanted = np.einsum('nvlij,nvj->nli', weighted, rays.origins)
        point = np.linalg.solve(total + 1e-9 * np.eye(3), wanted[..., None])[..., 0]
        offset = point[:, None] - origin
        distance = np.maximum(length(offset), 0.1)
        missed = length(offset - np.einsum('nvli,nvli->nvl', offset, ray)[..., None] * ray)
        sigma = np.hypot(rays.angle * distance, rays.offset[..., None])
        weights = rays.weights / sigma**2 / (1 + (missed / (OUTLIER * sigma)) ** 2)
    return point, total


def along_rays(rays: LandmarkRays, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 33, 3) on rays that do not triangulate, as far along each as ``places`` (N, 33, 3), and what is
    known of them, as for :func:`triangulate`."""
    ray, origin = rays.directions, rays.origins[:, :, None]
    outer = ray[..., :, None] * ray[..., None, :]
    distance = np.maximum(((places[:, None] - origin) * ray).sum(-1), NEAREST)
    across = rays.weights / (np.hypot(rays.angle * distance, rays.offset[..., None])) ** 2
    along = rays.weights / ALONG**2
    information = (np.eye(3) - outer) * across[..., None, None] + outer * along[..., None, None]
    pull = np.einsum('nvlij,nvlj->nli', information, origin + distance[..., None] * ray)
    total = information.sum(1)
    return np.linalg.solve(total + 1e-9 * np.eye(3), pull[..., None])[..., 0], total


BONES = ((16, 18, 11, 13), (18, 20, 13, 15), (17, 19, 12, 14), (19, 21, 14, 16),
         (1, 4, 23, 25), (4, 7, 25, 27), (2, 5, 24, 26), (5, 8, 26, 28))  # fmt: skip
"""Two joints, and the landmarks that they are: the bones of the limbs."""


def scaled_betas(
    points: np.ndarray, betas: np.ndarray, template: np.ndarray, directions: np.ndarray, most: float = 4.0
) -> np.ndarray:
    """(N, 10) ``betas`` with the stature that gives the limbs of ``points`` (N, 33, 3) their length, all together."""
    start, end, first, last = np.array(BONES).T
    wanted = length(points[:, last] - points[:, first]).sum(-1)

    def limbs(shape: np.ndarray) -> np.ndarray:
        rest = template + np.einsum('jck,nk->njc', directions, shape)
        return length(rest[:, end] - rest[:, start]).sum(-1)

    taller = betas.copy()
    taller[:, 0] += 1
    now = limbs(betas)
    scaled = betas.copy()
    scaled[:, 0] = np.clip(betas[:, 0] + (wanted - now) / (limbs(taller) - now), -most, most)
    return scaled


def _replaced(
    fused: People, rows: tuple[np.ndarray, np.ndarray], fitted: FittedBodies, measured: bool, body: ShapedBody
) -> People:
    """The people with those of ``rows`` (steps, persons) as they were fitted, their shapes ``measured`` or not."""
    with torch.inference_mode():
        parameters = (fitted.betas, fitted.pose, fitted.root_rotation)
        joints = body.joints(*(torch.from_numpy(array.astype(np.float32)) for array in parameters)).cpu().numpy()
    changed = {
        'pose': fitted.pose,
        'betas': fitted.betas,
        'root_rotation': fitted.root_rotation,
        'joints': joints + fitted.pelvis[:, None],
        'head': joints[:, HEAD] + fitted.pelvis,
    }
    shapes = np.zeros(fused.valid.shape, bool) if fused.measured is None else fused.measured.copy()
    shapes[rows] = measured
    arrays: dict[str, Any] = {'measured': shapes}
    for name, values in changed.items():
        arrays[name] = getattr(fused, name).copy()
        arrays[name][rows] = values
    return dataclasses.replace(fused, **arrays)


def _rows(rays: LandmarkRays, rows: np.ndarray) -> LandmarkRays:
    arrays = {name: getattr(rays, name)[rows] for name in ('origins', 'directions', 'weights', 'offset')}
    return dataclasses.replace(rays, **arrays)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)
