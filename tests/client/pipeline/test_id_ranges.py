"""`IdRanges` is a set of numbers, whatever is added and taken out, and in which order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.client.pipeline.id_ranges import IdRanges

NUMBER = st.integers(1, 40)
CHANGE = st.one_of(
    st.tuples(st.just("add"), NUMBER),
    st.tuples(st.just("discard"), NUMBER),
    st.tuples(st.just("add_all"), st.lists(NUMBER, min_size=1)),
    st.tuples(st.just("add_all"), st.builds(lambda first, count: list(range(first, first + count)), NUMBER, NUMBER)),
)


def ranges_of(numbers: set[int]) -> IdRanges:
    """Return the ranges of a set, added in no order."""
    ranges = IdRanges()
    for number in numbers:
        ranges.add(number)
    return ranges


@given(st.lists(CHANGE))
def test_it_has_what_a_set_has(changes: list[tuple[str, int | list[int]]]) -> None:
    """After each change; `add` and `discard` say whether it was one."""
    ranges, numbers = IdRanges(), set[int]()
    for name, what in changes:
        if isinstance(what, list):
            ranges.add_all(what)
            numbers.update(what)
        elif name == "add":
            assert ranges.add(what) == (what not in numbers)
            numbers.add(what)
        else:
            assert ranges.discard(what) == (what in numbers)
            numbers.discard(what)
        assert list(ranges) == sorted(numbers)
        assert len(ranges) == len(numbers)
        assert ranges.last == max(numbers, default=0)
        assert all((number in ranges) == (number in numbers) for number in range(45))


@given(st.sets(NUMBER), st.sets(NUMBER))
def test_without_is_the_difference(ones: set[int], others: set[int]) -> None:
    """As ranges, with the count of all its numbers."""
    rest = ranges_of(ones).without(ranges_of(others))
    assert (list(rest), len(rest)) == (sorted(ones - others), len(ones - others))


@given(st.sets(NUMBER), NUMBER, st.integers(0, 10))
def test_a_range_is_there_if_all_its_numbers_are(numbers: set[int], first: int, more: int) -> None:
    """And not if one of them is missing."""
    asked = range(first, first + more + 1)
    assert ranges_of(numbers).has_range(asked[0], asked[-1]) == numbers.issuperset(asked)


@given(st.sets(NUMBER))
def test_no_two_ranges_touch(numbers: set[int]) -> None:
    """Else its memory would be that of the numbers, and not that of the gaps."""
    ranges = list(ranges_of(numbers).ranges())
    assert all(one[-1] + 1 < other[0] for one, other in pairwise(ranges))


def test_a_person_sees_the_first_ranges_and_how_many_more() -> None:
    """However many numbers there are."""
    ranges = ranges_of({1, 2, 3, 7, 9, 10, 20, 22})
    assert ranges.shown(10) == "1-3, 7, 9-10, 20, 22"
    assert ranges.shown(2) == "1-3, 7 and 4 more"
    assert IdRanges().shown(2) == ""
