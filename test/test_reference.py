import re
import subprocess
import sys
from pathlib import Path

import yaml
from optional import need_package

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
    for page in (*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')):
        for target in re.findall(r'\]\(([^)#]+)', page.read_text()):
            if '://' not in target:
                assert (page.parent / target).exists(), f'{page.name} links to {target}'


def build_site(source, folder, *options):
    need_package('sphinx')
    need_package('myst_parser')
    # The theme is left out: it takes as long as all the rest.
    command = [sys.executable, '-m', 'sphinx', '-t', 'without_api', '-q', '-E', '-D', 'html_theme=basic', *options]
    return subprocess.run([*command, '-b', 'html', source, folder], capture_output=True, text=True, check=False)


def test_every_page_of_the_site_can_be_reached_and_no_link_is_broken(tmp_path):
    built = build_site(ROOT / 'docs', tmp_path / 'site', '-W', '--keep-going')
    assert built.returncode == 0, built.stderr
    assert {page.stem for page in (ROOT / 'docs').glob('*.md')} <= {
        page.stem for page in (tmp_path / 'site').glob('*.html')
    }


def test_a_broken_anchor_fails_the_site(tmp_path):
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'package.xml').write_text((ROOT / 'package.xml').read_text())
    (tmp_path / 'docs' / 'conf.py').write_text((ROOT / 'docs' / 'conf.py').read_text())
    (tmp_path / 'docs' / 'index.md').write_text('# Title\n\n[there](#nowhere)\n')
    assert build_site(tmp_path / 'docs', tmp_path / 'site', '-W').returncode != 0
