"""What the panel of the page says in words and numbers."""

from __future__ import annotations

import io

import numpy as np

from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.view import CameraView, PersonView, WorldView


def people_line(view: WorldView) -> str:
    """How many are seen now, and how many more are drawn."""
    seen = sum(person.state == 'tracked' for person in view.people)
    more = len(view.people) - seen
    return f'{seen} people' + (f' (+{more} unseen)' if more else '')


def camera_table(cameras: tuple[CameraView, ...]) -> str:
    """Health of the cameras, as markdown."""
    out = io.StringIO()
    out.write('| camera | state | Hz |\n|---|---|---|\n')
    for camera in cameras:
        out.write(f'| {camera.name} | {camera.state} | {camera.rate:.1f} |\n')
    return out.getvalue()


def person_table(person: PersonView) -> str:
    """The numbers of one person, as markdown."""
    color = '#{:02x}{:02x}{:02x}'.format(*identity_color(person.id))
    x, y, z = person.joints[0]
    speed = float(np.linalg.norm(person.velocity))
    rows = (
        ('state', f'{person.state}, confidence {person.confidence:.2f}'),
        ('pelvis', f'{x:.2f}, {y:.2f}, {z:.2f} m'),
        ('speed', f'{speed:.2f} m/s'),
        ('height', f'{person.height:.2f} m'),
        ('seen by', ', '.join(person.cameras) or 'nobody'),
    )
    head = f'<span style="color:{color}">**person {person.id}**</span>\n\n| | |\n|---|---|\n'
    return head + '\n'.join(f'| {name} | {value} |' for name, value in rows)
