"""The renderer's inner loops for the CPU, compiled by numba. ``raster_torch`` computes the same pictures.

Three passes: :func:`trace_room` (static; once per camera pose), :func:`draw_people` over a copy of it, and
:func:`expose` to 8 bits. Colours are linear RGB; the layouts of the arrays are those of ``rooms`` and ``people``.
"""

from __future__ import annotations

import math

import numpy as np

from chromm_ros.synthetic.raster_noise import bell, kernel, unit, value_noise

LOOKUP = 2047 / 1.5
"""Entries of the gamma table per unit of linear colour."""

SHOES, ARMPITS, COLLAR, NECK = -0.86, 0.2, 0.57, 0.09
"""Where garments end in the rest pose, from the pelvis [m]: heights, and half the width of the neck."""


@kernel
def _odd(x):
    return np.float64(np.int64(math.floor(x)) & 1)


@kernel
def _paint(u, v, surface, color):
    """Colour of a surface at (u, v) metres: noise, checks, stripes, planks or bricks, and posters here and there."""
    seed = np.int64(surface[8])
    us, vs = u / surface[7], v / surface[7]
    noise = value_noise(us * 2.3, vs * 2.3, seed)
    kind = int(surface[6])
    if kind == 0:
        mix = noise
    elif kind == 1:
        mix = np.float64(_odd(us) != _odd(vs))
    elif kind == 2:
        mix = _odd(us * 2)
    elif kind == 3:
        column = math.floor(us * 2)
        mix = unit(column, math.floor(vs * 0.6 + unit(column, 0, seed)), seed)
    else:
        mix = unit(math.floor(us * 1.5 + 0.5 * _odd(vs * 3)), math.floor(vs * 3), seed)
    mix = 0.8 * mix + 0.2 * noise
    for c in range(3):
        color[c] = surface[c] * (1 - mix) + surface[3 + c] * mix
    cell_u, cell_v = math.floor(u / 0.8), math.floor(v / 0.8)
    in_u, in_v = u / 0.8 - cell_u, v / 0.8 - cell_v
    if 0.18 < in_u < 0.82 and 0.15 < in_v < 0.85 and unit(cell_u, cell_v, seed + 53) > 0.72:
        shade = 0.55 + 0.45 * unit(math.floor(in_u * 5), math.floor(in_v * 5), seed + 3 * cell_u + cell_v)
        for c in range(3):
            color[c] = unit(cell_u, cell_v, seed + 113 + 34 * c) * shade


@kernel
def _hit_box(origin, ray, box, cos, sin):
    """Distance along the ray to a turned box and the axis of the face it enters; (1e9, 0): none."""
    ox, oy = origin[0] - box[0], origin[1] - box[1]
    near, far, axis = -1e9, 1e9, 0
    for i in range(3):
        if i == 0:
            o, d, low, high = cos * ox + sin * oy, cos * ray[0] + sin * ray[1], -box[2], box[2]
        elif i == 1:
            o, d, low, high = -sin * ox + cos * oy, -sin * ray[0] + cos * ray[1], -box[3], box[3]
        else:
            o, d, low, high = origin[2], ray[2], box[4], box[5]
        if abs(d) < 1e-6:
            d = 1e-6
        a, b = (low - o) / d, (high - o) / d
        if a > b:
            a, b = b, a
        if a > near:
            near, axis = a, i
        far = min(far, b)
    if near < far and near > 0.05:
        return near, axis
    return 1e9, 0


@kernel
def _hit_walls(origin, ray, half):
    """Distance to the shell of the room, the axis of the side that is hit and its surface number."""
    best, axis = 1e9, 0
    for i in range(3):
        d = ray[i] if abs(ray[i]) >= 1e-6 else 1e-6
        limit = half[i] if d > 0 else (0.0 if i == 2 else -half[i])
        distance = (limit - origin[i]) / d
        if distance < best:
            best, axis = distance, i
    if axis == 2:
        return best, axis, 1 if ray[2] > 0 else 0
    return best, axis, 2 + 2 * axis + (0 if ray[axis] > 0 else 1)


@kernel
def _screen_bounds(lens, world_from_camera, box, cos, sin, width, height):
    """Columns and rows (x0, x1, y0, y1; ends excluded) outside of which no ray meets the box."""
    x0, x1, y0, y1 = 1e9, -1e9, 1e9, -1e9
    m = world_from_camera
    for corner in range(8):
        a, b = box[2] * (2 * (corner & 1) - 1), box[3] * ((corner & 2) - 1)
        dx, dy = box[0] + cos * a - sin * b - m[0, 3], box[1] + sin * a + cos * b - m[1, 3]
        dz = (box[5] if corner & 4 else box[4]) - m[2, 3]
        z = m[0, 2] * dx + m[1, 2] * dy + m[2, 2] * dz
        if z < 0.1:  # partly behind the camera: its outline is no polygon of the corners
            return 0, width, 0, height
        x = lens[0] * (m[0, 0] * dx + m[1, 0] * dy + m[2, 0] * dz) / z + lens[2]
        y = lens[1] * (m[0, 1] * dx + m[1, 1] * dy + m[2, 1] * dz) / z + lens[3]
        x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
    return (
        int(max(0.0, x0 - 1)), int(min(float(width), max(0.0, x1 + 2))),
        int(max(0.0, y0 - 1)), int(min(float(height), max(0.0, y1 + 2))),
    )  # fmt: skip


@kernel
def trace_room(lens, world_from_camera, half, boxes, surfaces, door, light, color, depth, floor):
    """Ray-trace the empty room.

    Args:
        lens: (4,) fx, fy, cx, cy [px].
        world_from_camera: (4, 4).
        half, boxes, surfaces, door, light: see ``rooms.Room``.
        color: out (H, W, 3); depth: out (H, W) z [m]; floor: out (H, W) 1 where the floor is seen.
    """
    height, width = depth.shape
    origin = world_from_camera[:3, 3].copy()
    ray, point = np.empty(3), np.empty(3)
    cos, sin = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    bounds = np.empty((len(boxes), 4), np.int64)
    for b in range(len(boxes)):
        bounds[b] = _screen_bounds(lens, world_from_camera, boxes[b], cos[b], sin[b], width, height)
    for y in range(height):
        for x in range(width):
            u, v = (x + 0.5 - lens[2]) / lens[0], (y + 0.5 - lens[3]) / lens[1]
            for i in range(3):
                ray[i] = world_from_camera[i, 0] * u + world_from_camera[i, 1] * v + world_from_camera[i, 2]
            best, axis, surface = _hit_walls(origin, ray, half)
            c, s = 1.0, 0.0
            for b in range(len(boxes)):
                if x < bounds[b, 0] or x >= bounds[b, 1] or y < bounds[b, 2] or y >= bounds[b, 3]:
                    continue
                distance, side = _hit_box(origin, ray, boxes[b], cos[b], sin[b])
                if distance < best:
                    best, axis, surface, c, s = distance, side, 6 + b, cos[b], sin[b]
            for i in range(3):
                point[i] = origin[i] + best * ray[i]
            along, across = c * point[0] + s * point[1], -s * point[0] + c * point[1]
            u, v = across if axis == 0 else along, across if axis == 2 else point[2]
            if surface == 2 + int(door[0]) and abs(u - door[1]) < door[2] and point[2] < door[3]:
                color[y, x] = door[4:7]
            else:
                _paint(u, v, surfaces[surface], color[y, x])
            nx = c if axis == 0 else (-s if axis == 1 else 0.0)
            ny = s if axis == 0 else (c if axis == 1 else 0.0)
            nz = 1.0 if axis == 2 else 0.0
            lx, ly, lz = light[0] - point[0], light[1] - point[1], light[2] - point[2]
            square = lx * lx + ly * ly + lz * lz
            facing = abs(nx * lx + ny * ly + nz * lz) / math.sqrt(square)
            shade = light[3] + (1 - light[3]) * 1.6 * facing / (1 + 0.06 * square)
            for i in range(3):
                color[y, x, i] *= shade
            depth[y, x] = best
            floor[y, x] = surface == 0


@kernel
def cast_shadows(lens, world_from_camera, floor, depth, feet, color):
    """Darken the floor in a blob under every person; ``feet`` (K, 2) world [m]."""
    height, width = depth.shape
    r = world_from_camera
    for y in range(height):
        v = (y + 0.5 - lens[3]) / lens[1]
        for x in range(width):
            if floor[y, x]:
                u, z = (x + 0.5 - lens[2]) / lens[0], depth[y, x]
                px = (r[0, 0] * u + r[0, 1] * v + r[0, 2]) * z + r[0, 3]
                py = (r[1, 0] * u + r[1, 1] * v + r[1, 2]) * z + r[1, 3]
                shade = 1.0
                for k in range(len(feet)):
                    square = ((px - feet[k, 0]) ** 2 + (py - feet[k, 1]) ** 2) / 0.09
                    if square < 9:
                        shade *= 1 - 0.45 * math.exp(-square)
                if shade < 1:
                    for i in range(3):
                        color[y, x, i] *= shade


@kernel
def _garment(part, x, y, z, style):
    """Slot of a point of the body: 0 skin, 1 hair, 2 top, 3 pattern on the top, 4 trousers, 5 shoes, 6 eyes."""
    if part == 23 or part == 24:
        return 6
    if part == 15 or part == 22:
        return 1 if y > style[4] or (z < 0.04 and y > style[5]) else 0
    if y < SHOES:
        return 5
    if (abs(x) > style[2] and y > ARMPITS) or (y > COLLAR and abs(x) < NECK):
        return 0
    if y < style[6]:
        return 4 if y > style[3] else 0
    pattern, pitch = int(style[0]), style[1]
    printed = False
    if pattern == 1:
        printed = _odd(y * pitch) > 0.5
    elif pattern == 2:
        printed = _odd(x * pitch) > 0.5
    elif pattern == 3:
        printed = _odd(y * pitch) != _odd(x * pitch)
    elif pattern == 4:
        printed = value_noise(x * pitch * 0.6, y * pitch * 0.6, np.int64(pitch)) > 0.5
    return 3 if printed else 2


@kernel
def dress(vertices, faces, rest, part, style, looseness, normals):
    """Vertex normals of one person, and cloth: move the skin outwards where garments hang loose.

    Args:
        vertices: in and out (N, 3) world [m].
        faces: (F, 3); rest: (N, 3) template, pelvis at the origin; part: (N,) strongest joint.
        style: (7,) see ``people.Looks``; looseness: (7,) metres per colour slot.
        normals: out (N, 3).
    """
    normals[:] = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for n in range(len(vertices)):
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        length = 1 / (math.sqrt(x * x + y * y + z * z) + 1e-12)
        out = looseness[_garment(part[n], rest[n, 0], rest[n, 1], rest[n, 2], style)]
        for i in range(3):
            normals[n, i] *= length
            vertices[n, i] += out * normals[n, i]


@kernel
def draw_people(lens, camera_from_world, faces, rest, part, vertices, normals, colors, styles, light, buffers):
    """Draw K people over a room with a depth test.

    Args:
        vertices, normals: (K, N, 3) world, dressed.
        colors: (K, 7, 3) linear RGB per colour slot; styles: (K, 7).
        buffers: color (H, W, 3), depth (H, W) [m], instance (H, W) uint8, drawn over in place.
    """
    color, depth, instance = buffers
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    m = camera_from_world
    screen = np.empty((vertices.shape[1], 3))
    for k in range(len(vertices)):
        for n in range(len(screen)):
            x, y, z = vertices[k, n, 0], vertices[k, n, 1], vertices[k, n, 2]
            cz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
            screen[n, 0] = fx * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) / cz + cx
            screen[n, 1] = fy * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) / cz + cy
            screen[n, 2] = cz
        for f in range(len(faces)):
            _draw_triangle(
                screen, faces[f], k, vertices[k], normals[k], rest, part, colors[k], styles[k], light,
                color, depth, instance,
            )  # fmt: skip


@kernel
def _draw_triangle(
    screen, face, k, vertices, normals, rest, part, colors, style, light, color, depth, instance
):  # fmt: skip
    ia, ib, ic = face[0], face[1], face[2]
    ax, ay, az = screen[ia, 0], screen[ia, 1], screen[ia, 2]
    bx, by, bz = screen[ib, 0], screen[ib, 1], screen[ib, 2]
    gx, gy, gz = screen[ic, 0], screen[ic, 1], screen[ic, 2]
    if az < 0.15 or bz < 0.15 or gz < 0.15:
        return
    area = (bx - ax) * (gy - ay) - (gx - ax) * (by - ay)
    if area >= 0:  # y runs down, so the front of a triangle turns clockwise
        return
    height, width = depth.shape
    x0, x1 = max(0, math.ceil(min(ax, bx, gx) - 0.5)), min(width - 1, math.floor(max(ax, bx, gx) - 0.5))
    y0, y1 = max(0, math.ceil(min(ay, by, gy) - 0.5)), min(height - 1, math.floor(max(ay, by, gy) - 0.5))
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            px, py = x + 0.5, y + 0.5
            w0 = ((bx - px) * (gy - py) - (gx - px) * (by - py)) / area
            w1 = ((gx - px) * (ay - py) - (ax - px) * (gy - py)) / area
            w2 = 1 - w0 - w1
            if w0 < -1e-4 or w1 < -1e-4 or w2 < -1e-4:
                continue
            z = 1 / (w0 / az + w1 / bz + w2 / gz)
            if z >= depth[y, x]:
                continue
            depth[y, x] = z
            instance[y, x] = k + 1
            nearest = (ia if w0 > w2 else ic) if w0 > w1 else (ib if w1 > w2 else ic)
            w0, w1, w2 = w0 * z / az, w1 * z / bz, w2 * z / gz
            slot = _garment(
                part[nearest],
                w0 * rest[ia, 0] + w1 * rest[ib, 0] + w2 * rest[ic, 0],
                w0 * rest[ia, 1] + w1 * rest[ib, 1] + w2 * rest[ic, 1],
                w0 * rest[ia, 2] + w1 * rest[ib, 2] + w2 * rest[ic, 2],
                style,
            )
            square, facing, length = 0.0, 0.0, 1e-12
            for i in range(3):
                to_light = light[i] - (w0 * vertices[ia, i] + w1 * vertices[ib, i] + w2 * vertices[ic, i])
                normal = w0 * normals[ia, i] + w1 * normals[ib, i] + w2 * normals[ic, i]
                square += to_light * to_light
                facing += to_light * normal
                length += normal * normal
            length = 1 / math.sqrt(length)
            up = (w0 * normals[ia, 2] + w1 * normals[ib, 2] + w2 * normals[ic, 2]) * length
            lit = max(0.0, facing * length / math.sqrt(square))
            shade = light[3] * (0.75 + 0.25 * up) + (1 - light[3]) * 1.7 * lit / (1 + 0.06 * square)
            for i in range(3):
                color[y, x, i] = colors[slot, i] * shade


@kernel
def expose(color, gain, table, noise, seed, image):
    """Linear colour to 8 bits.

    Args:
        color: (H, W, 3); gain: (3,) light colour times exposure.
        table: (2048,) gamma curve over [0, 1.5].
        noise: standard deviation; seed: of the noise.
        image: out (H, W, 3) uint8.
    """
    height, width = color.shape[:2]
    # four bytes of one hash make a bell curve of standard deviation sqrt(4 * (256^2 - 1) / 12)
    spread = noise / math.sqrt((256.0 * 256.0 - 1) / 3)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                index = np.int64(color[y, x, c] * gain[c] * LOOKUP)
                value = table[max(0, min(2047, index))]
                if noise > 0:
                    value += bell(x, 3 * y + c, seed) * spread
                image[y, x, c] = np.uint8(max(0.0, min(1.0, value)) * 255)
