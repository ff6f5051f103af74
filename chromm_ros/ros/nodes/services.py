"""What the services of the capture node do. Inputs come from the network: they are checked before all else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from std_srvs.srv import Trigger

from chromm_ros.flow import Cloud, Human
from chromm_ros.srv import MergeIdentities, SaveScene, SetViews
from chromm_ros.viewing.colors import identity_color

SERVICES: dict[str, tuple[type, str]] = {
    'reset_identities': (Trigger, 'Ids start anew, in a new session.'),
    'reset_scene': (Trigger, 'The static scene is forgotten.'),
    'merge_identities': (MergeIdentities, 'Several ids are one person.'),
    'save_scene': (SaveScene, 'Write the scene as PLY into the folder save_directory.'),
    'set_views': (SetViews, 'Use only these cameras from now on; none named: all.'),
}
"""Private services: type, meaning."""

LONGEST_NAME = 255


def checked_views(requested: Sequence[str], cameras: Sequence[str]) -> tuple[str, ...]:
    """The cameras to use, in the order of the rig; an empty request means all.

    Raises:
        ValueError: a name is not a camera.
    """
    unknown = [name for name in requested if name not in cameras]
    if unknown:
        raise ValueError(f'unknown camera {unknown[0][:60]!r}; the cameras are {", ".join(cameras)}')
    return tuple(camera for camera in cameras if not requested or camera in requested)


def checked_path(requested: str, directory: str) -> Path:
    """Where ~/save_scene writes: a .ply file inside ``directory``, whatever the request says.

    Raises:
        ValueError: the request leads elsewhere, or the user has not named a directory.
    """
    if not directory:
        raise ValueError('the parameter save_directory is empty: name the folder into which scenes may be written')
    if '\0' in requested or not requested or len(requested) > LONGEST_NAME:
        raise ValueError(f'path must be a file name of 1 to {LONGEST_NAME} characters')
    root = Path(directory).expanduser().resolve()
    path = (root / requested).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f'path leads out of save_directory ({root})')
    if path.suffix != '.ply':
        raise ValueError('path must end in .ply')
    if not path.parent.is_dir():
        raise ValueError(f'the folder {path.parent} does not exist')
    return path


def with_people(scene: Cloud, humans: Sequence[Human], vertices: np.ndarray) -> Cloud:
    """The scene and the mesh vertices (K, N, 3) of the people, each in the colour of its id."""
    if not humans:
        return scene
    count = vertices.shape[1]
    colors = np.repeat(np.array([identity_color(human.id) for human in humans], np.uint8), count, 0)
    return Cloud(
        np.concatenate([scene.points, vertices.reshape(-1, 3).astype(np.float32)]),
        np.concatenate([scene.colors, colors]),
        np.concatenate([scene.confidence, np.ones(len(colors), np.float32)]),
    )
