"""Write what the code knows into files for people: config/multicam.yaml, docs/reference.md, tables of README.md and
docs/troubleshooting.md.

python tools/write_reference.py           # writes
python tools/write_reference.py --check   # exit status 1 when a file is not what the code says
"""

from __future__ import annotations

import configparser
import importlib
import inspect
import re
import sys
from pathlib import Path

from chromm_ros.conditions import conditions
from chromm_ros.drop_reasons import DROP_REASONS
from chromm_ros.ros.common import parameters
from chromm_ros.ros.common.settings import Parameters
from chromm_ros.ros.nodes.services import SERVICES
from chromm_ros.ros.outputs.publishers import TOPICS

ROOT = Path(__file__).parents[1]
BEGIN = '<!-- reference: written by tools/write_reference.py -->'
END = '<!-- end of reference -->'

WHEN_TO_CHANGE = {
    'cameras': 'always: the names of your cameras',
    'image_topic': 'the driver uses other topics, e.g. `/{camera}/color/image_raw`',
    'image_transport': 'the driver sends JPEG',
    'sync_slop': 'the cameras are not triggered together: half of the time between two images',
    'rectify': 'the driver rectifies the images itself',
    'min_views': 'a result from few cameras is worse than none',
    'extrinsics': 'you have no calibration (`estimated`), or want it corrected (`tf_then_refine`)',
    'world_frame': 'your map frame has another name',
    'world.rig_moves': 'the cameras are carried around',
    'preset': 'you have a GPU and the public weights',
    'weights': 'with `preset: full`',
    'body_model': 'you have the SMPL-X licence and want its own surface',
    'device': 'the machine has several GPUs',
    'precision': 'results have to be the same on every machine (`fp32`)',
    'window_size': 'memory is short, or people move slowly and there is time',
    'camera_timeout': 'the cameras are slower than 2 Hz',
    'max_latency': 'the planner needs to know of shorter delays',
    'identity.memory': 'people return after longer',
    'scene.voxel': 'the map has to be finer, or the room is a hall',
    'publish_human_tf': 'a tool wants people as TF frames',
}
"""The parameters that most users meet, and what makes them change one; README.md shows them."""


def main() -> int:
    """Write or check all files; the exit status."""
    stale = []
    for path, text in wanted().items():
        if not path.exists() or path.read_text() != text:
            stale.append(path.relative_to(ROOT))
            if '--check' not in sys.argv:
                path.write_text(text)
    if stale and '--check' in sys.argv:
        print(f'not what the code says: {", ".join(map(str, stale))}; run python tools/write_reference.py')
        return 1
    return 0


def wanted() -> dict[Path, str]:
    """The files as they should be."""
    title = (
        '# Reference: nodes, topics, services, parameters\n\nWritten by `tools/write_reference.py` from the code.\n'
    )
    return {
        ROOT / 'config' / 'multicam.yaml': parameters.parameters_yaml(),
        ROOT / 'docs' / 'reference.md': '\n'.join(
            [title, nodes(), topics(), services(), parameters.tables_markdown()]
        ),
        ROOT / 'README.md': with_block(ROOT / 'README.md', first_parameters()),
        ROOT / 'docs' / 'troubleshooting.md': with_block(ROOT / 'docs' / 'troubleshooting.md', troubleshooting()),
    }


def with_block(path: Path, content: str) -> str:
    """The text of a file whose block between the marks is what the code says."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f'{before}{BEGIN}\n\n{content}\n{END}{after}'


def troubleshooting() -> str:
    """What diagnostics and notes can say, and why images are left out, from the definitions of the messages."""
    lines = [
        '| task of `/diagnostics` | level | what it says | what it means | what to change |',
        '|---|---|---|---|---|',
    ]
    for condition in conditions():
        words = [_row(text) for text in (condition.says, condition.means, condition.change or 'see what is named')]
        lines.append(f'| {condition.task} | {condition.level.name} | {" | ".join(words)} |')
    lines += ['', '| left out as | what it means | what to change |', '|---|---|---|']
    lines += [f'| `{reason}` | {_row(means)} | {_row(change)} |' for reason, (means, change) in DROP_REASONS.items()]
    return '\n'.join([*lines, ''])


def _row(text: str) -> str:
    """A text as a cell of a table: what is measured becomes dots."""
    return re.sub(r'\{[^}]*\}', '…', text).replace('|', '\\|')


def first_parameters() -> str:
    """The table of the parameters that most users meet."""
    known = {leaf.name: leaf for leaf in parameters.parameter_leaves(Parameters())}
    lines = ['| parameter | default | change it when |', '|---|---|---|']
    for name, when in WHEN_TO_CHANGE.items():
        unit = f' {known[name].unit}' if known[name].unit else ''
        lines.append(f'| `{name}` | `{parameters.yaml_value(known[name].default)}`{unit} | {when} |')
    return '\n'.join([*lines, ''])


def nodes() -> str:
    """The table of executables, from the entry points of setup.cfg and the docstrings of their modules."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    lines = ['## Nodes', '', '| executable | what it does |', '|---|---|']
    for entry in setup['options.entry_points']['console_scripts'].strip().splitlines():
        name, _, place = (part.strip() for part in entry.partition('='))
        if '.nodes.' in place:
            module = importlib.import_module(place.partition(':')[0])
            lines.append(f'| `{name}` | {(inspect.getdoc(module) or "").splitlines()[0]} |')
    return '\n'.join([*lines, ''])


def topics() -> str:
    """The table of the capture's own topics."""
    lines = ['## Topics of `capture`', '', '| topic | type | QoS | meaning |', '|---|---|---|---|']
    for name, (kind, qos, meaning) in TOPICS.items():
        package = kind.__module__.partition('.')[0]
        latched = ', transient local' if qos.durability.name == 'TRANSIENT_LOCAL' else ''
        reliability = qos.reliability.name.lower().replace('_', ' ')
        lines.append(
            f'| `~/{name}` | `{package}/{kind.__name__}` | {reliability}{latched}, depth {qos.depth} | {meaning} |'
        )
    return '\n'.join([*lines, ''])


def services() -> str:
    """The table of the capture's services."""
    lines = ['## Services of `capture`', '', '| service | type | meaning |', '|---|---|---|']
    for name, (kind, meaning) in SERVICES.items():
        lines.append(f'| `~/{name}` | `{kind.__module__.partition(".")[0]}/{kind.__name__}` | {meaning} |')
    return '\n'.join([*lines, ''])


if __name__ == '__main__':
    sys.exit(main())
