import socket
from dataclasses import replace

import numpy as np
import pytest
import torch
from page_views import BODY, STILL, person, view

from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.server import check_port, free_port
from chromm_ros.viewing.skin import Skin
from chromm_ros.viewing.view import Notice


@pytest.fixture
def page():
    made = Page(port=free_port())
    yield made
    made.close()


def test_the_skin_of_posed_joints_is_that_of_the_body():
    root = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    root = root * torch.linalg.det(root)
    betas = torch.linspace(-1, 1, 10)
    expected = BODY.vertices(betas, STILL, root).numpy()
    found = Skin().vertices(
        BODY.joints(betas, STILL, root).numpy()[None],
        BODY.joint_rotations(STILL, root).numpy()[None],
        betas.numpy()[None],
    )
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_people_move_in_place_and_those_who_left_are_hidden(page):
    page.show(view(0.0, person(1), person(2)))
    mesh, other = (page.people._shown[identity].mesh for identity in (1, 2))
    page.show(view(0.2, person(1, x=2.0)))
    assert page.people._shown[1].mesh is mesh
    assert mesh.position[0] == pytest.approx(2.0, abs=0.1)
    assert not other.visible
    page.show(view(0.4, person(2)))
    assert page.people._shown[2].mesh is other
    assert other.visible
    assert not mesh.visible


def test_who_is_only_predicted_fades(page):
    opacities = []
    for step, (state, confidence) in enumerate((('tracked', 0.9), ('predicted', 0.9), ('predicted', 0.3))):
        page.show(view(0.2 * step, replace(person(1, state=state), confidence=confidence)))
        opacities.append(page.people._shown[1].mesh.opacity)
    assert opacities[0] in (None, 1.0)  # None: opaque
    assert 1.0 > opacities[1] > opacities[2] > 0


def test_a_newcomer_takes_the_nodes_of_who_left_in_a_colour_of_their_own(page):
    page.show(view(0.0, person(1)))
    mesh = page.people._shown[1].mesh
    page.show(view(0.2, person(7)))
    figure = page.people._shown[7]
    assert figure.mesh is mesh
    assert tuple(mesh.color) == identity_color(7)
    assert tuple(figure.trail.colors) == identity_color(7)
    assert figure.label.text == 'person 7'
    assert figure.owner == 7  # of whom a click tells


def test_what_the_server_keeps_stays_the_same_however_many_people_come_and_go(page):
    sizes = []
    for identity in range(60):
        page.show(view(0.1 * identity, person(identity), person(identity + 1)))
        sizes.append(len(page.server._websock_server._broadcast_buffer.message_from_id))
    assert sizes[-1] == sizes[5]


def test_looking_back_shows_the_past_and_live_returns_to_the_present(page):
    for step in range(11):
        page.show(view(step, person(1, x=step)))
    page.panel._ago.value = 4.0
    assert not page.panel._live.value
    assert page.people._shown[1].mesh.position[0] == pytest.approx(6.0, abs=0.1)
    page.panel._live.value = True
    assert page.people._shown[1].mesh.position[0] == pytest.approx(10.0, abs=0.1)


def test_switches_hide_what_they_name(page):
    page.show(view(0.0, person(1)))
    page.panel.switch('meshes', False)
    page.panel.switch('skeletons', True)
    handles = page.people._shown[1]
    assert (handles.mesh.visible, handles.skeleton.visible) == (False, True)


def test_a_camera_without_a_pose_is_not_drawn(page):
    page.show(view(0.0))
    assert page.stage._frusta['left'].visible
    lost = view(1.0)
    page.show(replace(lost, cameras=(replace(lost.cameras[0], world_from_camera=None),)))
    assert not page.stage._frusta['left'].visible


def test_a_taken_port_is_refused():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        with pytest.raises(OSError, match='is in use'):
            check_port('127.0.0.1', taken.getsockname()[1])


def test_in_silence_people_fade_and_are_gone():
    now = [0.0]
    page = Page(port=free_port(), clock=lambda: now[0])
    try:
        for step in range(5):
            now[0] = 0.5 * step
            page.heard(0.1)
            page.show(view(now[0], person(1)))
        figure = page.people._shown[1]
        shown = []
        for silence in (0.5, 4.0, 8.0, 20.0):
            now[0] = 2.0 + silence
            page.tell(Notice('error', 'no window'))
            shown.append((figure.mesh.visible, figure.mesh.opacity))
        visible, opacities = zip(*shown)
        assert visible == (True, True, True, False)
        assert opacities[1] > opacities[2]
        page.heard(0.1)
        page.show(view(22.0, person(1)))
        assert (figure.mesh.visible, figure.mesh.opacity) == (True, 1.0)
    finally:
        page.close()


def test_a_selected_person_is_lifted_out_and_let_go(page):
    page.show(view(0.0, person(1), person(2, x=2.0)))
    page.select(1)
    assert page.people._ring.visible
    assert page.people._shown[2].mesh.opacity < 1.0 == page.people._shown[1].opacity
    page.select(1)
    assert not page.people._ring.visible
    assert page.people._shown[2].mesh.opacity == 1.0
    page._on_request({'select': 2})
    assert page.people._shown[1].opacity < 1.0
    page._on_request({'select': 'drop table'})
    page._on_request({})
    assert page.people._shown[1].opacity < 1.0
