"""Where no terminal shows a bar, lines tell how far a run is and how long it will take."""

from __future__ import annotations

import warnings

from zoo.prediction.progress import Lines, listening


def test_lines_come_at_their_time_and_tell_the_rest_at_the_pace_so_far() -> None:
    now, told = [0.0], list[str]()
    lines = Lines(100, told.append, clock=lambda: now[0], every_s=30)

    for i in range(20):
        now[0] += 4.0
        lines.step(failed=i == 3)

    assert told[0] == "8 of 100 images, 1 of them failed, about 6 min 8 s left"
    assert len(told) == 2


def test_what_warming_up_takes_is_not_expected_of_the_rest() -> None:
    now, told = [0.0], list[str]()
    lines = Lines(11, told.append, clock=lambda: now[0], every_s=30)

    for took in (300.0, *[40.0] * 4):
        now[0] += took
        lines.step()

    assert told[:2] == ["1 of 11 images", "2 of 11 images, about 6 min 0 s left"]


def test_without_a_total_only_the_done_are_told() -> None:
    told = list[str]()
    lines = Lines(None, told.append, clock=iter(range(0, 1000, 60)).__next__, every_s=30)

    lines.step()

    assert told == ["1 images"]


def test_warnings_are_kept_by_the_image_that_they_name_and_shown_as_ever() -> None:
    with warnings.catch_warnings(record=True) as shown, listening() as heard:
        warnings.simplefilter("always")
        warnings.warn("a.png is out of scope", UserWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)

        assert heard.of("a.png") == ["a.png is out of scope"] and heard.of("a.png") == []
    assert len(shown) == 2
