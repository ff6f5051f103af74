from pathlib import Path

import numpy as np
import pytest
import torch

from chromm_ros.network import static_scene

GEOMETRY = Path(__file__).parent / 'fixtures' / 'pi3x' / 'geometry.npz'


@pytest.fixture(scope='module')
def edge():
    """Arrays of the reference without the prefix; the second view has a depth of 0 and a NaN."""
    arrays = np.load(GEOMETRY)
    return {key[5:]: torch.from_numpy(arrays[key]) for key in arrays if key.startswith('edge_')}


def test_depth_edge_equals_the_reference(edge):
    depth, mask = edge['local_points'][..., 2], edge['valid_conf_gt_0.1']
    assert static_scene.depth_edge(depth, relative=0.03).equal(edge['depth_edge_rtol0.03_nomask'])
    assert static_scene.depth_edge(depth, mask, relative=0.03).equal(edge['depth_edge_rtol0.03_mask'])
    assert static_scene.depth_edge(depth, absolute=0.1).equal(edge['depth_edge_atol0.1_nomask'])


@pytest.mark.parametrize('masked', [False, True])
def test_normals_equal_the_reference(edge, masked):
    mask, suffix = (edge['valid_conf_gt_0.1'], '') if masked else (None, '_nomask')
    normal, there = static_scene.normals(edge['local_points'], mask)
    assert there.equal(edge[f'normal_mask{suffix}'])
    expected = edge[f'normals{suffix}']
    torch.testing.assert_close(normal[there], expected[there], rtol=0, atol=1e-5)


def test_normal_edge_equals_the_reference(edge):
    found = static_scene.normal_edge(edge['normals'], edge['normal_mask'])
    assert found.equal(edge['normal_edge_5deg'])


def test_combined_edge_equals_the_reference(edge):
    points, mask = edge['local_points'], edge['valid_conf_gt_0.1']
    assert static_scene.depth_normal_edge(points, mask).equal(edge['depth_normal_edge_default'])
    assert static_scene.depth_normal_edge(points).equal(edge['depth_normal_edge_nomask'])


def test_keep_mask_equals_the_reference(edge):
    confidence = edge['conf_logits'][..., 0].sigmoid()
    assert static_scene.keep_mask(edge['local_points'], confidence).equal(edge['final_keep_mask'])


def plane(slope=0.0):
    """(1, 20, 30, 3) points of a plane in front of the camera."""
    v, u = torch.meshgrid(torch.linspace(-0.4, 0.4, 20), torch.linspace(-0.6, 0.6, 30), indexing='ij')
    z = 3 / (1 - slope * u)
    return torch.stack([u * z, v * z, z], -1)[None]


def test_a_slanted_plane_has_no_edges():
    assert static_scene.keep_mask(plane(slope=0.9)).all()


def test_a_step_between_two_walls_is_dropped_on_both_sides():
    points = plane()
    points[:, :, 15:] *= 1.5
    keep = static_scene.keep_mask(points)
    assert not keep[:, 2:-2, 14:16].any()
    assert keep[:, :, :12].all()
    assert keep[:, :, 18:].all()


def test_people_and_broken_points_are_left_out():
    points, people = plane(), torch.zeros(1, 20, 30, dtype=torch.bool)
    people[:, 5:10, 5:10] = True
    points[0, 0, 0] = torch.nan
    keep = static_scene.keep_mask(points, people=people)
    assert not keep[people].any()
    assert not keep[0, 0, 0]
    assert keep.sum() == 600 - 25 - 1
