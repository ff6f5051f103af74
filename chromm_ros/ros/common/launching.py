"""What the launch files check and prepare before the first process starts; knows nothing of ``launch`` itself.

``launch`` starts what comes first before it evaluates what comes next. Whatever can be wrong is therefore found out
here, in one place, and one line says what to write instead.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from chromm_ros.ros.common.dds import shared_file
from chromm_ros.ros.common.names import camera_names, check_topics, full_namespace
from chromm_ros.ros.common.spin import PARENT_VARIABLE

NODE = 'chromm'
BOOLEANS = ('true', 'false', 'True', 'False', '1', '0')
"""What ``launch`` understands as a condition."""
CHOICES = {
    'image_transport': ('', 'raw', 'compressed'),
    'preset': ('', 'auto', 'open', 'tiny', 'full'),
    'human_head': ('', 'chromm', 'multi_hmr'),
    'extrinsics': ('', 'auto', 'tf', 'estimated', 'tf_then_refine'),
}
"""Of arguments that are parameters; empty: what the parameter file says.

The settings know them too, but to import those would cost the launch seconds.
"""
SCRIPTS = ('', 'walks', 'leaves_and_returns', 'crossing', 'hidden')
"""What may happen in the synthetic room."""
VIEWS = ('multicam', 'planners')
"""Configurations of RViz in rviz/."""
NAMESPACED_TF = (('/tf', 'tf'), ('/tf_static', 'tf_static'))


@dataclass(frozen=True)
class CapturePlan:
    """What multicam.launch.py starts, checked."""

    namespace: str
    """Full, with a leading slash."""
    overrides: dict[str, Any]
    """Parameters that the command line gives, on top of the file."""
    file: str
    """The parameter file."""
    remappings: tuple[tuple[str, str], ...]
    rviz: tuple[str, ...] | None
    """Arguments of RViz; None: it is not started."""
    use_sim_time: bool


def plan(given: Mapping[str, str], passed_on: Iterable[str], parent_namespace: str = '') -> CapturePlan:
    """Check the arguments of multicam.launch.py.

    Args:
        given: value of every declared argument.
        passed_on: the arguments that are parameters of the same name.
        parent_namespace: of the launch file around this one.

    Raises:
        ValueError: with the argument, what was wrong, and what to write.
    """
    namespace = full_namespace(given['namespace'], parent_namespace)
    parameters = parameters_of(given['config'], namespace)
    _check_file(Path(given['config']).expanduser())
    overrides: dict[str, Any] = {name: given[name] for name in passed_on if given[name]}
    if 'sync_slop' in overrides:
        overrides['sync_slop'] = number('sync_slop', overrides['sync_slop'], 0.0, 0.5)
    if 'weights' in overrides:
        overrides['weights'] = str(Path(overrides['weights']).expanduser())
    if given['cameras']:
        overrides['cameras'] = list(camera_names(given['cameras']))
    if truth(given['use_sim_time']):
        overrides['use_sim_time'] = True
    effective = {**parameters, **overrides}
    _check_values(effective, namespace)
    use_sim_time = bool(effective.get('use_sim_time', False))
    rviz = None
    if truth(given['rviz']):
        require_program('rviz2', 'rviz2', 'or start without it: rviz:=false')
        rviz = ('-d', rviz_file(given['rviz_config'], namespace, str(effective.get('world_frame', 'map'))))
    return CapturePlan(
        namespace=namespace,
        overrides=overrides,
        file=str(Path(given['config']).expanduser()),
        remappings=NAMESPACED_TF if truth(given['namespaced_tf']) else (),
        rviz=rviz,
        use_sim_time=use_sim_time,
    )


def _check_file(path: Path) -> None:
    """What the capture would say of a parameter file of the user's; it is asked in a process of its own, because the
    settings import seconds' worth of packages.

    Raises:
        ValueError: an unknown parameter, a wrong type, or no parameters for the capture at all.
    """
    if path == shared_file('config', 'multicam.yaml'):
        return
    words = [sys.executable, '-m', 'chromm_ros.ros.common.parameter_files', str(path)]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    if said.returncode:
        raise ValueError((said.stderr.strip().splitlines() or [f'config is {str(path)!r}, which cannot be used'])[-1])


def _check_values(values: Mapping[str, Any], namespace: str) -> None:
    """What would end the capture after everything else has started.

    Raises:
        ValueError: with the name of the parameter.
    """
    cameras = values.get('cameras')
    if isinstance(cameras, list) and all(isinstance(camera, str) for camera in cameras):
        for name in ('image_topic', 'camera_info_topic', 'depth_topic'):
            if isinstance(values.get(name), str) and (values[name] or name != 'depth_topic'):
                check_topics(name, values[name], cameras, namespace)
    frame = values.get('world_frame', '')
    if str(frame).startswith('/'):
        raise ValueError(f'world_frame is {frame!r}; the name of a TF frame expected, without a /')
    weights = values.get('weights')
    if weights and not Path(str(weights)).expanduser().is_file():
        raise ValueError(f'weights is {weights!r}, which is no file')


def synthetic_room(given: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of the synthetic cameras from the arguments of demo.launch.py.

    Raises:
        ValueError: with the argument, what was wrong, and what to write.
    """
    count = whole_number('cameras', given['cameras'], 1, 8)
    return {
        'cameras': [f'camera_{index}' for index in range(count)],
        'people': whole_number('people', given['people'], 0, 20),
        'script': given['script'],
        'seed': whole_number('seed', given['seed'], 0, 2**31 - 1),
        'rate': number('rate', given['rate'], 0.1, 60.0),
        'world_frame': given['world_frame'],
    }


def ends_with_launch() -> dict[str, str]:
    """Environment of the processes of this package: they end when this process, the launch, does."""
    return {PARENT_VARIABLE: str(os.getpid())}


def truth(text: str) -> bool:
    """The meaning of one of ``BOOLEANS``."""
    return text.lower() in ('true', '1')


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """A whole number within limits.

    Raises:
        ValueError: it is none, or lies outside.
    """
    if not text.strip().isdigit() or not low <= int(text) <= high:
        raise ValueError(f'{name} is {text!r}; a whole number from {low} to {high} expected')
    return int(text)


def refuse_unknown(arguments: Sequence[str], declared: Iterable[str], file: str) -> None:
    """``launch`` takes arguments that nobody declared in silence; a misspelt one should not pass.

    Only what stands on the command line of this very file is looked at: a launch file that includes it has arguments
    of its own.

    Args:
        arguments: the launch context's: ``name:=value``.
        file: path of the launch file.

    Raises:
        ValueError: an argument is not declared; names the closest one.
    """
    known = sorted(declared)
    if not _was_launched(file):
        return
    for argument in arguments:
        name = argument.partition(':=')[0]
        if ':=' not in argument or name in known:
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean {close[0]}?' if close else f'known are {", ".join(known)}'
        raise ValueError(f'unknown argument {name!r} of {Path(file).name}; {hint}')


def _was_launched(file: str) -> bool:
    """Whether the command line of this process names the file, by its path or by package and name."""
    for before, word in zip(['', *sys.argv], sys.argv):
        if os.path.abspath(word) == os.path.abspath(file) or (before, word) == ('chromm_ros', Path(file).name):
            return True
    return False


def require_program(package: str, program: str, otherwise: str) -> None:
    """A program that a node action is about to start must be there.

    Raises:
        ValueError: with how to install it, and with what to do ``otherwise``.
    """
    try:
        found = Path(get_package_prefix(package), 'lib', package, program).is_file()
    except (PackageNotFoundError, LookupError, OSError):  # of an index that has no such package, or no index at all
        found = False
    if not found:
        apt = f'ros-{os.environ.get("ROS_DISTRO", "jazzy")}-{package}'
        raise ValueError(f'{program} is not installed: sudo apt install {apt}, {otherwise}')


def parameters_of(file: str, namespace: str) -> dict[str, Any]:
    """Parameters that a file gives the capture node, flat; where sections contradict each other, the last counts.

    Raises:
        ValueError: there is no such file, or it is no parameter file.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise ValueError(f'config is {file!r}, which is no file{_similar(path)}')
    try:
        sections = dict(_sections(yaml.safe_load(path.read_text(encoding='utf-8'))))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f'config is {file!r}, which cannot be read: {" ".join(str(error).split())}') from None
    if not sections:
        raise ValueError(f'config is {file!r}, without ros__parameters: it is no file of ROS parameters')
    values: dict[str, Any] = {}
    for name, parameters in sections.items():
        if name in ('/**', f'/{NODE}', f'{namespace.rstrip("/")}/{NODE}'):
            values.update(parameters)
    return values


def _sections(tree: Any, path: str = '') -> Iterator[tuple[str, dict[str, Any]]]:
    """Name of a node or pattern, with namespaces as they are nested -> its parameters, flat."""
    for name, part in tree.items() if isinstance(tree, dict) else ():
        here = f'{path}/{str(name).strip("/")}'
        if isinstance(part, dict) and isinstance(part.get('ros__parameters'), dict):
            yield here, _flat(part['ros__parameters'])
        else:
            yield from _sections(part, here)


def _flat(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in tree.items():
        values.update(_flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {f'{prefix}{name}': value})
    return values


def _similar(path: Path) -> str:
    """Files that the user may have meant."""
    folder = path.parent if path.parent.is_dir() else shared_file('config', 'multicam.yaml').parent
    close = difflib.get_close_matches(path.name, [file.name for file in folder.glob('*.y*ml')], 1, 0.5)
    return f'; did you mean {folder / close[0]}?' if close else ''


def rviz_file(name: str, namespace: str, world_frame: str) -> str:
    """A configuration of RViz for a capture in a namespace and a world frame.

    Args:
        name: one of ``VIEWS``, or a file of the user's, which is taken as it is.

    Raises:
        ValueError: there is no such configuration.
    """
    if name not in VIEWS:
        path = Path(name).expanduser()
        if not path.is_file():
            raise ValueError(f'rviz_config is {name!r}; one of {", ".join(VIEWS)} or a file expected{_similar(path)}')
        return str(path)
    shipped = shared_file('rviz', f'{name}.rviz')
    if namespace == '/' and world_frame == 'map':
        return str(shipped)
    tree = yaml.safe_load(shipped.read_text(encoding='utf-8'))
    manager = tree['Visualization Manager']
    manager['Global Options']['Fixed Frame'] = world_frame
    for display in manager['Displays']:
        if 'Topic' in display:
            display['Topic']['Value'] = f'{namespace.rstrip("/")}{display["Topic"]["Value"]}'
    with tempfile.NamedTemporaryFile('w', prefix='chromm_ros_', suffix='.rviz', delete=False) as file:
        yaml.safe_dump(tree, file, sort_keys=False)
    return file.name


def number(name: str, text: str, low: float, high: float) -> float:
    """A number within limits.

    Raises:
        ValueError: it is none, or lies outside.
    """
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f'{name} is {text!r}; a number from {low:g} to {high:g} expected')
    return value
