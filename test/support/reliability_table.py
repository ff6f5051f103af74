"""The table of docs/reliability.md: faults, and what the tests that inject them observed.

With CHROMM_RELIABILITY=1 in the environment every test writes its row; without, the document is only read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / 'docs' / 'reliability.md'
BEGIN = '<!-- observed: written by the tests, see test/support/reliability_table.py -->'
END = '<!-- end of observed -->'
FAULTS = {
    'camera_stops': 'A camera stops, and comes back',
    'cameras_off': 'Each camera in turn is off for 5 s while a person walks',
    'camera_never_came': 'A camera sends nothing from the start',
    'resolution': 'A camera changes its resolution',
    'truncated': 'Images with too little data',
    'wrong_step': 'Images with a wrong row step',
    'unknown_encoding': 'Images of an unknown encoding',
    'zero_size': 'Images of zero size',
    'future': 'A camera stamps its images an hour ahead',
    'past': 'A camera stamps its images an hour late',
    'loop': 'Time goes back (a bag loops)',
    'bad_info': 'CameraInfo with NaN, and with zero focal length',
    'tf_missing': 'TF does not know a camera',
    'tf_late': 'TF arrives too late for the image',
    'tf_contradicting': 'Two nodes give a camera different parents',
    'bad_qos': 'A subscriber with an incompatible quality of service',
    'parameters': 'Parameters out of range, unknown, or fixed, at run time',
    'services': 'Services called with nonsense',
    'no_people': 'Nobody is there',
    'many_people': '20 people',
    'window_error': 'The network raises an error',
    'gpu_lost': 'The GPU is lost',
    'killed': 'The node is killed and restarted',
    'activations': 'Activated and deactivated 1 000 times',
    'for_ever': '30 minutes of images, as fast as they go',
    'start_parameters': 'Started with an unknown or impossible parameter',
}


def record(fault: str, behaviour: str) -> None:
    """Write what was observed of a fault (a key of FAULTS) into its row."""
    if not os.environ.get('CHROMM_RELIABILITY'):
        return
    rows = {**observed(), FAULTS[fault]: behaviour.replace('|', '/').replace('\n', ' ')}
    table = [f'| {name} | {rows[name]} |' for name in FAULTS.values() if name in rows]
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    block = '\n'.join([BEGIN, '', '| fault | observed |', '|---|---|', *table, '', END])
    DOCUMENT.write_text(before + block + rest.partition(END)[2])


def observed() -> dict[str, str]:
    """The rows of the document: fault in words -> behaviour."""
    block = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r'^\| (.+?) \| (.+) \|$', block, re.MULTILINE)
    return {fault: behaviour for fault, behaviour in rows if fault != 'fault'}
