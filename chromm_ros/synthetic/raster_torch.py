"""The passes of ``raster_numba`` in torch, for any device: same arguments, same pictures.

Everything is computed in float64 as there, so that the two differ only where rounding decides between neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from chromm_ros.synthetic.raster_numba import ARMPITS, COLLAR, LOOKUP, NECK, SHOES

_LOW32 = 0xFFFFFFFF


def hash32(x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
    """(...) int64 in [0, 2^32) from integers; see ``raster_noise.hash32``."""
    a = ((x * 0x9E3779B1) ^ (y * 0x85EBCA77) ^ (seed * 0xC2B2AE3D)) & _LOW32
    a = a ^ (a >> 15)
    a = (a * 0x2C1B3C6D) & _LOW32
    a = a ^ (a >> 12)
    a = (a * 0x9E3779B1) & _LOW32
    return a ^ (a >> 15)


def _unit(x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
    return (hash32(x.long(), y.long(), seed.long()) >> 8).double() * (1 / 16777216)


def _value_noise(u: Tensor, v: Tensor, seed: Tensor) -> Tensor:
    iu, iv = u.floor(), v.floor()
    fu, fv = u - iu, v - iv
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    low = _unit(iu, iv, seed) * (1 - fu) + _unit(iu + 1, iv, seed) * fu
    high = _unit(iu, iv + 1, seed) * (1 - fu) + _unit(iu + 1, iv + 1, seed) * fu
    return low * (1 - fv) + high * fv


def _odd(x: Tensor) -> Tensor:
    return (x.floor().long() & 1).double()


def _paint(u: Tensor, v: Tensor, surface: Tensor) -> Tensor:
    """(N, 3) colours at (N,) u, v of (N, 9) surfaces."""
    seed = surface[:, 8].long()
    us, vs = u / surface[:, 7], v / surface[:, 7]
    noise = _value_noise(us * 2.3, vs * 2.3, seed)
    column = (us * 2).floor()
    planks = _unit(column, (vs * 0.6 + _unit(column, torch.zeros_like(column), seed)).floor(), seed)
    bricks = _unit((us * 1.5 + 0.5 * _odd(vs * 3)).floor(), (vs * 3).floor(), seed)
    patterns = torch.stack([noise, (_odd(us) - _odd(vs)).abs(), _odd(us * 2), planks, bricks])
    mix = patterns.gather(0, surface[None, :, 6].long())[0]
    mix = (0.8 * mix + 0.2 * noise)[:, None]
    color = surface[:, :3] * (1 - mix) + surface[:, 3:6] * mix
    cell_u, cell_v = (u / 0.8).floor(), (v / 0.8).floor()
    in_u, in_v = u / 0.8 - cell_u, v / 0.8 - cell_v
    framed = (in_u > 0.18) & (in_u < 0.82) & (in_v > 0.15) & (in_v < 0.85)
    poster = framed & (_unit(cell_u, cell_v, seed + 53) > 0.72)
    shade = 0.55 + 0.45 * _unit((in_u * 5).floor(), (in_v * 5).floor(), seed + 3 * cell_u.long() + cell_v.long())
    tones = torch.stack([_unit(cell_u, cell_v, seed + 113 + 34 * c) for c in range(3)], -1)
    return torch.where(poster[:, None], tones * shade[:, None], color)


def _safe(ray: Tensor) -> Tensor:
    """Rays without components so small that a division overflows."""
    return torch.where(ray.abs() < 1e-6, 1e-6, ray)


def _hit_box(origin: Tensor, rays: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) distances along the rays to a turned box (1e9: none) and (N,) axes of the faces they enter."""
    cos, sin = torch.cos(box[6]), torch.sin(box[6])
    turn = torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])])
    start = torch.cat([turn @ (origin[:2] - box[:2]), origin[2:]])
    direction = _safe(torch.cat([rays[:, :2] @ turn.T, rays[:, 2:]], -1))
    low, high = torch.stack([-box[2], -box[3], box[4]]), torch.stack([box[2], box[3], box[5]])
    a, b = (low - start) / direction, (high - start) / direction
    near, axis = torch.minimum(a, b).max(-1)
    far = torch.maximum(a, b).amin(-1)
    return torch.where((near < far) & (near > 0.05), near, 1e9), axis


def _hit_walls(origin: Tensor, rays: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N,) distances to the shell of the room, axes of the sides that are hit and their surface numbers."""
    away = rays > 0
    low = torch.stack([-half[0], -half[1], torch.zeros_like(half[2])])
    # the sign is taken before tiny components are replaced, as on the CPU
    best, axis = ((torch.where(away, half, low) - origin) / _safe(rays)).min(-1)
    outwards = away.gather(1, axis[:, None])[:, 0]
    upright = 2 + 2 * axis + (~outwards).long()
    return best, axis, torch.where(axis == 2, outwards.long(), upright)


def pixel_tangents(lens: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """x/z and y/z of every pixel centre, each (H * W,)."""
    v, u = torch.meshgrid(
        (torch.arange(height, device=lens.device, dtype=lens.dtype) + 0.5 - lens[3]) / lens[1],
        (torch.arange(width, device=lens.device, dtype=lens.dtype) + 0.5 - lens[2]) / lens[0],
        indexing='ij',
    )
    return u.flatten(), v.flatten()


def trace_room(
    lens: Tensor, pose: Tensor, half: Tensor, boxes: Tensor, surfaces: Tensor, door: Tensor, light: Tensor,
    size: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Colour (H, W, 3), depth (H, W) and floor (H, W) bool of the empty room; ``size`` is (height, width)."""
    u, v = pixel_tangents(lens, *size)
    origin, rays = pose[:3, 3], torch.stack([u, v, torch.ones_like(u)], -1) @ pose[:3, :3].T
    best, axis, surface = _hit_walls(origin, rays, half)
    cos, sin = torch.ones_like(best), torch.zeros_like(best)
    for number, box in enumerate(boxes):
        distance, side = _hit_box(origin, rays, box)
        closer = distance < best
        best, axis = torch.where(closer, distance, best), torch.where(closer, side, axis)
        surface = torch.where(closer, 6 + number, surface)
        cos, sin = torch.where(closer, torch.cos(box[6]), cos), torch.where(closer, torch.sin(box[6]), sin)
    point = origin + best[:, None] * rays
    along, across = cos * point[:, 0] + sin * point[:, 1], -sin * point[:, 0] + cos * point[:, 1]
    u, v = torch.where(axis == 0, across, along), torch.where(axis == 2, across, point[:, 2])
    color = _paint(u, v, surfaces[surface])
    in_door = (surface == 2 + door[0].long()) & ((u - door[1]).abs() < door[2]) & (point[:, 2] < door[3])
    color = torch.where(in_door[:, None], door[4:7], color)
    nothing = torch.zeros_like(cos)
    normal = torch.stack([
        torch.where(axis == 0, cos, torch.where(axis == 1, -sin, nothing)),
        torch.where(axis == 0, sin, torch.where(axis == 1, cos, nothing)),
        (axis == 2).double(),
    ], -1)  # fmt: skip
    to_light = light[:3] - point
    square = to_light.square().sum(-1)
    facing = (normal * to_light).sum(-1).abs() / square.sqrt()
    shade = light[3] + (1 - light[3]) * 1.6 * facing / (1 + 0.06 * square)
    color = (color * shade[:, None]).float()
    return color.view(*size, 3), best.float().view(size), (surface == 0).view(size)


def cast_shadows(lens: Tensor, pose: Tensor, floor: Tensor, depth: Tensor, feet: Tensor, color: Tensor) -> Tensor:
    """(H, W, 3) ``color`` with blobs on the floor under ``feet`` (K, 2)."""
    if len(feet) == 0:
        return color
    u, v = pixel_tangents(lens, *depth.shape)
    rays = torch.stack([u, v, torch.ones_like(u)], -1) @ pose[:3, :3].T
    point = rays[:, :2] * depth.double().view(-1, 1) + pose[:2, 3]
    square = (point[:, None] - feet).square().sum(-1) / 0.09
    shade = torch.where(square < 9, 1 - 0.45 * torch.exp(-square), 1.0).prod(-1).view(depth.shape)
    return (torch.where(floor, shade, 1.0)[..., None] * color).to(color.dtype)


def garments(part: Tensor, rest: Tensor, style: Tensor) -> Tensor:
    """(N,) colour slots of points with (N,) strongest joints, (N, 3) rest positions, (N, 7) styles."""
    x, y, z = rest.unbind(-1)
    pitch = style[:, 1]
    spots = _value_noise(x * pitch * 0.6, y * pitch * 0.6, pitch.long()) > 0.5
    across, along = _odd(y * pitch) > 0.5, _odd(x * pitch) > 0.5
    printed = torch.stack([torch.zeros_like(spots), across, along, across != along, spots])
    slot = torch.where(printed.gather(0, style[None, :, 0].long())[0], 3, 2)
    slot = torch.where(y < style[:, 6], torch.where(y > style[:, 3], 4, 0), slot)
    arms, neck = (x.abs() > style[:, 2]) & (y > ARMPITS), (y > COLLAR) & (x.abs() < NECK)
    slot = torch.where(arms | neck, 0, slot)
    slot = torch.where(y < SHOES, 5, slot)
    hair = (y > style[:, 4]) | ((z < 0.04) & (y > style[:, 5]))
    slot = torch.where((part == 15) | (part == 22), hair.long(), slot)
    return torch.where((part == 23) | (part == 24), 6, slot)


def dress(
    vertices: Tensor, faces: Tensor, rest: Tensor, part: Tensor, styles: Tensor, looseness: Tensor
) -> tuple[Tensor, Tensor]:
    """Clothed vertices and their normals, both (K, N, 3), of bare skins (K, N, 3)."""
    people, count = vertices.shape[:2]
    corners = vertices[:, faces]  # (K, F, 3, 3)
    across = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    normals = torch.zeros_like(vertices)
    for corner in range(3):
        normals.index_add_(1, faces[:, corner], across)
    normals = normals / (normals.norm(dim=-1, keepdim=True) + 1e-12)
    style = styles[:, None].expand(-1, count, -1).reshape(people * count, styles.shape[1])
    slots = garments(part.repeat(people), rest.repeat(people, 1).double(), style).view(people, count)
    return vertices + looseness.gather(1, slots)[..., None].to(vertices) * normals, normals


def _fragments(screen: Tensor, faces: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels inside the triangles: triangle (F,), pixel (F,), weights on the screen (F, 3) and depth (F,)."""
    height, width = size
    corners = screen[faces]  # (T, 3, 3)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    low, high = corners[..., :2].amin(1), corners[..., :2].amax(1)
    x0, y0 = ((low - 0.5).ceil().clamp(min=0)).unbind(-1)
    limit = torch.tensor([width - 1, height - 1], device=screen.device, dtype=screen.dtype)
    x1, y1 = torch.minimum((high - 0.5).floor(), limit).unbind(-1)
    drawn = (area < 0) & (corners[..., 2] >= 0.15).all(-1) & (x0 <= x1) & (y0 <= y1)
    drawn = drawn.nonzero()[:, 0]
    wide = (x1 - x0 + 1)[drawn].long()
    counts = wide * (y1 - y0 + 1)[drawn].long()
    # one row per pixel of each bounding box
    owner = torch.repeat_interleave(counts)
    inside = torch.arange(len(owner), device=screen.device) - (counts.cumsum(0) - counts)[owner]
    triangle = drawn[owner]
    x = x0[triangle] + inside % wide[owner]
    y = y0[triangle] + torch.div(inside, wide[owner], rounding_mode='floor')
    px, py = x + 0.5, y + 0.5
    a, b, c, area = a[triangle], b[triangle], c[triangle], area[triangle]
    w0 = ((b[:, 0] - px) * (c[:, 1] - py) - (c[:, 0] - px) * (b[:, 1] - py)) / area
    w1 = ((c[:, 0] - px) * (a[:, 1] - py) - (a[:, 0] - px) * (c[:, 1] - py)) / area
    weights = torch.stack([w0, w1, 1 - w0 - w1], -1)
    hit = (weights >= -1e-4).all(-1)
    triangle, weights = triangle[hit], weights[hit]
    depth = 1 / (weights / screen[faces[triangle], 2]).sum(-1)
    return triangle, (y * width + x).long()[hit], weights, depth


def _front(pixel: Tensor, depth: Tensor, background: Tensor) -> Tensor:
    """Numbers of the fragments that are seen: nearest at their pixel, and the first among equals."""
    nearest = background.clone().scatter_reduce_(0, pixel, depth, 'amin')
    candidates = ((depth == nearest[pixel]) & (depth < background[pixel])).nonzero()[:, 0]
    first = pixel.new_full((len(background),), len(pixel))
    first.scatter_reduce_(0, pixel[candidates], candidates, 'amin')
    return candidates[first[pixel[candidates]] == candidates]


def draw_people(
    lens: Tensor, camera_from_world: Tensor, faces: Tensor, rest: Tensor, part: Tensor, vertices: Tensor,
    normals: Tensor, colors: Tensor, styles: Tensor, light: Tensor, color: Tensor, depth: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Colour (H, W, 3), depth (H, W) and instance (H, W) of K people drawn over a room."""
    size = (depth.shape[0], depth.shape[1])
    people, count = vertices.shape[:2]
    instance = torch.zeros(size[0] * size[1], dtype=torch.uint8, device=depth.device)
    if people == 0:
        return color, depth, instance.view(size)
    camera = vertices.double() @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
    x, y, z = camera.unbind(-1)
    screen = torch.stack([lens[0] * x / z + lens[2], lens[1] * y / z + lens[3], z], -1).flatten(0, 1)
    offsets = count * torch.arange(people, device=faces.device)[:, None, None]
    all_faces = (faces + offsets).flatten(0, 1)
    triangle, pixel, weights, near = _fragments(screen, all_faces, size)
    flat_depth = depth.flatten().double()
    seen = _front(pixel, near, flat_depth)
    triangle, pixel, weights, near = triangle[seen], pixel[seen], weights[seen], near[seen]
    corners = all_faces[triangle]  # (F, 3)
    w0, w1, w2 = weights.unbind(-1)
    corner = torch.where(w0 > w1, torch.where(w0 > w2, 0, 2), torch.where(w1 > w2, 1, 2))
    nearest = corners.gather(1, corner[:, None])[:, 0] % count
    weights = (weights * near[:, None] / screen[corners, 2])[..., None]
    person = torch.div(triangle, len(faces), rounding_mode='floor')
    slot = garments(part[nearest], (weights * rest[corners % count].double()).sum(1), styles[person])
    to_light = light[:3] - (weights * vertices.flatten(0, 1)[corners].double()).sum(1)
    normal = (weights * normals.flatten(0, 1)[corners].double()).sum(1)
    normal = normal / (normal.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    square = to_light.square().sum(-1)
    lit = ((normal * to_light).sum(-1) / square.sqrt()).clamp(min=0)
    shade = light[3] * (0.75 + 0.25 * normal[:, 2]) + (1 - light[3]) * 1.7 * lit / (1 + 0.06 * square)
    color = color.reshape(-1, 3).clone()
    color[pixel] = (colors[person, slot] * shade[:, None]).to(color)
    flat_depth[pixel] = near
    instance[pixel] = (person + 1).to(torch.uint8)
    return color.view(*size, 3), flat_depth.view(size).to(depth), instance.view(size)


def expose(color: Tensor, gain: Tensor, table: Tensor, noise: float, seed: int) -> Tensor:
    """(H, W, 3) uint8 from linear colour; see ``raster_numba.expose``."""
    height, width = color.shape[:2]
    value = table[(color.double() * gain * LOOKUP).long().clamp(0, len(table) - 1)]
    if noise > 0:
        x = torch.arange(width, device=color.device)[None, :, None]
        y = 3 * torch.arange(height, device=color.device)[:, None, None] + torch.arange(3, device=color.device)
        a = hash32(x, y, torch.tensor(seed, device=color.device))
        total = (a & 255) + ((a >> 8) & 255) + ((a >> 16) & 255) + (a >> 24)
        value = value + (total - 510).double() * (noise / ((256.0**2 - 1) / 3) ** 0.5)
    return (value.clamp(0, 1) * 255).to(torch.uint8)
