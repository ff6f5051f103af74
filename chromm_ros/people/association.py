"""The same person in several views: eq. 4 between tracklets, one to one per two views, merged without conflict."""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets, ViewPeople
from chromm_ros.geometry.arrays import dot, length
from chromm_ros.people.assignment import cheapest_pairs
from chromm_ros.people.settings import AssociationSettings
from chromm_ros.people.tracklet_stack import TrackletStack, mean_over
from chromm_ros.people.view_graph import view_pairs

DEPTH_RATIO = 1.5
"""Where two rays meet, either depth is right up to this factor; otherwise the rays belong to two people."""

PARALLEL = 1e-3
"""Squared sine of the angle below which two rays meet nowhere in particular (2 degrees)."""


def associate(
    people: ViewPeople, tracklets: Tracklets, settings: AssociationSettings, errors: EstimateErrors
) -> np.ndarray:
    """(V, T, M) identity over all views of every detection with a tracklet; -1 elsewhere.

    Identities are numbered by first appearance, those of one step by place, so that neither the order of the cameras
    nor that of the people in an image matters.
    """
    identity = np.full(tracklets.ids.shape, -1)
    stacked = TrackletStack.of(people, tracklets, settings.joints)
    if not len(stacked.view):
        return identity
    pairs = view_pairs(_mean_centres(people), settings.neighbours)
    compared = np.zeros((len(people.valid),) * 2, bool)
    compared[tuple(pairs.T)] = True
    first, second = np.nonzero(compared[stacked.view[:, None], stacked.view[None]])
    cost = np.full((len(stacked.view),) * 2, np.inf)
    cost[first, second] = matching_cost(stacked, first, second, settings, errors)
    groups = merge(_matches(cost, stacked.view, pairs, settings.threshold), stacked.view, stacked.present)
    if settings.ray_distance:
        groups = join_by_rays(groups, stacked, settings.ray_distance)
    identity[stacked.rows] = _numbered(groups, stacked)[stacked.of_row]
    return identity


def matching_cost(
    stack: TrackletStack,
    first: np.ndarray,
    second: np.ndarray,
    settings: AssociationSettings,
    errors: EstimateErrors,
) -> np.ndarray:
    """Eq. 4 of each pair of tracklets (P,); infinite where they share too few steps or cannot reach the threshold.

    Joints are compared only where it can matter: the distance of the means of two sets of points is a lower bound of
    the mean distance of the points.
    """
    both = stack.present[first] & stack.present[second]
    shared = both.sum(-1)
    steps = stack.present.sum(-1)
    needed = np.minimum(np.minimum(steps[first], steps[second]), settings.min_overlap)
    middle = stack.joints.mean(2)
    shift, price = _slide(stack, first, second, errors.depth if settings.along_rays else 0.0, errors.joints)
    apart = middle[first] - middle[second]
    bound = settings.position_weight * mean_over(length(apart - shift) + price, both)
    close = np.nonzero((shared >= np.maximum(needed, 1)) & (bound < settings.threshold))[0]
    pair, step = np.nonzero(both[close])
    a, b = (first[close[pair]], step), (second[close[pair]], step)
    apart = stack.joints[a] - stack.joints[b] - shift[close[pair], step][:, None]
    position = length(apart).mean(-1) + price[close[pair], step]
    pose = length(stack.canonical[a] - stack.canonical[b]).mean(-1)
    both_terms = settings.position_weight * position + settings.pose_weight * pose
    cost = np.full(len(first), np.inf)
    cost[close] = np.bincount(pair, both_terms, len(close)) / np.maximum(shared[close], 1)
    return cost


def _slide(
    stack: TrackletStack, first: np.ndarray, second: np.ndarray, depth: float, across: float
) -> tuple[np.ndarray, np.ndarray]:
    """Part (P, T, 3) of the offset of two heads that errors of their depths explain, and the price (P, T) of it [m].

    A depth seen by one camera is far less certain than its direction. The most likely shifts along the two rays
    minimise |x_a - x_b - shift|^2 / n^2 + (shift_a / s_a)^2 + (shift_b / s_b)^2 with s = ``depth`` times the distance
    and n = ``across``: a 2 x 2 system for each pair and step. The price is n for a shift by one s.
    """
    along = depth * stack.ray  # one standard deviation along each ray
    square = dot(along, along) + across**2
    a, b, aa, bb = along[first], along[second], square[first], square[second]
    offset = stack.head[first] - stack.head[second]
    ab, ao, bo = dot(a, b), dot(a, offset), dot(b, offset)
    determinant = aa * bb - ab**2
    along_a = (bb * ao - ab * bo) / determinant
    along_b = (aa * bo - ab * ao) / determinant
    return along_a[..., None] * a + along_b[..., None] * b, across * np.hypot(along_a, along_b)


def _matches(cost: np.ndarray, view: np.ndarray, pairs: np.ndarray, threshold: float) -> list[tuple[float, int, int]]:
    """Accepted matches (cost, tracklet, tracklet) of all pairs of views, cheapest first."""
    matches: list[tuple[float, int, int]] = []
    for one, other in pairs:
        rows, columns = np.nonzero(view == one)[0], np.nonzero(view == other)[0]
        row, column = cheapest_pairs(cost[np.ix_(rows, columns)], threshold)
        matches += zip(cost[rows[row], columns[column]], rows[row], columns[column])
    return sorted(matches)


def join_by_rays(groups: np.ndarray, stack: TrackletStack, limit: float) -> np.ndarray:
    """Groups (N,) after joining those whose rays to the head meet, closest first.

    A view places a head well across its ray and badly along it, and its pose may be wrong as a whole, so that eq. 4
    does not match it. Two groups are nevertheless one person when each ray of the one meets each ray of the other,
    and no view sees both at once.
    """
    distance = ray_distances(stack)
    together = (stack.present[:, None] & stack.present[None]).any(-1)
    apart = together & ~(distance < limit)
    groups = groups.copy()
    first, second = np.nonzero((distance < limit) & (groups[:, None] < groups[None]))
    for index in np.argsort(distance[first, second], kind='stable'):
        one, other = groups[first[index]], groups[second[index]]
        if one != other and not apart[np.ix_(groups == one, groups == other)].any():
            groups[groups == other] = one
    return groups


def ray_distances(stack: TrackletStack) -> np.ndarray:
    """(N, N) mean distance [m] at which the rays of two tracklets to their heads pass each other.

    Infinite where they share no step, are of one view, or meet much nearer or farther than either view puts the head.
    """
    first, second = np.nonzero(stack.view[:, None] != stack.view[None])
    both = stack.present[first] & stack.present[second]
    a, b = stack.ray[first], stack.ray[second]
    offset = (stack.head[first] - a) - (stack.head[second] - b)  # between the cameras
    aa, bb, ab = dot(a, a), dot(b, b), dot(a, b)
    ao, bo = dot(a, offset), dot(b, offset)
    determinant = np.maximum(aa * bb - ab**2, PARALLEL * aa * bb + 1e-12)
    along_a, along_b = (ab * bo - bb * ao) / determinant, (aa * bo - ab * ao) / determinant
    miss = mean_over(length(offset + along_a[..., None] * a - along_b[..., None] * b), both)
    ratios = np.stack([mean_over(along_a, both), mean_over(along_b, both)])
    meet = both.any(-1) & ((ratios > 1 / DEPTH_RATIO) & (ratios < DEPTH_RATIO)).all(0)
    distance = np.full((len(stack.view),) * 2, np.inf)
    distance[first[meet], second[meet]] = miss[meet]
    return distance


def merge(matches: list[tuple[float, int, int]], view: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Group (N,) of each tracklet: matches are joined cheapest first, unless that needs one person twice in an image.

    Args:
        matches: (cost, tracklet, tracklet), sorted.
        view: (N,) of each tracklet.
        present: (N, T) bool.
    """
    group = np.arange(len(view))
    occupied = np.zeros((len(view), view.max(initial=0) + 1, present.shape[1]), bool)  # (groups, V, T)
    occupied[group, view] = present
    for _, one, other in matches:
        kept, joined = group[one], group[other]
        if kept == joined or (occupied[kept] & occupied[joined]).any():
            continue
        occupied[kept] |= occupied[joined]
        group[group == joined] = kept
    return group


def _numbered(groups: np.ndarray, stack: TrackletStack) -> np.ndarray:
    """Groups (N,) renamed 0, 1, ... by first step, then by place of the head at that step."""
    names, member = np.unique(groups, return_inverse=True)
    present = np.zeros((len(names), stack.present.shape[1]), int)
    np.add.at(present, member, stack.present)
    heads = np.zeros((*present.shape, 3))
    np.add.at(heads, member, stack.head)
    first = (present > 0).argmax(1)
    place = heads[np.arange(len(names)), first] / present[np.arange(len(names)), first][:, None]
    number = np.empty(len(names), int)
    number[np.lexsort((*np.round(place, 6).T, first))] = np.arange(len(names))
    return number[member]


def _mean_centres(people: ViewPeople) -> np.ndarray:
    """(V, 3) mean camera centres [m] over the steps with a known pose; NaN where there is none."""
    centres = people.world_from_camera[..., :3, 3]
    known = people.seen & np.isfinite(centres).all(-1)
    total = np.where(known[..., None], centres, 0.0).sum(1)
    with np.errstate(invalid='ignore'):
        return total / known.sum(1)[:, None]
