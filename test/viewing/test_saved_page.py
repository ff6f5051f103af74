"""A minute saved with one click, opened from the disk in a browser without a network."""

from dataclasses import replace

import numpy as np
import pytest
from browser import FLAGS, PATIENCE, count_hue, hide_notes, part_picture, scene_picture
from optional import need_package, need_program
from page_views import person, view

from chromm_ros.flow import Cloud
from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.server import free_port
from chromm_ros.viewing.thumbnails import thumbnail

IDS = (1, 2)
ABOVE = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4.0], [0, 0, 0, 1]])
LENS = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])


def moment(step):
    """The people and what a camera over them sees."""
    seen = view(0.2 * step, *(person(identity, x=1.5 * place) for place, identity in enumerate(IDS)))
    jpeg = thumbnail(np.full((120, 160, 3), 200, np.uint8), 160)
    camera = replace(seen.cameras[0], jpeg=jpeg, size=(160, 120), world_from_camera=ABOVE, intrinsics=LENS)
    return replace(seen, cameras=(camera,))


@pytest.fixture
def page():
    made = Page(port=free_port(), settings={'capture': '/chromm'})
    floor = np.random.default_rng(0).uniform((-2, -2, 0), (2, 2, 0.01), (5000, 3)).astype(np.float32)
    made.show_scene(Cloud(floor, np.full((5000, 3), 90, np.uint8), np.ones(5000, np.float32)))
    for step in range(30):
        made.heard(0.1)
        made.show(moment(step))
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.serial
def test_one_click_saves_a_page_that_plays_from_the_disk(page, tmp_path):
    need_package('playwright')
    executable = need_program('chromium', 'google-chrome', advice='sudo apt install chromium')
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=FLAGS)
        try:
            context = browser.new_context(viewport={'width': 720, 'height': 440}, accept_downloads=True)
            context.set_default_timeout(PATIENCE)
            live = context.new_page()
            live.goto(f'http://127.0.0.1:{page.server.get_port()}')
            with live.expect_download() as download:
                live.click('text=Save this minute as HTML')
            download.value.save_as(tmp_path / 'saved.html')
            live.close()
            context.set_offline(True)
            saved = context.new_page()
            asked = []
            saved.on('request', lambda request: asked.append(request.url))
            saved.goto((tmp_path / 'saved.html').as_uri())
            saved.wait_for_selector('#chromm .person[data-id="2"]')
            check(saved)
            assert not [url for url in asked if url.startswith(('http', 'ws'))]
        finally:
            browser.close()


def check(saved):
    hide_notes(saved)
    assert saved.title().startswith('chromm at 0.0 s')
    assert 'capture: /chromm' in saved.text_content('#chromm .about')
    assert saved.evaluate('document.querySelector("#chromm .banner").hidden')
    first = float(saved.get_attribute('[role="slider"]', 'aria-valuenow'))
    saved.wait_for_function(
        f'Number(document.querySelector(\'[role="slider"]\').getAttribute("aria-valuenow")) !== {first}'
    )
    saved.wait_for_function('document.querySelector("#chromm .strip img").naturalWidth === 150')
    pictures = {part: part_picture(saved, f'#chromm {part}') for part in ('.map', '.strip figure')}
    pictures['scene'] = scene_picture(saved)
    for part, pixels in pictures.items():
        for identity in IDS:
            assert count_hue(pixels, identity_color(identity)) > 20, (part, identity)
    saved.click('#chromm .person[data-id="2"]')
    assert saved.get_attribute('#chromm .person.chosen', 'data-id') == '2'
