"""What a calibration by people tells a person: a table, a picture, and files for ROS."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.people.self_calibration.sightings import HIPS, LIMBS, SHOULDERS
from chromm_ros.people.self_calibration.verify import CameraCheck
from chromm_ros.recording.people_calibration import Outcome, PeopleCalibrator

PANEL = 480
"""Height of the pictures of the cameras and of the plan [px]."""

GREEN, ORANGE, WHITE, GRAY = (90, 220, 90), (255, 150, 40), (240, 240, 240), (110, 110, 110)
BONES = (*LIMBS, SHOULDERS, HIPS, (0, 6), (1, 7))


def table(outcome: Outcome) -> str:
    """One line per camera, and what holds for the whole rig."""
    rows: list[tuple[str, ...]] = [('camera', 'times', 'landmarks', 'seen', 'halves', 'error', '')]
    for view, check in outcome.calibration.checks.items():
        given = outcome.given(view)
        rows.append((view, *_cells(check), 'given' if given else check.problem or _focal(outcome, view)))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)) + f'  {row[6]}' for row in rows]
    found = outcome.calibration
    if found.scale_error > 0:
        lines.append(
            f'scale from the size of people: within {100 * found.scale_error:.0f} % (give --height, if known)'
        )
    if found.level is not None:
        tilt = math.degrees(found.level.tilt_error)
        lines.append(f'up within {tilt:.1f} degrees, floor within {100 * found.level.floor_error:.0f} cm')
    return '\n'.join(line.rstrip() for line in lines)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """All numbers of the report; None where one is not known."""
    found = outcome.calibration
    cameras = {}
    for view, check in found.checks.items():
        cameras[view] = {
            'trusted': view in found.world_from_camera,
            'given': outcome.given(view),
            'problem': check.problem,
            'times': check.sightings,
            'seen_times': outcome.seen.get(view, 0),
            'reprojection_px': _number(check.miss_px),
            'people_seen_of_due': _number(check.seen),
            'people_moved_m': _number(check.motion),
            'halves_differ': {'m': _number(check.halves[0]), 'rad': _number(check.halves[1])},
            'standard_error': {'m': _number(check.error[0]), 'rad': _number(check.error[1])},
            'focal_px': _number(found.intrinsics[view][0, 0]) if view in found.intrinsics else None,
            'focal_error': _number(check.focal_error) if _found_lens(outcome, view) else None,
        }
    return {
        'verified': found.verified,
        'sightings': outcome.sightings,
        'scale_error': _number(found.scale_error),
        'tilt_error_rad': None if found.level is None else _number(found.level.tilt_error),
        'floor_error_m': None if found.level is None else _number(found.level.floor_error),
        'cameras': cameras,
    }


def write_report(folder: Path, outcome: Outcome, calibrator: PeopleCalibrator) -> None:
    """Write report.json, report.txt, and report.png where there are pictures.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / 'report.json').write_text(json.dumps(as_json(outcome), indent=2) + '\n')
    (folder / 'report.txt').write_text(table(outcome) + '\n')
    picture = draw(outcome, calibrator)
    if picture is not None and not cv2.imwrite(str(folder / 'report.png'), picture[..., ::-1]):
        raise OSError(f'could not write {folder / "report.png"}')


def draw(outcome: Outcome, calibrator: PeopleCalibrator) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB: each camera with the landmarks that it saw (orange) and where all cameras together have
    them (green), then the rig and the walks from above. None: nobody was seen."""
    if not calibrator.pictures:
        return None
    panels = [_panel(view, outcome, calibrator) for view in calibrator.pictures]
    return np.concatenate([*panels, _plan(outcome)], 1)


def static_transforms(poses: Mapping[str, np.ndarray], frames: Mapping[str, str], world: str) -> str:
    """The text of a launch file that publishes where cameras are.

    Args:
        poses: (4, 4) world_from_camera of the optical frames.
        frames: TF frame of each camera's images.
        world: TF frame of the world.
    """
    lines = []
    for view, pose in poses.items():
        x, y, z = (f'{value:.6f}' for value in pose[:3, 3])
        qx, qy, qz, qw = (f'{value:.9f}' for value in Rotation.from_matrix(pose[:3, :3]).as_quat())
        frame = frames.get(view) or f'{view}_optical_frame'
        lines.append(f'    ({view!r}, {frame!r}, ({x}, {y}, {z}), ({qx}, {qy}, {qz}, {qw})),')
    return LAUNCH.format(world=world, cameras='\n'.join(lines))


LAUNCH = '''"""Where the cameras stand, as found by chromm calibrate: ros2 launch static_transforms.launch.py"""

from launch import LaunchDescription
from launch_ros.actions import Node

WORLD = {world!r}
CAMERAS = (  # name, optical frame, position [m], quaternion x y z w
{cameras}
)


def generate_launch_description():
    return LaunchDescription([publisher(*camera) for camera in CAMERAS])


def publisher(name, frame, position, quaternion):
    names = ('--x', '--y', '--z', '--qx', '--qy', '--qz', '--qw')
    values = [text for name, value in zip(names, (*position, *quaternion)) for text in (name, str(value))]
    return Node(
        package='tf2_ros',
        executable='static_transform_publisher',
        name=f'static_transform_{{name}}'.replace('/', '_'),
        arguments=[*values, '--frame-id', WORLD, '--child-frame-id', frame],
    )
'''


def _cells(check: CameraCheck) -> tuple[str, ...]:
    turn, turn_error = math.degrees(check.halves[1]), math.degrees(check.error[1])
    return (
        str(check.sightings),
        '' if math.isnan(check.miss_px) else f'{check.miss_px:.1f} px',
        '' if math.isnan(check.seen) else f'{100 * check.seen:.0f} %',
        '' if math.isnan(check.halves[0]) else f'{check.halves[0]:.2f} m {turn:.1f} deg',
        '' if math.isnan(check.error[0]) else f'{check.error[0]:.2f} m {turn_error:.1f} deg',
    )


def _focal(outcome: Outcome, view: str) -> str:
    if not _found_lens(outcome, view):
        return ''
    found, assumed = outcome.calibration.intrinsics[view][0, 0], outcome.views[view].intrinsics[0, 0]
    return f'focal length {found:.0f} px found, {assumed:.0f} px was assumed'


def _found_lens(outcome: Outcome, view: str) -> bool:
    """Whether the focal length of a camera was found."""
    return view in outcome.calibration.intrinsics and not outcome.views[view].calibrated


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def _panel(view: str, outcome: Outcome, calibrator: PeopleCalibrator) -> np.ndarray:
    image = calibrator.pictures[view]
    scale = PANEL / image.shape[0]
    panel = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for person in calibrator.people_at(calibrator.pictured[view], view):
        _draw_bones(panel, person * scale, ORANGE)
    pose = outcome.calibration.world_from_camera.get(view)
    if pose is not None:
        for marks in outcome.calibration.people_at(calibrator.pictured[view]):
            local = transform(invert_rigid(pose), marks)
            local[~(local[:, 2] > 0.1)] = np.nan
            _draw_bones(panel, project(local[None], outcome.calibration.intrinsics[view][None])[0] * scale, GREEN)
    cv2.putText(panel, view, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, WHITE, 2, cv2.LINE_AA)
    return panel


def _draw_bones(panel: np.ndarray, points: np.ndarray, color: tuple[int, int, int]) -> None:
    for start, end in BONES:
        ends = points[[start, end]]
        if np.isfinite(ends).all() and np.abs(ends).max() < 1e4:
            (x0, y0), (x1, y1) = np.round(ends).astype(int).tolist()
            cv2.line(panel, (x0, y0), (x1, y1), color, 2, cv2.LINE_AA)


def _plan(outcome: Outcome) -> np.ndarray:
    """Cameras and the places of people from above; a ring is a metre wide."""
    plan = np.full((PANEL, PANEL, 3), 30, np.uint8)
    poses = outcome.calibration.world_from_camera
    if not poses:
        cv2.putText(plan, 'nothing is verified', (20, PANEL // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ORANGE, 2)
        return plan
    hips = outcome.calibration.landmarks[:, HIPS].mean(1)[:, :2]
    hips = hips[np.isfinite(hips).all(-1)]
    centres = np.stack([pose[:2, 3] for pose in poses.values()])
    everything = np.concatenate([centres, hips])
    low, high = everything.min(0) - 0.7, everything.max(0) + 0.7
    scale = PANEL / max(high - low)
    offset = (np.array([PANEL, PANEL]) / scale - (high - low)) / 2

    def pixel(place: np.ndarray) -> tuple[int, int]:
        x, y = (place - low + offset) * scale
        return round(float(x)), round(float(PANEL - y))

    for place in hips:
        cv2.circle(plan, pixel(place), 3, GREEN, -1, cv2.LINE_AA)
    for view, pose in poses.items():
        centre, forward = pose[:2, 3], pose[:2, 2] / max(float(np.linalg.norm(pose[:2, 2])), 1e-6)
        cv2.arrowedLine(plan, pixel(centre), pixel(centre + 0.6 * forward), WHITE, 2, cv2.LINE_AA, tipLength=0.3)
        cv2.circle(plan, pixel(centre), max(1, round(0.5 * scale)), GRAY, 1, cv2.LINE_AA)
        x, y = pixel(centre)
        cv2.putText(plan, view, (x + 8, y - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)
    return plan
