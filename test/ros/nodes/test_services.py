"""Requests from the network are checked: nothing is written elsewhere, no unknown camera is used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standins import cloud, human

from chromm_ros.ros.nodes.services import checked_path, checked_views, with_people

CAMERAS = ('a', 'b', 'c')


def test_views_come_back_in_the_order_of_the_rig():
    assert checked_views(['c', 'a'], CAMERAS) == ('a', 'c')
    assert checked_views([], CAMERAS) == CAMERAS


def test_unknown_view_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match='a, b, c'):
        checked_views(['a', 'x'], CAMERAS)


def test_file_inside_the_directory_is_accepted(tmp_path):
    assert checked_path('room.ply', str(tmp_path)) == tmp_path / 'room.ply'
    (tmp_path / 'today').mkdir()
    assert checked_path('today/room.ply', str(tmp_path)) == tmp_path / 'today' / 'room.ply'
    assert checked_path(str(tmp_path / 'room.ply'), str(tmp_path)) == tmp_path / 'room.ply'


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('../room.ply', 'leads out'),
        ('/etc/room.ply', 'leads out'),
        ('a/../../room.ply', 'leads out'),
        ('room.txt', 'end in .ply'),
        ('', 'file name'),
        ('x' * 300 + '.ply', 'file name'),
        ('room\0.ply', 'file name'),
        ('missing/room.ply', 'does not exist'),
    ],
)
def test_anything_else_is_refused(tmp_path, path, text):
    with pytest.raises(ValueError, match=text):
        checked_path(path, str(tmp_path))


def test_links_do_not_lead_out(tmp_path):
    outside = tmp_path / 'outside'
    inside = tmp_path / 'inside'
    outside.mkdir()
    inside.mkdir()
    (inside / 'door').symlink_to(outside)
    with pytest.raises(ValueError, match='leads out'):
        checked_path('door/room.ply', str(inside))


def test_without_a_directory_nothing_is_written():
    with pytest.raises(ValueError, match='save_directory'):
        checked_path('room.ply', '')


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_leads_out_of_the_directory(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp()
    try:
        path = checked_path(text, str(root))
    except ValueError:
        return
    assert path.is_relative_to(root.resolve())


def test_people_are_added_to_the_scene_in_their_colours():
    vertices = np.zeros((2, 5, 3))
    both = with_people(cloud(3), [human(1, 0), human(2, 0)], vertices)
    assert both.points.shape == (13, 3)
    assert both.colors.shape == (13, 3)
    assert (both.colors[3] != both.colors[8]).any()
    assert with_people(cloud(3), [], np.zeros((0, 5, 3))).points.shape == (3, 3)
