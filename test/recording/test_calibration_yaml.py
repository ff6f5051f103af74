"""The YAML of Kalibr and of ROS as people have it."""

import numpy as np
import pytest
import yaml

from chromm_ros.recording.calibration_formats import read_cameras


def test_a_chain_of_many_cameras_is_followed_in_its_order(tmp_path):
    camera = {'camera_model': 'pinhole', 'distortion_model': 'none', 'intrinsics': [600, 600, 320, 240]}
    step = [[1, 0, 0, -0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    chain = {f'cam{k}': {**camera, **({'T_cn_cnm1': step} if k else {})} for k in range(12)}
    (tmp_path / 'chain.yaml').write_text(yaml.safe_dump(chain))
    places = [camera.world_from_camera[0, 3] for camera in read_cameras(tmp_path / 'chain.yaml').values()]
    np.testing.assert_allclose(places, 0.1 * np.arange(12))


ECHOED = """header:
  frame_id: front_optical
height: 480
width: 640
distortion_model: {model}
d: {d}
k: [600.0, 0.0, 320.0, 0.0, 600.0, 240.0, 0.0, 0.0, 1.0]
---
"""


@pytest.mark.parametrize(
    ('model', 'd', 'expected'),
    [
        ('plumb_bob', [-0.1, 0, 0, 0, 0], ('plumb_bob', 5)),
        ('radtan', [-0.1, 0.01, 0], ('plumb_bob', 4)),
        ('fisheye', [-0.1, 0.01, 0, 0.1], ('equidistant', 4)),
        ('equidistant', [-0.1, 0.01, 0, 0.1, 0], ('equidistant', 4)),
        ('rational_polynomial', [1.0, 2, 0, 0, 3, 4, 5, 6], ('rational_polynomial', 8)),
        ('""', [-0.1, 0, 0, 0, 0], ('plumb_bob', 5)),
    ],
)
def test_a_camera_info_that_was_echoed_is_read(tmp_path, model, d, expected):
    (tmp_path / 'front.yaml').write_text(ECHOED.format(model=model, d=d))
    lens = read_cameras(tmp_path / 'front.yaml')['front'].lens()
    assert (lens.model, len(lens.distortion)) == expected
    assert lens.size == (640, 480)
