"""A picture of a clip: an image of each view with true and estimated skeletons, the ways from above, the errors."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from chromm_ros.evaluation.protocols.clips import Clip
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.joint_layouts import comparison
from chromm_ros.evaluation.protocols.matching import in_image, match_people, rows_by_frame, views_of
from chromm_ros.evaluation.protocols.scores import ClipScore
from chromm_ros.geometry.similarity import fit_similarity
from chromm_ros.skeleton import BODY_BONES
from chromm_ros.synthetic.pictures import PALETTE

SIDE = 360
"""Height of every panel [px]."""

IMAGES = 4
"""Images that are shown at most."""

BACKGROUND, FAINT, TEXT, TRUE = (28, 28, 32), (90, 90, 98), (225, 225, 225), (255, 255, 255)


class Painter:
    """Writes a PNG of every clip that it is shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, clip: Clip, estimates: Estimates, score: ClipScore) -> None:
        """
        Raises:
            OSError: the file cannot be written.
        """
        panels = [*_images(clip, estimates), _ways(clip, estimates), _curves(score)]
        path = self.folder / f'{clip.name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), np.concatenate([panel for panel in panels if panel is not None], 1)[..., ::-1]):
            raise OSError(f'could not write {path}')


def _images(clip: Clip, estimates: Estimates) -> list[np.ndarray]:
    """The middle instant in every view: white the truth, coloured the estimates by their number."""
    number = len(clip.indices) // 2
    instant = clip.instant(clip.indices[number])
    rows = rows_by_frame(clip.truth.frames, estimates.person_frame)[number]
    panels = []
    for view in instant.views[:IMAGES]:
        image = view.image()
        factor = SIDE / image.shape[0]
        panel = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        place = clip.truth.views.index(view.name)
        true = clip.truth.joints[number, clip.truth.valid[number]]
        pose, lens = clip.truth.world_from_camera[number, place], clip.truth.intrinsics[number, place]
        for pixels in in_image(true, pose, lens):
            _skeleton(panel, factor * pixels, TRUE, clip.truth.joint_names, 3)
        other = views_of(clip.truth, estimates)[place] if estimates.has_cameras else -1
        if other >= 0 and estimates.frames[min(number, len(estimates.frames) - 1)] == instant.frame:
            pose, lens = estimates.world_from_camera[number, other], estimates.intrinsics[number, other]
            for row, pixels in zip(rows, in_image(estimates.joints[rows], pose, lens)):
                color = PALETTE[int(estimates.person_id[row]) % len(PALETTE)]
                _skeleton(panel, factor * pixels, tuple(int(value) for value in color), estimates.joint_names, 1)
        panels.append(_titled(panel, f'{view.name}, frame {instant.frame}'))
    return panels


def _skeleton(panel: np.ndarray, pixels: np.ndarray, color: tuple[int, ...], layout: str, thickness: int) -> None:
    known = np.isfinite(pixels).all(-1) & (np.abs(pixels) < 1e5).all(-1)
    points = np.where(known[:, None], pixels, 0).round().astype(int).tolist()
    for a, b in () if layout == 'coco17' else BODY_BONES:
        if known[a] and known[b]:
            cv2.line(panel, points[a], points[b], color, thickness, cv2.LINE_AA)
    for point, is_known in zip(points, known):
        if is_known and layout == 'coco17':
            cv2.circle(panel, point, thickness + 1, color, -1, cv2.LINE_AA)


def _ways(clip: Clip, estimates: Estimates) -> np.ndarray | None:
    """Roots from where they spread most, estimates laid on the truth by one Sim(3): grey the truth."""
    if not len(estimates.person_frame) or not clip.truth.valid.any():
        return None
    matches = match_people(clip.truth, estimates)
    layout = comparison(estimates.joint_names, clip.truth.joint_names)
    at, person = np.nonzero(matches.row >= 0)
    if len(at) < 2:
        return None
    true = clip.truth.joints[at, person][:, list(layout.truth)]
    guess = estimates.joints[matches.row[at, person]][:, list(layout.estimate)]
    both = np.isfinite(true).all(-1) & np.isfinite(guess).all(-1)
    fit = fit_similarity(guess[both], true[both])
    roots, found = np.nanmean(true, 1), np.nanmean(fit.apply(guess.astype(float)), 1)
    middle = roots.mean(0)
    axes = np.linalg.svd(roots - middle, full_matrices=True)[2][:2]
    flat, flat_found = (roots - middle) @ axes.T, (found - middle) @ axes.T
    size = max(np.abs(flat).max(), np.abs(flat_found).max(), 0.5) * 1.1
    panel = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)

    def pixel(point: np.ndarray) -> tuple[int, int]:
        return int(SIDE / 2 * (1 + point[0] / size)), int(SIDE / 2 * (1 - point[1] / size))

    for point in flat:
        cv2.circle(panel, pixel(point), 3, FAINT, -1, cv2.LINE_AA)
    for who, point in zip(person, flat_found):
        color = PALETTE[int(who) % len(PALETTE)]
        cv2.circle(panel, pixel(point), 1, tuple(int(value) for value in color), -1, cv2.LINE_AA)
    return _titled(panel, f'ways after one Sim(3), {2 * size:.1f} m wide')


def _curves(score: ClipScore) -> np.ndarray:
    """Every error over its values, a strip each."""
    names = [name for name, values in score.errors.items() if np.isfinite(values).any()][:4]
    panel = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)
    height = SIDE // max(len(names), 1)
    for number, name in enumerate(names):
        values = score.errors[name]
        top = max(np.nanmax(values), 1e-9)
        x = np.linspace(6, SIDE - 6, len(values))
        y = (number + 1) * height - 6 - np.nan_to_num(values) / top * (height - 34)
        cv2.polylines(panel, [np.stack([x, y], 1).round().astype(np.int32)], False, (120, 190, 255), 1, cv2.LINE_AA)
        text = f'{name}: mean {np.nanmean(values):.3g}, worst {top:.3g}'
        cv2.putText(panel, text, (8, number * height + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, TEXT, 1, cv2.LINE_AA)
    return panel


def _titled(panel: np.ndarray, title: str) -> np.ndarray:
    cv2.rectangle(panel, (0, 0), (panel.shape[1], 18), BACKGROUND, -1)
    cv2.putText(panel, title, (6, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, TEXT, 1, cv2.LINE_AA)
    return panel
