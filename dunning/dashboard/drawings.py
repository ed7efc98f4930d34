"""Where things stand in the drawings the templates make. Pure."""

from collections.abc import Sequence


def spread(values: Sequence[int], *, start: float, end: float, gap: float) -> list[float]:
    """Positions of ascending `values` between `start` and `end`: proportional, but never closer than `gap` while there is room for it.

    With no room, the gap shrinks to what fits. Equal values stand side by side.
    """
    if len(values) < 2:
        return [(start + end) / 2] * len(values)
    gap = min(gap, (end - start) / (len(values) - 1))
    span = values[-1] - values[0]
    places = [start + (end - start) * (value - values[0]) / span if span else start for value in values]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = end
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return places
