"""tools/convert_open_weights.py: what it writes is the file of the package, to the byte."""

import hashlib
import importlib
import json
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import load_file

from chromm_ros.network.files.weight_file import packaged

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def test_the_numbers_and_plans_of_the_shipped_file_give_the_shipped_file(monkeypatch, tmp_path):
    """Not that they are the published ones: reading those needs their packages, see the tool."""
    monkeypatch.syspath_prepend(str(TOOLS))
    convert = importlib.import_module('convert_open_weights')
    shipped = packaged('open')
    tensors = load_file(shipped)
    with safe_open(shipped, 'numpy') as file:
        card = file.metadata()
    networks = {}
    for name in ('finder', 'landmarks'):
        own = {key.removeprefix(f'{name}.'): array for key, array in tensors.items() if key.startswith(f'{name}.')}
        networks[name] = json.loads(card[f'{name}.plan']), own
    convert.write(tmp_path / 'again', networks)
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (shipped, tmp_path / 'again')]
    assert sums[0] == sums[1]
