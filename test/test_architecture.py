"""The house as CONTRIBUTING.md and docs/architecture.md describe it: sizes, and files that are where they say."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs' / 'architecture.md').read_text()
LONGEST_FILE = 350
LONGEST_FUNCTION = 60


def sources():
    """Python files of this checkout; of a source archive, all that are in its rooms."""
    listed = subprocess.run(['git', 'ls-files', '*.py'], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    rooms = ('chromm_ros', 'examples', 'launch', 'ros_extras', 'test', 'tools')
    return [path for room in rooms for path in (ROOT / room).rglob('*.py')]


def test_files_and_functions_have_a_size_that_one_can_read():
    long = []
    for path in sources():
        text = path.read_text()
        lines = len(text.splitlines())
        if lines > LONGEST_FILE:
            long.append(f'{path.relative_to(ROOT)}: {lines} lines')
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long.append(f'{path.relative_to(ROOT)}: {node.name}, {length} lines')
    assert not long


def walks():
    """The steps of each walk, by its title."""
    walks = PAGE.partition('## Three walks')[2].partition('\n## ')[0]
    return dict(re.findall(r'^\*\*(.+?)\*\*\n\n(.*?)(?=^\*\*|\Z)', walks, re.MULTILINE | re.DOTALL))


def files_of(text):
    return re.findall(r'`([\w/.]+\.py)`', text)


def test_there_are_three_walks_of_at_most_ten_steps():
    assert len(walks()) == 3
    assert all(3 <= len(re.findall(r'^\d+\. ', steps, re.MULTILINE)) <= 10 for steps in walks().values())


@pytest.mark.parametrize('title', list(walks()))
def test_a_walk_passes_every_file_once(title):
    names = files_of(walks()[title])
    assert names
    assert len(names) == len(set(names))


def test_every_file_that_the_page_names_exists():
    there = [path.relative_to(ROOT).as_posix() for path in sources()]
    missing = [name for name in files_of(PAGE) if not any(f'/{path}'.endswith(f'/{name}') for path in there)]
    assert not missing


def test_every_room_is_in_the_table():
    rooms = {path.parent.name for path in (ROOT / 'chromm_ros').glob('*/__init__.py')}
    named = set(re.findall(r'`(\w+)/`', PAGE.partition('| room | purpose |')[2].partition('\n\n')[0]))
    assert rooms - {'msg', 'srv'} == named
