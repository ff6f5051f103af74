import re
import subprocess
import sys
from pathlib import Path

import yaml

from chromm_ros.ros.common.parameters import parameter_leaves
from chromm_ros.ros.common.settings import Parameters

ROOT = Path(__file__).parents[1]


def test_the_files_for_people_say_what_the_code_says():
    check = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'write_reference.py', '--check'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout


def test_the_yaml_holds_every_parameter_with_its_default():
    written = yaml.safe_load((ROOT / 'config' / 'multicam.yaml').read_text())['/**']['ros__parameters']
    for leaf in parameter_leaves(Parameters()):
        value = written
        for part in leaf.name.split('.'):
            value = value[part]
        assert value == (list(leaf.default) if isinstance(leaf.default, tuple) else leaf.default), leaf.name


def test_links_of_the_documentation_lead_somewhere():
    for page in (ROOT / 'README.md', *(ROOT / 'docs').glob('*.md')):
        for target in re.findall(r'\]\(([^)#]+)', page.read_text()):
            if '://' not in target:
                assert (page.parent / target).exists(), f'{page.name} links to {target}'
