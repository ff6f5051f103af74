"""The networks answer what the original interpreters answer, and a graph computes what it says."""

from pathlib import Path

import numpy as np
import pytest
import torch

from chromm_ros.network.open.finder import find
from chromm_ros.network.open.graph import ConvolutionGraph

REFERENCE = Path(__file__).with_name('reference.npz')
COCO_SCORE = 55


def as_batch(image):
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope='module')
def reference():
    return dict(np.load(REFERENCE))


def test_landmarks_are_those_of_tflite(network, crop, reference):
    with torch.inference_mode():
        points, presence, metres = network.landmarks(as_batch(crop))
    np.testing.assert_allclose(points[0], reference['landmarks'], atol=5e-3)  # of 256 px, logits up to 20
    np.testing.assert_allclose(presence[0], reference['presence'], atol=1e-4)
    np.testing.assert_allclose(metres[0], reference['metres'], atol=1e-4)


def test_people_are_those_of_tensorflow_js(network, crop, reference):
    with torch.inference_mode():
        _, keypoints = find(network.finder, as_batch(crop), most=6, least=0.0)
    wanted = reference['people'][:, : 3 * 17].reshape(6, 17, 3)[..., [1, 0, 2]] * (256, 256, 1)
    wanted = wanted[reference['people'][:, COCO_SCORE] > 0.15]
    assert len(wanted) == 2
    np.testing.assert_allclose(keypoints[0, : len(wanted), :, :2], wanted[..., :2], atol=0.05)
    # The original gives a keypoint the score of whoever responds most at its place: where people overlap, another's.
    excess = wanted[..., 2] - keypoints[0, : len(wanted), :, 2].numpy()
    assert excess.min() > -1e-3
    assert (excess < 1e-3).mean() > 0.9


def test_a_batch_is_its_images_one_by_one(network, crop):
    images = torch.cat([as_batch(crop), as_batch(np.ascontiguousarray(crop[:, ::-1]))])
    with torch.inference_mode():
        together = network.landmarks(images)
        apart = [network.landmarks(image[None]) for image in images]
    for n, output in enumerate(together):
        torch.testing.assert_close(output, torch.cat([one[n] for one in apart]), atol=1e-3, rtol=1e-4)


def convolution(**changes):
    return {'kind': 'convolve', 'inputs': [0], 'output': 1, 'same': True, **changes}


@pytest.mark.parametrize(('height', 'width', 'stride'), [(8, 8, 2), (7, 5, 2), (9, 6, 1), (1, 1, 2)])
def test_same_padding_gives_the_size_over_the_stride(height, width, stride):
    weights = {'1.weight': torch.ones(4, 3, 3, 3), '1.bias': torch.zeros(4)}
    plan = {'operations': [convolution(stride=stride)], 'outputs': [1], 'size': [height, width]}
    (out,) = ConvolutionGraph(plan, weights)(torch.ones(1, 3, height, width))
    assert out.shape == (1, -(-height // stride), -(-width // stride), 4)


def test_the_odd_pixel_of_padding_is_at_the_end():
    weights = {'1.weight': torch.tensor([1.0, 10, 100]).expand(1, 3, 3, 3) / 9, '1.bias': torch.zeros(1)}
    plan = {'operations': [convolution(stride=2)], 'outputs': [1], 'size': [4, 4]}
    (out,) = ConvolutionGraph(plan, weights)(torch.ones(1, 3, 4, 4))
    assert out[0, 0, :, 0].tolist() == pytest.approx([111, 11])  # columns 0 to 2, then 2, 3 and one beyond


def test_what_no_wanted_output_needs_is_not_computed():
    operations = [
        {'kind': 'sigmoid', 'inputs': [0], 'output': 1},
        {'kind': 'double', 'inputs': [1], 'output': 2},
        {'kind': 'add', 'inputs': [0, 0], 'output': 3},
    ]
    graph = ConvolutionGraph({'operations': operations, 'outputs': [2, 3], 'size': [4, 4]}, {}, outputs=[1])
    assert [operation.kind for operation in graph.operations] == ['add']


def test_an_unknown_operation_is_refused():
    plan = {'operations': [{'kind': 'import_os', 'inputs': [0], 'output': 1}], 'outputs': [1], 'size': [4, 4]}
    with pytest.raises(ValueError, match="asks for 'import_os'"):
        ConvolutionGraph(plan, {})
