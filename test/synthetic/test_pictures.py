"""Contact sheets show every view and time, with the skeletons on the people."""

import cv2
import numpy as np
import pytest

from chromm_ros.synthetic.pictures import PALETTE, contact_sheet, draw_skeletons, write_contact_sheet
from chromm_ros.synthetic.world import World


@pytest.fixture(scope='module')
def frames():
    return World.sample(8, views=2, people=(1, 1), duration=4.0).render(np.array([0.5, 1.0, 1.5]))


def test_a_row_per_time_and_a_column_per_view(frames):
    sheet = contact_sheet(frames, scale=1, skeletons=False)
    assert sheet.shape == (3 * 144, 2 * 192, 3)
    np.testing.assert_array_equal(sheet[144:288, 192:], frames.images[1, 1])


def test_skeletons_lie_on_the_people(frames):
    on_people = total = 0
    for view in range(2):
        camera = np.linalg.inv(frames.world_from_camera[view, 0])
        black = np.zeros_like(frames.images[view, 0])
        drawn = draw_skeletons(black, frames.truth.joints[0], frames.intrinsics[view, 0], camera)
        strokes = (np.abs(drawn.astype(int) - PALETTE[0]) < 60).all(-1)
        total += strokes.sum()
        on_people += (strokes & (frames.instance[view, 0] == 1)).sum()
    assert total > 20
    assert on_people / total > 0.8


def test_a_sheet_is_written(tmp_path):
    path = write_contact_sheet(tmp_path / 'new' / 'sheet.png', worlds=1, times=(0.0,), views=1, scale=1)
    assert cv2.imread(str(path)).shape == (144, 192, 3)
