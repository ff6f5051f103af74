"""Fixtures of the Pi3X reference. ``fixtures/README.md`` says where the numbers come from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from weight_rule import drawn

from chromm_ros.network.scene.network import SceneNetwork

PI3X = Path(__file__).parent / 'fixtures' / 'pi3x'


class TinyModules:
    """Small modules of the reference with weights by rule: inputs and outputs by name."""

    def __init__(self):
        self.arrays = dict(np.load(PI3X / 'modules_tiny.npz'))
        self.shapes = json.loads((PI3X / 'modules_tiny_shapes.json').read_text())

    def __getitem__(self, name):
        return torch.from_numpy(self.arrays[name])

    def fill(self, module, name):
        """Give ``module`` the weights of the reference's module ``name``; the names have to fit exactly."""
        prefix = f'tiny.{name}.'
        state = {
            key.removeprefix(prefix): drawn(key, shape, matrix=0.2, vector=0.1)
            for key, shape in self.shapes.items()
            if key.startswith(prefix)
        }
        module.load_state_dict(state)
        return module.eval()


@pytest.fixture(scope='session')
def tiny_modules():
    return TinyModules()


@pytest.fixture(scope='session')
def public_shapes():
    """Key -> shape of all 1873 entries of the public weights."""
    return json.loads((PI3X / 'state_dict_shapes.json').read_text())


@pytest.fixture(scope='session')
def public_scene(public_shapes):
    """The full scene network with weights by rule (5.2 GB: the module takes the tensors over)."""
    scene = SceneNetwork.full(device='meta')
    constants = ('image_mean', 'image_std')
    scene.load_public({key: drawn(key, shape) for key, shape in public_shapes.items() if key not in constants})
    return scene.eval()


@pytest.fixture
def parity():
    """Outputs and activations of a reference run by the name of its file."""
    return lambda case: {k: torch.from_numpy(v) for k, v in np.load(PI3X / f'parity_{case}.npz').items()}


@pytest.fixture
def parity_images():
    """(1, 4, 3, 70, 98): two cameras at two times."""
    return torch.rand((1, 4, 3, 70, 98), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def parity_depths():
    """(1, 4, 70, 98) with some unknown pixels."""
    values = 0.5 + 4 * torch.rand((1, 4, 70, 98), generator=torch.Generator().manual_seed(1))
    return torch.where(values > 4.2, 0.0, values)


@pytest.fixture
def tiny_scene():
    torch.manual_seed(0)
    return SceneNetwork.tiny().eval()


class MultiHmrReference:
    """Arrays of the Multi-HMR and Human3R references, and the weights of the forward pass by rule."""

    FOLDER = Path(__file__).parent / 'fixtures' / 'multi_hmr'
    PIXELS = 140
    """Side of the images of the forward pass."""

    def arrays(self, name):
        with np.load(self.FOLDER / f'{name}.npz') as data:
            return {key: torch.from_numpy(data[key]) for key in data if data[key].dtype.kind != 'U'}

    def state_dict(self):
        """All 405 entries of the public checkpoint, for images of 140 px (1.3 GB)."""
        shapes = json.loads((self.FOLDER / 'state_dict_shapes.json').read_text())
        forward = self.arrays('mhmr_forward_140')
        hands = torch.tensor((1.0, 0.0, 0.0, 1.0, 0.0, 0.0)).repeat(29)
        buffers = {
            'body_pose': torch.cat([forward['mean_pose'], hands])[None],
            'betas': forward['mean_shape'][None],
            'betas_kid': torch.zeros(1, 11),
            'cam': forward['mean_cam'][None],
            'expression': torch.zeros(1, 10),
        }
        state = {f'x_attention_head.init_{name}': value for name, value in buffers.items()}
        for key, shape in shapes.items():
            if key not in state:
                side = [self.PIXELS // 14] if 'x_attention_head.cross_' in key else shape[:1]
                state[key] = drawn(key, [*side, *shape[1:]])
        return state


@pytest.fixture(scope='session')
def multi_hmr():
    return MultiHmrReference()
