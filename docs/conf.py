"""The documentation site: make docs. Pages are MyST Markdown; the API pages come from the docstrings."""

from pathlib import Path
from xml.etree import ElementTree

package = ElementTree.parse(Path(__file__).parents[1] / 'package.xml').getroot()

project = 'chromm_ros'
author = 'The chromm_ros authors'
project_copyright = '2026, the chromm_ros authors'
release = version = package.findtext('version', '')

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
    'sphinxcontrib.mermaid',
]
exclude_patterns = ['_build']
if tags.has('without_api'):  # noqa: F821, given by Sphinx. For quick looks and for the tests of the links.
    exclude_patterns += ['api']
else:
    extensions += ['sphinx.ext.apidoc', 'sphinx.ext.viewcode']
suppress_warnings = ['ref.python', 'toc.not_readable'] if tags.has('without_api') else ['ref.python']  # noqa: F821
html_theme = 'furo'
html_title = f'chromm_ros {version}'

myst_heading_anchors = 4
myst_fence_as_directive = ['mermaid']

apidoc_modules = [
    {
        'path': '../chromm_ros',
        'destination': 'api',
        'separate_modules': True,
        'module_first': True,
        'exclude_patterns': ['../chromm_ros/msg', '../chromm_ros/srv'],
    }
]
autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
napoleon_use_ivar = True
