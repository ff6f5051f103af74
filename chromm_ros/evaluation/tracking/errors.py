"""How the detections of a network err, measured on recorded runs: the :class:`EstimateErrors` of a preset."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import DetectionErrors, EstimateErrors, LogNormal
from chromm_ros.evaluation.tracking.recordings import Recording
from chromm_ros.evaluation.tracking.scores import matched
from chromm_ros.people.tracker.detectability import EDGE, HIDES, HIDES_SURELY
from chromm_ros.people.tracker.evidence import mean_distance
from chromm_ros.skeleton import HEAD

NEAR_PX = 16 / 192
"""A detection belongs to a head within this part of the width of the image."""

COVERED = 15 / (192 * 144)
"""Part of the image that a person must cover for a detection to be of that person."""

MOMENT = 0.6
"""Time between two images of a view that are compared as a moment apart [s]."""

LAGS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Times [s] over which the persistence of depth errors is measured."""

NEAR_HEADS = np.array([0.04, 0.085, 0.125, 0.167, 0.25])
"""Edges of the bins of the distance of two heads, as a part of the width of the image."""


@dataclass(frozen=True)
class Detected:
    """All N detections of all runs, with the person that each is of."""

    run: np.ndarray  # (N,)
    time: np.ndarray  # (N,) [s]
    view: np.ndarray  # (N,)
    person: np.ndarray  # (N,) -1: nobody
    score: np.ndarray  # (N,)
    angle: np.ndarray  # (N,) between the detected and the true direction [rad]; NaN for nobody
    log_range: np.ndarray  # (N,) log of detected over true distance; NaN for nobody
    rise: np.ndarray
    """(N,) how much higher the true head is above the lowest joint than the detected one [m]; NaN for nobody."""
    posture: np.ndarray  # (N, 22, 3)
    betas: np.ndarray  # (N, 10)


@dataclass(frozen=True)
class Expected:
    """All M pairs of a present person and a view that looks its way."""

    found: np.ndarray  # (M,) bool: the view detected the person
    margin: np.ndarray  # (M,) distance of the head from the edge of the image, as a part of its size
    behind: np.ndarray  # (M,) how far behind the head the scene is [m]; NaN: not known
    nearest: np.ndarray  # (M,) distance of the next head in the image, as a part of its width
    visible: np.ndarray  # (M,) bool: truly in sight


def collect(recordings: Sequence[Recording]) -> tuple[Detected, Expected, int]:
    """Detections, expected detections, and the number of images."""
    rows: list[tuple] = []
    pairs: list[tuple] = []
    postures, betas, images = [], [], 0
    for number, recording in enumerate(recordings):
        for t, step in enumerate(recording.steps):
            d, owner = step.detections, _owners(recording, t)
            heads = recording.truth.joints[t, np.maximum(owner, 0), HEAD] - d.centre
            length = np.linalg.norm(heads, axis=-1)
            cosine = (heads * d.ray).sum(-1) / length
            angle = np.where(owner < 0, np.nan, np.arccos(np.clip(cosine, -1, 1)))
            log_range = np.where(owner < 0, np.nan, np.log(d.distance / length))
            body = recording.truth.joints[t, np.maximum(owner, 0), :, 2].astype(float)
            rise = np.where(owner < 0, np.nan, body[:, HEAD] - body.min(1) + d.posture[..., 2].min(1))
            count = len(d)
            rows += zip([number] * count, [step.time] * count, d.view, owner, d.score, angle, log_range, rise)
            postures.append(d.posture)
            betas.append(d.betas)
            images += int(step.cameras.seen.sum())
            pairs += _expected(recording, t, owner)
    run, time, view, person, certainty, angle, log_range, rise = (np.array(column) for column in zip(*rows))
    found, margin, behind, nearest, visible = (np.array(column) for column in zip(*pairs))
    detected = Detected(
        run, time, view, person, certainty, angle, log_range, rise, np.concatenate(postures), np.concatenate(betas)
    )
    return detected, Expected(found, margin, behind, nearest, visible), images


def measure(recordings: Sequence[Recording], before: EstimateErrors) -> EstimateErrors:
    """The error model of the network that made these runs; what they cannot tell is taken from ``before``."""
    detected, expected, images = collect(recordings)
    true = detected.person >= 0
    if true.sum() < 100 or len(recordings) < 2:
        raise ValueError(f'{true.sum()} detections of people in {len(recordings)} runs are too few to measure errors')
    direction, wide = _core_and_tail(detected.angle[true] / np.sqrt(2))
    depth, lasting, memory = _lasting(detected, detected.log_range)
    rise, rise_lasts, _ = _lasting(detected, detected.rise)
    share = float((detected.angle[true] > 3 * np.sqrt(2) * direction).mean())
    good = expected.visible & (expected.margin > EDGE) & (expected.nearest > before.detection.crowd[1])
    clear = good & ~(expected.behind < -HIDES)
    rate = _mean(expected.found[clear], before.detection.rate)
    crowd, crowd_rate = _crowd(expected, rate, before.detection)
    detection = DetectionErrors(
        tail=float(np.clip(2 * share, 0.02, 0.3)),
        tail_factor=float(np.clip(wide, 2, 6)),
        lasting=lasting,
        memory=memory,
        false_alarms=float((~true).sum() / max(images, 1)),
        score_even=_score_even(detected.score[true], detected.score[~true], before.detection.score_even),
        rate=rate,
        edge_rate=_edge_rate(expected, rate, before),
        hidden_rate=_hidden_rates(expected, rate, before),
        crowd=crowd,
        crowd_rate=crowd_rate,
        rise=rise * rise_lasts**0.5,
        rise_noise=rise * (1 - rise_lasts) ** 0.5,
        **_appearance(detected),
    )
    return dataclasses.replace(before, direction=direction, depth=depth, detection=detection)


def _owners(recording: Recording, t: int) -> np.ndarray:
    """(N,) true person of each detection of a step, one to one in each view; -1: nobody."""
    step, truth = recording.steps[t], recording.truth
    owner = np.full(len(step.detections), -1)
    for view, size in enumerate(step.cameras.sizes):
        rows = np.flatnonzero(step.detections.view == view)
        people = np.flatnonzero((truth.pixels[view, t] >= COVERED * size.prod()) & truth.present[t])
        apart = np.linalg.norm(step.head_px[rows][:, None] - truth.head_px[view, t, people][None], axis=-1)
        row, column = matched(apart, NEAR_PX * size[0])
        owner[rows[row]] = people[column]
    return owner


def _expected(recording: Recording, t: int, owner: np.ndarray) -> list[tuple]:
    """Rows of :class:`Expected` of one step."""
    step, truth = recording.steps[t], recording.truth
    people = np.flatnonzero(truth.present[t])
    seen = step.cameras.look_at(truth.joints[t, people, HEAD].astype(float))  # (V, K)
    rows: list[tuple] = []
    for view, size in enumerate(step.cameras.sizes):
        share = seen.pixels[view] / size
        margin = np.minimum(share, 1 - share).min(-1)
        apart = np.linalg.norm(seen.pixels[view][:, None] - seen.pixels[view][None], axis=-1) / size[0]
        apart[:, seen.depth[view] < 0.2] = np.inf
        np.fill_diagonal(apart, np.inf)
        nearest = apart.min(-1, initial=np.inf)
        found = np.isin(people, owner[step.detections.view == view])
        visible = truth.in_sight[view, t, people]
        inside = np.flatnonzero(seen.inside[view])
        rows += zip(found[inside], margin[inside], seen.behind[view, inside], nearest[inside], visible[inside])
    return rows


def _core_and_tail(errors: np.ndarray) -> tuple[float, float]:
    """Standard deviation of the core of errors (N,) of two dimensions, and how much wider the widest tenth is."""
    size = np.abs(errors)
    core = float(np.median(size)) / 0.8326  # median of a Rayleigh law of unit sigma is 1.1774 = 0.8326 sqrt 2
    far = size[size > 3 * core]
    return core, float(np.sqrt((far**2).mean()) / (np.sqrt(2) * core)) if len(far) else 3.0


def _lasting(detected: Detected, values: np.ndarray) -> tuple[float, float, float]:
    """Standard deviation of errors (N,) of the detections, share of its variance that lasts, and for how long [s].

    The errors of one view about one person are compared at two times: their covariance is ``s^2 lasting
    exp(-lag / memory)`` where the lasting part hangs together and the rest is new in every image.
    """
    true = detected.person >= 0
    middle = float(np.median(values[true]))
    spread = 1.4826 * float(np.median(np.abs(values[true] - middle)))
    lags, correlations = [], []
    keys = np.stack([detected.run, detected.view, detected.person], 1)[true]
    time, clipped = detected.time[true], np.clip(values[true] - middle, -3 * spread, 3 * spread)
    _, series = np.unique(keys, axis=0, return_inverse=True)
    for lag in LAGS:
        first, second = [], []
        for one in range(int(series.max()) + 1):
            mine = np.flatnonzero(series.reshape(-1) == one)
            at = np.searchsorted(time[mine], time[mine] + lag - 1e-3)
            good = at < len(mine)
            good[good] &= np.abs(time[mine][at[good]] - time[mine][good] - lag) < 0.1 * lag
            first.append(clipped[mine][good])
            second.append(clipped[mine][at[good]])
        a, b = np.concatenate(first), np.concatenate(second)
        if len(a) > 50:
            lags.append(lag)
            correlations.append(max(float((a * b).mean() / clipped.var()), 1e-3))
    if len(lags) < 2:
        return spread, DetectionErrors.lasting, DetectionErrors.memory
    slope, start = np.polyfit(lags, np.log(correlations), 1)
    memory = float(np.clip(-1 / slope if slope < 0 else 60.0, 1.0, 60.0))
    return spread, float(np.clip(np.exp(start), 0.1, 0.95)), memory


def _score_even(true: np.ndarray, false: np.ndarray, before: float) -> float:
    """Logit of the score at which the densities of true and false detections cross (logistic regression, slope 1)."""
    if len(false) < 30:
        return before
    logit = [np.log(s / (1 - s)) for s in (np.clip(true, 1e-3, 1 - 1e-3), np.clip(false, 1e-3, 1 - 1e-3))]
    low, high = -5.0, 8.0
    for _ in range(40):  # the mean posterior of both kinds, each weighing one half, must be one half
        middle = 0.5 * (low + high)
        excess = sum(float((1 / (1 + np.exp(middle - values))).mean()) for values in logit) - 1
        low, high = (middle, high) if excess > 0 else (low, middle)
    return 0.5 * (low + high)


def _edge_rate(expected: Expected, rate: float, before: EstimateErrors) -> float:
    apart = expected.nearest > before.detection.crowd[1]
    edge = expected.visible & apart & (expected.margin <= EDGE) & ~(expected.behind < -HIDES)
    return _part(expected.found[edge], rate, before.detection.edge_rate)


def _hidden_rates(expected: Expected, rate: float, before: EstimateErrors) -> tuple[float, float]:
    alone = (expected.margin > EDGE) & (expected.nearest > before.detection.crowd[1])
    partly = alone & (expected.behind < -HIDES) & (expected.behind >= -HIDES_SURELY)
    surely = alone & (expected.behind < -HIDES_SURELY)
    usual = before.detection.hidden_rate
    return (
        _part(expected.found[partly], rate, usual[0]),
        _part(expected.found[surely], rate, usual[1]),
    )


def _crowd(expected: Expected, rate: float, before: DetectionErrors) -> tuple[tuple[float, float], float]:
    """Distances of two heads between which the second one is found less and less, and the part that is left."""
    clear = expected.visible & (expected.margin > EDGE)
    close = clear & (expected.nearest < NEAR_HEADS[1])
    if close.sum() < 30:
        return before.crowd, before.crowd_rate
    # of two heads one is found nearly always: what both lack is lost by the second
    lost = 2 * (1 - min(_mean(expected.found[close], rate) / rate, 1.0))
    left = float(np.clip(1 - lost, 0.05, 1.0))
    parts = [
        _mean(expected.found[clear & (expected.nearest >= low) & (expected.nearest < high)], rate) / rate
        for low, high in itertools.pairwise(NEAR_HEADS)
    ]
    full = next((n for n, part in enumerate(parts) if part > 0.97), len(parts) - 1)
    return (float(NEAR_HEADS[max(full - 1, 0)]), float(NEAR_HEADS[full])), left


def _appearance(detected: Detected) -> dict[str, LogNormal]:
    """Laws of posture and shape: between images of one person, and of two."""
    true = np.flatnonzero(detected.person >= 0)
    order = true[np.lexsort((detected.time[true], detected.run[true]))]
    same_view, other_view, other_person = [], [], []
    for gap in range(1, 30):
        a, b = order[:-gap], order[gap:]
        near = (detected.run[a] == detected.run[b]) & (detected.time[b] - detected.time[a] < MOMENT)
        a, b = a[near], b[near]
        apart = mean_distance(detected.posture[a], detected.posture[b])
        person, view = detected.person[a] == detected.person[b], detected.view[a] == detected.view[b]
        now = detected.time[a] == detected.time[b]
        same_view.append(apart[person & view])
        other_view.append(apart[person & ~view & now])
        other_person.append(apart[~person & now])
    means = {}
    for run, person in set(zip(detected.run[true].tolist(), detected.person[true].tolist())):
        mine = true[(detected.run[true] == run) & (detected.person[true] == person)]
        means[run, person] = detected.betas[mine].mean(0), detected.betas[mine]
    shape_same = [np.linalg.norm(betas - mean, axis=-1) for mean, betas in means.values()]
    shape_other = [
        np.linalg.norm(betas - means[other][0], axis=-1)
        for one, (_, betas) in means.items()
        for other in means
        if other != one and other[0] == one[0]
    ]
    laws = {
        'posture_same_view': same_view,
        'posture_other_view': other_view,
        'posture_other_person': other_person,
        'shape_same': shape_same,
        'shape_other': shape_other,
    }
    return {
        name: _law(np.concatenate(values)) for name, values in laws.items() if sum(len(part) for part in values) > 50
    }


def _law(distances: np.ndarray) -> LogNormal:
    logs = np.log(np.maximum(distances, 1e-4))
    middle = float(np.median(logs))
    return LogNormal(float(np.exp(middle)), float(1.4826 * np.median(np.abs(logs - middle))))


def _mean(found: np.ndarray, otherwise: float) -> float:
    return float(np.clip(found.mean(), 0.05, 0.98)) if len(found) >= 30 else otherwise


def _part(found: np.ndarray, rate: float, otherwise: float) -> float:
    return float(min(_mean(found, otherwise * rate) / rate, 1.0))
