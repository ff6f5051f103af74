"""When pictures were taken: by stamps or numbers in their names, or by what the camera wrote into them (EXIF).

Names are read in natural order. A number that is missing leaves a gap in time; it never shifts the rest.
"""

from __future__ import annotations

import datetime
import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
from PIL.Image import Exif

NANO = 1_000_000_000
EPOCHS = (946_684_800, 4_102_444_800)
"""2000 and 2100: a number of seconds between them is a date [s]."""
UNITS = {'ns': 1, 'us': 1_000, 'ms': 1_000_000}
PERIODS = (2_000_000, 10 * NANO)
"""Shortest and longest time between pictures that a stamp of unknown unit may mean [ns]."""
STAMP_STEP = 1_000
"""Uneven steps larger than this are times, not numbers of frames."""
EXIF_FOLDER = 0x8769
EXIF_TIMES = ((36867, 37521, 36881), (36868, 37522, 36882), (306, 37520, 36880))
"""Tags of time, fraction of a second and time zone: of the exposure, of the digitisation, of the file."""

DATE = re.compile(
    r'(?<!\d)(20\d\d)[-_]?([01]\d)[-_]?([0-3]\d)[-_T ]*([0-2]\d)[-_:.h]?([0-5]\d)[-_:.m]?([0-5]\d)'
    r'(?:[.](\d{1,9})|[-_]?(\d{3}|\d{6}|\d{9}))?(?!\d)'
)


@dataclass(frozen=True)
class Timeline:
    """The times of the pictures of all cameras."""

    kind: str
    """What they were taken from: stamps, numbers, EXIF, names or order."""
    stamps: Mapping[str, Sequence[int]]
    """[ns] per camera, in the order of its files."""
    notes: tuple[str, ...] = ()


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sorting key: ``9.png`` comes before ``10.png``."""
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', path.name) if part]


def timeline(files: Mapping[str, Sequence[Path]], rate: float) -> Timeline:
    """When the pictures of each camera were taken.

    Args:
        files: of each camera, in natural order; none may be empty.
        rate: pictures per second that consecutive numbers stand for.
    """
    period = round(NANO / rate)
    stamps = _of_all(files, _stamps_in_names)
    if stamps is not None:
        return _of_one_clock(Timeline('stamps', stamps))
    exact = _of_all(files, lambda own: _exif_times(own, with_fraction=True))
    if exact is not None:
        return _of_one_clock(Timeline('EXIF', exact, ('pictures are paired by their EXIF times',)))
    numbers = _of_all(files, _numbers_in_names)
    if numbers is not None:
        found = _by_number(numbers, period)
        if found is not None:
            return found
    coarse = _of_all(files, lambda own: _exif_times(own, with_fraction=False))
    if coarse is not None:
        notes = ('pictures are paired by their EXIF times, which are whole seconds',)
        return _of_one_clock(Timeline('EXIF', coarse, notes))
    common = _by_name(files, period)
    if common is not None:
        return Timeline('names', common)
    order = {camera: [index * period for index in range(len(own))] for camera, own in files.items()}
    return Timeline('order', order, _about_order(files))


def _of_one_clock(found: Timeline) -> Timeline:
    """The same times; from each camera's first picture on where the cameras have no time in common."""
    firsts = {camera: min(own) for camera, own in found.stamps.items()}
    if max(firsts.values()) <= min(max(own) for own in found.stamps.values()):
        return found
    stamps = {camera: [time - firsts[camera] for time in own] for camera, own in found.stamps.items()}
    apart = (max(firsts.values()) - min(firsts.values())) / NANO
    note = f'the times of the pictures have nothing in common ({apart:.1f} s apart): each camera begins at zero'
    return Timeline(found.kind, stamps, (*found.notes, note))


def _by_name(files: Mapping[str, Sequence[Path]], period: int) -> dict[str, list[int]] | None:
    """Pictures of the same name belong together, in the order of all names; None: few names are in all folders."""
    stems = {camera: [path.stem for path in own] for camera, own in files.items()}
    shared = set.intersection(*(set(own) for own in stems.values()))
    if len(files) < 2 or 2 * len(shared) < min(len(own) for own in stems.values()):
        return None
    every = sorted({path.stem for own in files.values() for path in own}, key=lambda stem: natural_order(Path(stem)))
    place = {stem: number * period for number, stem in enumerate(every)}
    return {camera: [place[stem] for stem in own] for camera, own in stems.items()}


def _about_order(files: Mapping[str, Sequence[Path]]) -> tuple[str, ...]:
    if len(files) < 2:
        return ()
    counts = ', '.join(f'{camera} {len(own)}' for camera, own in files.items())
    return (
        f'the names have no times or numbers in common: the n-th pictures are taken to belong together ({counts})',
    )


def _of_all(
    files: Mapping[str, Sequence[Path]], read: Callable[[Sequence[Path]], list[int] | None]
) -> dict[str, list[int]] | None:
    found = {}
    for camera, own in files.items():
        times = read(own)
        if times is None or len(set(times)) < len(times):
            return None
        found[camera] = times
    return found


def _stamps_in_names(files: Sequence[Path]) -> list[int] | None:
    """[ns]; None: the names are not times."""
    stems = [path.stem for path in files]
    for read in (_epoch, _seconds_and_rest, _date, _decimal):
        times = [read(stem) for stem in stems]
        if all(time is not None for time in times):
            return [time for time in times if time is not None]
    return None


def _epoch(stem: str) -> int | None:
    for digits, unit in ((19, 1), (16, 1_000), (13, 1_000_000), (10, NANO)):
        match = re.search(rf'(?<![\d.])(\d{{{digits}}})(?![\d.]|[_-]\d)', stem)
        if match and _plausible(int(match.group(1)) * unit):
            return int(match.group(1)) * unit
    return None


def _seconds_and_rest(stem: str) -> int | None:
    """``1700000000.123456``, ``1700000000_123456789``."""
    match = re.search(r'(?<!\d)(\d{10})([._-])(\d{1,9})(?!\d)', stem)
    if match is None or not _plausible(int(match.group(1)) * NANO):
        return None
    rest = match.group(3)
    padded = match.group(2) == '.' or len(rest) in (3, 6, 9)
    return int(match.group(1)) * NANO + (int(rest.ljust(9, '0')) if padded else int(rest))


def _date(stem: str) -> int | None:
    match = DATE.search(stem)
    if match is None:
        return None
    try:
        moment = datetime.datetime(*map(int, match.groups()[:6]), tzinfo=datetime.timezone.utc)  # type: ignore[arg-type,misc]
    except ValueError:
        return None
    fraction = match.group(7) or match.group(8) or ''
    return int(moment.timestamp()) * NANO + int(fraction.ljust(9, '0') or 0)


def _decimal(stem: str) -> int | None:
    """Seconds since whenever: ``12.0333``."""
    match = re.fullmatch(r'(?:.*?[^\d.])??(\d+)\.(\d{2,9})', stem)
    return None if match is None else int(match.group(1)) * NANO + int(match.group(2).ljust(9, '0'))


def _plausible(stamp: int) -> bool:
    return EPOCHS[0] * NANO <= stamp < EPOCHS[1] * NANO


def _numbers_in_names(files: Sequence[Path]) -> list[int] | None:
    """The number in each name that tells the pictures apart; None: there is none."""
    groups = [[int(digits) for digits in re.findall(r'\d+', path.stem)] for path in files]
    length = len(groups[0])
    if not length or any(len(own) != length for own in groups):
        return None
    columns = list(zip(*groups))
    telling = [column for column in columns if len(set(column)) == len(files)]
    return list(telling[-1]) if telling else None


def _by_number(numbers: Mapping[str, Sequence[int]], period: int) -> Timeline | None:
    """Numbers as times; None: the cameras do not number the same way."""
    steps = sorted(b - a for own in numbers.values() for a, b in zip(sorted(own), sorted(own)[1:]))
    unit = math.gcd(*steps) if steps else 1
    if steps and statistics.median(steps) > STAMP_STEP and unit < statistics.median(steps):
        return _as_stamps(numbers, statistics.median(steps))
    firsts = {camera: min(own) for camera, own in numbers.items()}
    notes: tuple[str, ...] = ()
    whole = all(len(own) == (max(own) - min(own)) // unit + 1 for own in numbers.values())
    same = len({len(own) for own in numbers.values()}) == 1
    if len(set(firsts.values())) > 1 and whole and same:
        words = ', '.join(f'{camera} {first}' for camera, first in firsts.items())
        notes = (
            f'every camera has the same number of pictures, none is missing: first numbers are paired ({words})',
        )
    elif max(firsts.values()) > min(max(own) for own in numbers.values()):
        return None  # the numbers have nothing in common
    else:
        firsts = dict.fromkeys(numbers, min(firsts.values()))
    stamps = {
        camera: [(number - firsts[camera]) * period // unit for number in own] for camera, own in numbers.items()
    }
    return Timeline('numbers', stamps, notes)


def _as_stamps(numbers: Mapping[str, Sequence[int]], step: float) -> Timeline | None:
    """Uneven large numbers are times of a clock that began whenever; the unit follows from the step."""
    for name, factor in UNITS.items():
        if PERIODS[0] <= step * factor <= PERIODS[1]:
            stamps = {camera: [number * factor for number in own] for camera, own in numbers.items()}
            return Timeline('stamps', stamps, (f'the numbers in the names are taken as times in {name}',))
    return None


def _exif_times(files: Sequence[Path], with_fraction: bool) -> list[int] | None:
    """[ns]; None: not every picture has a time, or the fraction of a second that is asked for."""
    times = []
    for path in files:
        if path.suffix.lower() not in ('.jpg', '.jpeg', '.tif', '.tiff', '.webp', '.png'):
            return None
        try:
            with PIL.Image.open(path) as picture:
                time = _exif_time(picture.getexif(), with_fraction)
        except (OSError, ValueError, SyntaxError):
            return None
        if time is None:
            return None
        times.append(time)
    return times


def _exif_time(exif: Exif, with_fraction: bool) -> int | None:
    about = dict(exif) | exif.get_ifd(EXIF_FOLDER)
    for tags in EXIF_TIMES:
        time, fraction, zone = (str(about.get(tag, '')).strip('\0 ') for tag in tags)
        found = _exif_moment(time, fraction, zone, with_fraction)
        if found is not None:
            return found
    return None


def _exif_moment(time: str, fraction: str, zone: str, with_fraction: bool) -> int | None:
    """[ns]; without a time zone that of the camera is taken for that of all."""
    try:
        moment = datetime.datetime.strptime(time, '%Y:%m:%d %H:%M:%S')
        ahead = datetime.datetime.strptime(zone.replace('Z', '+00:00'), '%z').utcoffset() if zone else None
    except ValueError:
        return None
    if with_fraction and not fraction.isdigit():
        return None
    since = moment.replace(tzinfo=datetime.timezone.utc) - (ahead or datetime.timedelta())
    return int(since.timestamp()) * NANO + (int(fraction[:9].ljust(9, '0')) if fraction.isdigit() else 0)
