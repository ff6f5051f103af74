"""Write what the code knows into files for people: config/multicam.yaml and the reference tables of README.md.

python tools/write_reference.py           # writes
python tools/write_reference.py --check   # exit status 1 when a file is not what the code says
"""

from __future__ import annotations

import configparser
import importlib
import inspect
import sys
from pathlib import Path

from chromm_ros.ros.common import parameters
from chromm_ros.ros.nodes.services import SERVICES
from chromm_ros.ros.outputs.publishers import TOPICS

ROOT = Path(__file__).parents[1]
BEGIN = '<!-- reference: written by tools/write_reference.py -->'
END = '<!-- end of reference -->'


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
    readme = (ROOT / 'README.md').read_text()
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    block = '\n'.join([BEGIN, '', nodes(), topics(), services(), parameters.tables_markdown(), END])
    return {
        ROOT / 'config' / 'multicam.yaml': parameters.parameters_yaml(),
        ROOT / 'README.md': before + block + after,
    }


def nodes() -> str:
    """The table of executables, from the entry points of setup.cfg and the docstrings of their modules."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    lines = ['#### Nodes', '', '| executable | what it does |', '|---|---|']
    for entry in setup['options.entry_points']['console_scripts'].strip().splitlines():
        name, _, place = (part.strip() for part in entry.partition('='))
        if '.nodes.' in place:
            module = importlib.import_module(place.partition(':')[0])
            lines.append(f'| `{name}` | {(inspect.getdoc(module) or "").splitlines()[0]} |')
    return '\n'.join([*lines, ''])


def topics() -> str:
    """The table of the capture's own topics."""
    lines = ['#### Topics of `capture`', '', '| topic | type | QoS | meaning |', '|---|---|---|---|']
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
    lines = ['#### Services of `capture`', '', '| service | type | meaning |', '|---|---|---|']
    for name, (kind, meaning) in SERVICES.items():
        lines.append(f'| `~/{name}` | `{kind.__module__.partition(".")[0]}/{kind.__name__}` | {meaning} |')
    return '\n'.join([*lines, ''])


if __name__ == '__main__':
    sys.exit(main())
