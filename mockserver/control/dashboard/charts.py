"""Charts as SVG, made by the server: pages work without JavaScript."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mockserver.inspection.jobs import Curve, Point

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 28

MOST_POINTS = 300
"""A longer curve is drawn with every n-th of its points, so that a page stays small."""

Scale = Callable[[float], float]


def draw_curves(curves: Sequence[Curve], total_steps: int, *, log_scale: bool) -> Markup:
    """Draw losses by step. A point has its values as a title, which browsers show when it is pointed at."""
    points = [point for curve in curves for point in curve.points if not log_scale or point[1] > 0]
    if not points:
        return Markup('<p class="lead">No step has been completed yet.</p>')
    values = [value for _, value in points]
    low, high = (min(values), max(values)) if log_scale else (min(0.0, *values), max(values))
    y = _scale(low, high, log=log_scale)
    x = _linear(1, max(total_steps, 2), LEFT, WIDTH - RIGHT)
    last = points[-1] if len(curves) == 1 else curves[0].points[-1]
    label = f"Loss by step: {last[1]:.4g} at step {last[0]} of {total_steps}"
    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label)]
    parts += [_axis(value, y) for value in _ticks(low, high, log=log_scale)]
    for step in dict.fromkeys((1, (1 + total_steps) // 2, total_steps)):
        parts.append(_text(x(step), HEIGHT - 8, str(step), "middle"))
    for curve in curves:
        visible_points = _thin([point for point in curve.points if not log_scale or point[1] > 0])
        parts.append(_line(curve.name, visible_points, x, y))
    return Markup("").join([*parts, Markup("</svg>")])


def draw_histogram(buckets: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """Draw buckets with `left`, `right` and `count`."""
    counts = [float(bucket.get("count", 0)) for bucket in buckets]
    lefts = [float(bucket.get("left", 0)) for bucket in buckets]
    rights = [float(bucket.get("right", left)) for bucket, left in zip(buckets, lefts, strict=True)]
    height, base = 120, 96
    y = _linear(0, max([*counts, 1]), base, 8)
    width = (WIDTH - 20) / max(len(buckets), 1)
    label = f"{title}: {len(buckets)} buckets from {lefts[0]:g} to {rights[-1]:g}"
    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, height, label)]
    for index, count in enumerate(counts):
        parts.append(
            Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{:g} to {:g}: {:g}</title></rect>'
            ).format(
                10 + index * width, y(count), max(width - 2, 1), base - y(count), lefts[index], rights[index], count
            )
        )
    parts += [_text(10, height - 6, f"{lefts[0]:g}", "start"), _text(WIDTH - 10, height - 6, f"{rights[-1]:g}", "end")]
    return Markup("").join([*parts, Markup("</svg>")])


def count_lengths(lengths: Sequence[int], buckets: int = 10) -> list[Mapping[str, float]]:
    """Count numbers in buckets of equal width."""
    low, high = min(lengths), max(lengths)
    width = max((high - low) / buckets, 1)
    counts = [0] * buckets
    for length in lengths:
        counts[min(int((length - low) / width), buckets - 1)] += 1
    return [
        {"left": low + index * width, "right": low + (index + 1) * width, "count": count}
        for index, count in enumerate(counts)
    ]


def _line(name: str, points: Sequence[Point], x: Scale, y: Scale) -> Markup:
    places = [(x(step), y(value), step, value) for step, value in points]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top, *_ in places)
    line = Markup('<polyline class="{}" stroke-width="2" points="{}"/>').format(name, path)
    dots = (
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}: {:.5g} at step {}</title></circle>').format(
            name, left, top, name, value, step
        )
        for left, top, step, value in places
    )
    return line + Markup("").join(dots)


def _thin(points: Sequence[Point]) -> Sequence[Point]:
    """Return every n-th point and the last one."""
    every = -(-len(points) // MOST_POINTS)
    return [point for index, point in enumerate(points) if index % every == 0 or index == len(points) - 1]


def _axis(value: float, y: Scale) -> Markup:
    line = Markup('<line class="axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(LEFT, WIDTH - RIGHT, y(value), y(value)) + _text(LEFT - 6, y(value) + 4, f"{value:.3g}", "end")


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def _ticks(low: float, high: float, *, log: bool) -> Sequence[float]:
    if not log:
        return [low + (high - low) * part / 4 for part in range(5)] if high > low else [low]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high] or [low, high]


def _scale(low: float, high: float, *, log: bool) -> Scale:
    if not log:
        return _linear(low, high, HEIGHT - BOTTOM, TOP)
    linear = _linear(math.log10(low), math.log10(high), HEIGHT - BOTTOM, TOP)
    return lambda value: linear(math.log10(value))


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    width = high - low or 1
    return lambda value: start + (end - start) * (value - low) / width
