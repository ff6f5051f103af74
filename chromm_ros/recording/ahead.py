"""Reading a recording while the network computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from chromm_ros.flow import ImageSet


def read_ahead(sets: Iterable[ImageSet], prepare: Callable[[ImageSet], ImageSet]) -> Iterator[ImageSet]:
    """The image sets in their order; the next one is read and prepared in another thread while this one is used.

    What reading raises comes out where the set would have come.
    """
    unread = iter(sets)

    def following() -> ImageSet | None:
        found = next(unread, None)
        return None if found is None else prepare(found)

    with ThreadPoolExecutor(1, 'images') as reader:
        coming = reader.submit(following)
        while (image_set := coming.result()) is not None:
            coming = reader.submit(following)
            yield image_set
