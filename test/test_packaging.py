"""What the packaging promises: declared dependencies, commented interfaces, entry points that exist."""

import ast
import configparser
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from browser import opened
from optional import PYTHON_PACKAGES, need_package, need_program
from smplx.joint_names import JOINT_NAMES

ROOT = Path(__file__).resolve().parent.parent
INTERFACES = sorted([*ROOT.glob('msg/*.msg'), *ROOT.glob('srv/*.srv')])
SOURCES = sorted((ROOT / 'chromm_ros').rglob('*.py'))

NAMES_ON_PYPI = {
    'cv2': 'opencv-python-headless',
    'yaml': 'PyYAML',
    'PIL': 'pillow',
    'ruamel': 'ruamel.yaml',
    'backports': 'backports.zstd',
}
ROSDEP_KEYS = {'cv2': 'python3-opencv', 'yaml': 'python3-yaml', 'PIL': 'python3-pil', 'tf2_ros': 'tf2_ros_py'}


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    return config


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith('#')]


def entry_points() -> list[tuple[str, str]]:
    lines = lines_of(setup_cfg()['options.entry_points']['console_scripts'])
    return [(name.strip(), target.strip()) for name, target in (line.split('=') for line in lines)]


def pins(name: str) -> dict[str, str]:
    """Package to version, of the lines that count for this Python."""
    found = {}
    for line in lines_of((ROOT / name).read_text()):
        pin, _, marker = line.partition(';')
        match = re.fullmatch(r'([A-Za-z0-9_.-]+)==([A-Za-z0-9_.]+)', pin.strip())
        assert match, f'{name}: {line!r} is not pinned to one version'
        if not marker or (sys.version_info >= (3, 11)) == ('>=' in marker):
            found[normal(match[1])] = match[2]
    return found


def asked_by_pip() -> dict[str, str]:
    """What setup.cfg installs on this Python or another: package to the version that it insists on, or empty."""
    lines = [line.partition(';')[0].strip() for line in lines_of(setup_cfg()['options']['install_requires'])]
    return {normal(name): version for name, _, version in (line.partition('==') for line in lines)}


def pinned_anywhere(*files: str) -> set[str]:
    """Packages that these files pin, for this Python or another."""
    return {normal(line.partition('==')[0]) for name in files for line in lines_of((ROOT / name).read_text())}


def lint_imports() -> subprocess.CompletedProcess:
    # In a process of its own: it looks for the sources of chromm_ros, and here the package is imported already.
    program = need_program('lint-imports', advice='pip install -r requirements-dev.txt')
    return subprocess.run([program, '--no-cache'], cwd=ROOT, capture_output=True, text=True, check=False)


def normal(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def imports_of(file: Path) -> set[str]:
    """Top-level names of the packages that a source file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition('.')[0])
    return found - set(sys.stdlib_module_names) - {'chromm_ros'}


def declared_in_package_xml() -> set[str]:
    tree = ElementTree.parse(ROOT / 'package.xml').getroot()
    return {element.text or '' for element in tree if element.tag.endswith('depend')}


@pytest.mark.parametrize('file', INTERFACES, ids=lambda file: file.name)
def test_every_field_says_what_it_means(file):
    for line in lines_of(file.read_text()):
        assert line == '---' or '  # ' in line, f'{file.name}: {line!r} has no comment'


def test_the_message_names_every_joint_in_the_order_of_smplx():
    text = ' '.join(line.strip('# ') for line in (ROOT / 'msg' / 'Human.msg').read_text().splitlines())
    listed = text[text.index('The joints:') : text.index('uint8 TENTATIVE')]
    named = dict(re.findall(r'(\d+) ([a-z_0-9]+)', listed))
    assert [named[str(joint)] for joint in range(55)] == JOINT_NAMES[:55]


@pytest.mark.parametrize(('name', 'target'), entry_points())
def test_programs_exist(name, target):
    module, _, function = target.partition(':')
    assert callable(getattr(importlib.import_module(module), function))


def test_modules_and_interfaces_are_found_from_any_folder(tmp_path):
    script = 'import chromm_ros, chromm_ros.flow, chromm_ros.msg; print(chromm_ros.__file__)'
    command = [sys.executable, '-c', script]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.stdout.strip().endswith('__init__.py'), result.stdout + result.stderr


def test_installed_versions_are_the_pinned_ones():
    expected = pins('requirements.txt')
    if importlib.util.find_spec('ros_wheels_bootstrapper'):
        expected |= pins('requirements-ros.txt')
    installed = {name: importlib.metadata.version(name).partition('+')[0] for name in expected}
    assert installed == expected


def test_pins_cover_what_pip_install_asks_for():
    asked = asked_by_pip()
    pinned = pins('requirements.txt') | pins('requirements-ros.txt')
    assert asked.keys() <= pinned_anywhere('requirements.txt', 'requirements-ros.txt')
    assert all(pinned[name] == version for name, version in asked.items() if version)
    pins('requirements-dev.txt')


def test_constraints_do_not_contradict_the_requirements():
    direct = pins('requirements.txt') | pins('requirements-ros.txt') | pins('requirements-dev.txt')
    assert not pins('constraints.txt').keys() & direct.keys()


def test_every_import_is_declared_for_pip_and_for_rosdep():
    keys = declared_in_package_xml()
    python = pinned_anywhere('requirements.txt')
    asked = asked_by_pip()
    optional = set(lines_of('\n'.join(setup_cfg()['options.extras_require'].values())))
    undeclared = []
    for file in SOURCES:
        for name in imports_of(file) - optional:
            rosdep, pypi = ROSDEP_KEYS.get(name, name), normal(NAMES_ON_PYPI.get(name, name))
            on_robot = pypi in python or rosdep in keys or f'python3-{pypi}' in keys
            with_pip = pypi in asked or (rosdep in keys and not rosdep.startswith('python3-'))
            if not (on_robot and with_pip):
                undeclared.append(f'{file.relative_to(ROOT)}: {name}')
    assert not undeclared, 'declare these in package.xml, or in requirements.txt and setup.cfg'


def test_every_import_of_the_tests_is_declared_or_optional():
    keys, python = declared_in_package_xml(), pins('requirements.txt')
    own = {file.stem for file in (ROOT / 'test' / 'support').glob('*.py')} | {'conftest'}
    brought_along = {'trimesh'}  # by viser
    undeclared = []
    for file in [*(ROOT / 'test').rglob('*.py'), *(ROOT / 'ros_extras' / 'test').glob('*.py')]:
        for name in imports_of(file) - own - brought_along - set(PYTHON_PACKAGES):
            rosdep, pypi = ROSDEP_KEYS.get(name, name), normal(NAMES_ON_PYPI.get(name, name))
            if not (pypi in python or rosdep in keys or f'python3-{pypi}' in keys):
                undeclared.append(f'{file.relative_to(ROOT)}: {name}')
    assert not undeclared, 'declare these in package.xml as test_depend, or see test/support/optional.py'


PLUGIN = """
import importlib
import sys

def pytest_pycollect_makemodule(module_path, parent):
    # As the plugins of launch do: every test file is imported by its bare name, from its own folder.
    if module_path.name.startswith('test_'):
        sys.path.insert(0, str(module_path.parent))
        module = importlib.import_module(module_path.stem)
        if module.__file__ != str(module_path):
            raise ImportError(f'{module_path.stem} is {module.__file__}, not {module_path}')
"""


@pytest.mark.parametrize('plugin', ['launch_testing', 'launch_ros', 'launch_pytest'])
def test_the_tests_are_collected_beside_the_plugins_of_launch(tmp_path, plugin):
    """What colcon test does on a machine with ROS; a plugin that takes part must fail, or this shows nothing."""
    (tmp_path / 'intruder.py').write_text(PLUGIN)
    metadata = tmp_path / 'intruder-1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text('Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n')
    (metadata / 'entry_points.txt').write_text(f'[pytest11]\n{plugin} = intruder\n')
    project = tmp_path / 'project'
    for folder in ('a', 'b'):
        (project / folder).mkdir(parents=True)
        (project / folder / 'test_same.py').write_text('def test_it():\n    pass\n')
    shutil.copy(ROOT / 'pyproject.toml', project)
    environment = {**os.environ, 'PYTHONPATH': str(tmp_path)}

    def collect(*options):
        command = [sys.executable, '-m', 'pytest', '--collect-only', '-q', *options, 'a', 'b']
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    collected = collect()
    assert collected.returncode == 0, collected.stdout
    assert collect('-o', 'addopts=--import-mode=importlib').returncode != 0


@pytest.mark.parametrize('name', PYTHON_PACKAGES)
def test_without_an_optional_package_its_tests_are_skipped_with_the_way_to_get_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(pytest.skip.Exception, match=f'{name} is not installed: pip install'):
        need_package(name)


def test_without_a_browser_the_tests_of_the_page_are_skipped_with_the_way_to_get_one(monkeypatch):
    monkeypatch.setenv('PATH', '/nowhere')
    with pytest.raises(pytest.skip.Exception, match='sudo apt install chromium'), opened('http://127.0.0.1:1'):
        pass


def test_one_version_everywhere():
    version = setup_cfg()['metadata']['version']
    assert ElementTree.parse(ROOT / 'package.xml').getroot().findtext('version') == version
    assert yaml.safe_load((ROOT / 'CITATION.cff').read_text())['version'] == version
    assert re.search(r'^(\d+\.\d+\.\d+) \(', (ROOT / 'CHANGELOG.rst').read_text(), re.M)[1] == version


def test_rooms_import_downwards_only():
    result = lint_imports()
    assert result.returncode == 0, result.stdout


def test_every_room_has_its_layer():
    layers = set(re.findall(r'chromm_ros\.(\w+)', (ROOT / '.importlinter').read_text()))
    rooms = {file.parent.name for file in (ROOT / 'chromm_ros').glob('*/__init__.py')}
    assert rooms <= layers


def test_make_passes_every_option_to_the_demo():
    given = {
        'DURATION': '40',
        'SEED': '7',
        'CAMERAS': '3',
        'PEOPLE': '2',
        'SCRIPT': 'walks',
        'EXTRINSICS': 'tf',
        'PORT': '8091',
        'REPORT': 'report.json',
        'HEADLESS': '1',
    }
    command = make_dry_run('demo', **given)
    words = next(line for line in command.splitlines() if 'chromm demo' in line).split()
    assert {word for word in words if word.startswith('--')} == {f'--{name.lower()}' for name in given}
    assert [words[words.index(f'--{name.lower()}') + 1] for name in ('DURATION', 'REPORT')] == ['40', 'report.json']
    assert '--headless' not in make_dry_run('demo', HEADLESS='0')
    assert '--' not in make_dry_run('demo')


@pytest.mark.parametrize('target', ['demo', 'test', 'lint', 'bench', 'check-builds'])
def test_every_target_prepares_the_environment_first_and_is_explained(target):
    assert 'tools/prepare.py' in make_dry_run(target).splitlines()[0]
    assert (
        f'make {target} '
        in subprocess.run(['make', '-s', 'help'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )


def test_benchmarks_are_commands():
    from chromm_ros.cli import COMMANDS

    lines = [line for line in make_dry_run('bench').splitlines() if '/chromm ' in line]
    assert lines
    assert {line.partition('/chromm ')[2] for line in lines} <= {command.words for command in COMMANDS}


def make_dry_run(target: str, **variables: str) -> str:
    make = need_program('make', advice='sudo apt install make')
    # inside of make test, make would say which folder it enters
    words = [make, '--no-print-directory', '-n', target, *(f'{name}={value}' for name, value in variables.items())]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
