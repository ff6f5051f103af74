"""``chromm export``: the people of a reconstruction as files that other programs open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from chromm_ros.recording.animation import write_bvh, write_csv
from chromm_ros.recording.motion import read_motions
from chromm_ros.settings import UsageError

LONG = 1.0
"""Gaps longer than this are told of [s]."""


def export(
    people: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path | None, tyro.conf.arg(aliases=['-o'])] = None,
    bvh: bool = False,
    csv: bool = False,
    unit: Literal['cm', 'm'] = 'cm',
    overwrite: bool = False,
) -> int:
    """Write the people of people.npz as BVH (Blender, Maya, MotionBuilder) or CSV (spreadsheets, R, pandas).

    Args:
        people: people.npz of chromm reconstruct, or the folder that holds it.
        out: folder for the files; default where people.npz lies.
        bvh: one person_ID.bvh each, y up, at even steps; what lies between two steps is interpolated.
        csv: one people.csv, a row per person and step: time [ns], id, state, confidence, velocity [m/s], joints [m].
        unit: of lengths in BVH.
        overwrite: files that are there already.
    """
    if not (bvh or csv):
        raise UsageError('say what to write: --bvh, --csv, or both')
    source = people.expanduser()
    source = source / 'people.npz' if source.is_dir() else source
    motions = read_motions(source)
    folder = source.parent if out is None else out.expanduser()
    wanted = [folder / f'person_{motion.id}.bvh' for motion in motions] if bvh else []
    table = [folder / 'people.csv'] if csv else []
    there = [path.name for path in (*wanted, *table) if path.exists()]
    if there and not overwrite:
        raise FileExistsError(f'{folder} holds {", ".join(there)}; choose another folder (-o) or --overwrite')
    folder.mkdir(parents=True, exist_ok=True)
    for path, motion in zip(wanted, motions):
        frames = write_bvh(path, motion, unit)
        gap = motion.longest_gap()
        note = f'; nobody saw them for up to {gap:.1f} s, which is interpolated' if gap > LONG else ''
        print(f'{path}: {frames} frames{note}')
    for path in table:
        print(f'{path}: {write_csv(path, motions)} rows, {len(motions)} people')
    return 0
