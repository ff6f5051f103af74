"""NeuralAnnot's fits of SMPL-X or SMPL to single images: MPII, MSCOCO and 3DPW in the layout of COCO.

Every person has a virtual camera of its own: two people of one image share no space, only their projections count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.cache import indexed
from chromm_ros.datasets.files import entry, matrices, numbers, read_image, read_json
from chromm_ros.datasets.interface import Body, Instant, Lens, Person, View

VIEW = 'image'

SMPLX_PARTS = {
    'root_pose': 3,
    'body_pose': 63,
    'jaw_pose': 3,
    'lhand_pose': 45,
    'rhand_pose': 45,
    'shape': 10,
    'trans': 3,
}
"""Parameters of a fit of SMPL-X; jaw and hands may be missing."""

SMPL_PARTS = {'pose': 72, 'shape': 10, 'trans': 3}
NEEDED = ('root_pose', 'body_pose', 'pose', 'shape', 'trans')


@dataclass(frozen=True)
class FitFiles:
    """Which files a set of fits is made of."""

    kind: str
    """Of the data set, for the index."""
    annotations: Path
    """Images and people with boxes, in the layout of COCO."""
    parameters: Path | None
    """Fits by the number of the annotation; None: they are in the annotations (``smpl_param``)."""
    model: str
    """``smplx`` or ``smpl``."""

    def index(self) -> dict[str, np.ndarray]:
        """Arrays over the images and over the people, people sorted by image; see :func:`_index`.

        Raises:
            OSError, ValueError: a file is missing or not what was expected.
        """
        sources = [self.annotations] + ([self.parameters] if self.parameters is not None else [])
        return indexed(f'{self.kind}-{self.model}', sources, lambda: _index(self))


class FittedImages:
    """Images with fitted people as a sequence of instants: one view, no world."""

    fps = 30.0
    static_rig = False

    def __init__(
        self,
        name: str,
        files: FitFiles,
        bodies: BodyLibrary,
        place: Callable[[str, str], Path],
        group: str | None = None,
    ) -> None:
        """
        Args:
            place: file name and sequence of an image -> its path.
            group: only the images of this sequence.
        """
        self.name = name
        self.files = files
        self.bodies = bodies
        self._place = place
        self._group = group

    @cached_property
    def _index(self) -> Mapping[str, np.ndarray]:
        return self.files.index()

    @cached_property
    def _images(self) -> np.ndarray:
        """Images of the sequence with at least one fit, in the order of their names."""
        index = self._index
        counts = np.add.reduceat(np.append(index['fitted'], 0), index['start'][:-1]) * (np.diff(index['start']) > 0)
        chosen = counts > 0
        if self._group is not None:
            chosen &= index['group'] == self._group
        images = np.flatnonzero(chosen)
        return images[np.argsort(index['file'][images], kind='stable')]

    def __len__(self) -> int:
        if not len(self._images):
            raise ValueError(f'{self.files.annotations}: no image of {self.name} has a person with parameters')
        return len(self._images)

    def instant(self, index: int) -> Instant:
        """Image ``index``; people without parameters are boxes in ``ignored``."""
        image, table = int(self._images[index]), self._index
        rows = np.arange(table['start'][image], table['start'][image + 1])
        fitted = [int(row) for row in rows if table['fitted'][row]]
        size = (int(table['size'][image, 0]), int(table['size'][image, 1]))
        path = self._place(str(table['file'][image]), str(table['group'][image]))
        lens = Lens(_intrinsics(*table['camera'][image]), size)
        has_masks = bool(len(rows)) and 'outline_start' in table
        view = View(
            VIEW,
            lens,
            open_image=lambda: read_image(path, size),
            open_people_mask=lambda: self._instances(rows, size) > 0 if has_masks else None,
            open_instance=lambda: self._instances(fitted, size) if has_masks else None,
            source=str(path),
        )
        people = tuple(self._person(row, size) for row in fitted)
        others = table['box'][[row for row in rows if not table['fitted'][row]]]
        return Instant(index, index / self.fps, (view,), people, ignored={VIEW: np.array(others).reshape(-1, 4)})

    def _person(self, row: int, size: tuple[int, int]) -> Person:
        table = self._index
        parts: dict[str, np.ndarray] = {}
        start = 0
        for name, length in (SMPLX_PARTS if self.files.model == 'smplx' else SMPL_PARTS).items():
            parts[name] = np.array(table['parameters'][row, start : start + length], np.float64)
            start += length
        if self.files.model == 'smplx':
            hands = np.stack([parts['lhand_pose'], parts['rhand_pose']])
            fingers = self.bodies.absolute_hands('neutral', hands).reshape(30, 3)
            face = np.stack([parts['jaw_pose'], np.zeros(3), np.zeros(3)])
            pose = np.concatenate([parts['body_pose'].reshape(21, 3), face, fingers])
            root = parts['root_pose']
        else:
            root, pose = parts['pose'][:3], parts['pose'][3:].reshape(23, 3)
        body = Body(
            model=self.files.model,
            gender='neutral',
            frame='camera',
            betas=parts['shape'],
            root=matrices(root),
            pose=matrices(pose),
            transl=parts['trans'],
            lens=Lens(_intrinsics(*table['own_camera'][row]), size),
        )
        points = np.array(table['points'][row], np.float64)
        return Person(
            id=str(table['id'][row]),
            body=body,
            pixels={VIEW: points} if points.any() else {},
            box={VIEW: np.array(table['box'][row])},
        )

    def _instances(self, rows: Iterable[int], size: tuple[int, int]) -> np.ndarray:
        """(H, W) uint8: k + 1 where the k-th of the rows is outlined; the smaller of two lies on top."""
        table = self._index
        numbered = sorted(enumerate(rows, 1), key=lambda pair: -_area(table['box'][pair[1]]))
        picture = np.zeros((size[1], size[0]), np.uint8)
        for number, row in numbered:
            first, last = table['outline_start'][row : row + 2]
            for outline in range(first, last):
                begin, end = table['polygon_start'][outline : outline + 2]
                values = np.array(table['polygon'][begin:end])
                if table['runs'][outline]:
                    picture[_decoded_runs(values.astype(np.int64), size)] = min(number, 255)
                else:
                    points = np.round(values.reshape(-1, 2) * 16).astype(np.int32)
                    cv2.fillPoly(picture, [points], min(number, 255), cv2.LINE_8, 4)
        return picture


def _index(files: FitFiles) -> dict[str, np.ndarray]:
    """Over images: file, group, size (2), camera (4: fx, fy, cx, cy; NaN: not known), start (people of image i are
    rows start[i] to start[i + 1]). Over people: id, box (4), fitted, parameters, own_camera (4), points (P, 3), and
    outlines (polygons or runs) where the set has them. Besides, faults: fits that cannot be used, in words.
    """
    content = read_json(files.annotations)
    images, people = entry(content, 'images', files.annotations), entry(content, 'annotations', files.annotations)
    fits = None if files.parameters is None else read_json(files.parameters)
    try:
        rows = {image['id']: number for number, image in enumerate(images)}
        order = sorted((p for p in people if p['image_id'] in rows), key=lambda p: (rows[p['image_id']], p['id']))
        of_image = np.array([rows[person['image_id']] for person in order], np.int64)
        cameras = [_camera(image.get('cam_param')) for image in images]
        table = {
            'file': np.array([str(image['file_name']) for image in images]),
            'group': np.array([str(image.get('sequence', '')) for image in images]),
            'size': np.array([[image['width'], image['height']] for image in images], np.int32),
            'camera': np.array(cameras, np.float64).reshape(-1, 4),
            'start': np.searchsorted(of_image, np.arange(len(images) + 1)),
            'id': np.array([str(person['id']) for person in order]),
            'box': np.array([_corners(person['bbox']) for person in order], np.float64).reshape(-1, 4),
        }
        found, faults = _fits(files, fits, [(person, cameras[row]) for person, row in zip(order, of_image)])
        longest = max((len(person.get('keypoints', ())) for person in order), default=0) // 3
        points = np.zeros((len(order), longest, 3), np.float32)
        for row, person in enumerate(order):
            values = person.get('keypoints', ())
            points[row, : len(values) // 3] = np.reshape(values, (-1, 3))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f'{files.annotations}: is not in the layout of COCO ({type(error).__name__}: {error})'
        ) from error
    width = sum((SMPLX_PARTS if files.model == 'smplx' else SMPL_PARTS).values())
    table |= {
        'fitted': np.array([fit is not None for fit in found], bool),
        'parameters': np.array([np.zeros(width) if fit is None else fit[0] for fit in found], np.float32),
        'own_camera': np.array([np.full(4, np.nan) if fit is None else fit[1] for fit in found], np.float64),
        'points': points,
        'faults': np.array(faults, dtype=np.str_),
    }
    return table | _outlines(order)


def _fits(
    files: FitFiles, fits: Mapping[str, Any] | None, people: list[tuple[dict[str, Any], np.ndarray]]
) -> tuple[list[tuple[np.ndarray, np.ndarray] | None], list[str]]:
    """The fit of each person, given with the camera of the image; and what is wrong with fits that cannot be used.

    Raises:
        ValueError: all are wrong.
    """
    found: list[tuple[np.ndarray, np.ndarray] | None] = []
    faults = []
    for person, camera in people:
        try:
            found.append(_fit(files, fits, person, camera))
        except ValueError as error:
            found.append(None)
            faults.append(str(error))
    if faults and all(fit is None for fit in found):
        raise ValueError(faults[0])
    return found, faults


def _fit(
    files: FitFiles, fits: Mapping[str, Any] | None, person: Mapping[str, Any], camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Parameters and camera of one person; None: it has none, or is a crowd."""
    record = person if fits is None else fits.get(str(person['id']))
    if person.get('iscrowd') or not isinstance(record, Mapping):
        return None
    parameters = record.get(f'{files.model}_param', None if fits is None else record)
    if parameters is None:
        return None
    path = files.annotations if files.parameters is None else files.parameters
    where = f'{path}: person {person["id"]}'
    own = _camera(record.get('cam_param'))
    own = camera if np.isnan(own).any() else own
    if np.isnan(own).any():
        raise ValueError(f'{where}: has no cam_param, nor has its image')
    values = []
    for name, length in (SMPLX_PARTS if files.model == 'smplx' else SMPL_PARTS).items():
        if name not in parameters and name not in NEEDED:
            values.append(np.zeros(length))
            continue
        values.append(numbers(np.ravel(entry(parameters, name, path)), (length,), f'{where}, {name}'))
    return np.concatenate(values), own


def _camera(parameters: Mapping[str, Any] | None) -> np.ndarray:
    """(4,) fx, fy, cx, cy; NaN where it is not known."""
    if not parameters:
        return np.full(4, np.nan)
    return np.array([*parameters['focal'], *parameters['princpt']], np.float64)


def _outlines(people: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Polygons and run lengths of all people, one after the other; nothing where nobody has an outline."""
    if not any(person.get('segmentation') for person in people):
        return {}
    polygons, runs, starts = [], [], [0]
    for person in people:
        outline = person.get('segmentation') or []
        if isinstance(outline, dict):  # a crowd: run lengths, column by column
            if isinstance(outline.get('counts'), list):
                polygons.append(np.array(outline['counts'], np.float32))
                runs.append(True)
        else:
            kept = [np.array(polygon, np.float32) for polygon in outline if len(polygon) >= 6]
            polygons += kept
            runs += [False] * len(kept)
        starts.append(len(polygons))
    lengths = [len(polygon) for polygon in polygons]
    return {
        'outline_start': np.array(starts),
        'polygon_start': np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        'polygon': np.concatenate(polygons) if polygons else np.zeros(0, np.float32),
        'runs': np.array(runs, bool),
    }


def _decoded_runs(counts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool from COCO's uncompressed run lengths: off and on in turns, down the columns."""
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask = np.zeros(size[0] * size[1], bool)
    mask[: len(values)] = values[: len(mask)]
    return mask.reshape(size).T


def _corners(box: Any) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _intrinsics(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
