import numpy as np
import pytest
import trimesh

from chromm_ros.flow import Cloud
from chromm_ros.recording.ply import read_ply, write_ply


def cloud(count):
    rng = np.random.default_rng(0)
    return Cloud(
        rng.normal(size=(count, 3)).astype(np.float32),
        rng.integers(0, 256, (count, 3)).astype(np.uint8),
        rng.random(count).astype(np.float32),
    )


@pytest.mark.parametrize('count', [0, 1, 1000])
def test_a_cloud_comes_back_exactly(tmp_path, count):
    before = cloud(count)
    write_ply(tmp_path / 'scene.ply', before)
    after = read_ply(tmp_path / 'scene.ply')
    np.testing.assert_array_equal(after.points, before.points)
    np.testing.assert_array_equal(after.colors, before.colors)
    np.testing.assert_array_equal(after.confidence, before.confidence)


def test_another_library_reads_points_and_colors(tmp_path):
    before = cloud(50)
    write_ply(tmp_path / 'scene.ply', before)
    other = trimesh.load(tmp_path / 'scene.ply')
    np.testing.assert_allclose(other.vertices, before.points)
    np.testing.assert_array_equal(other.colors[:, :3], before.colors)


def test_a_cut_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / 'scene.ply'
    write_ply(path, cloud(10))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match='cut short'):
        read_ply(path)
    path.write_bytes(b'\x00\x01\x02')
    with pytest.raises(ValueError, match='not a point cloud'):
        read_ply(path)
