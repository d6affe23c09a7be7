"""The order of a draw follows from what is drawn, and from nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training.draw import order_drawn


@given(st.lists(st.binary(max_size=3), unique=True, max_size=12), st.data())
def test_what_else_there_is_changes_nothing(items: list[bytes], data: st.DataObject) -> None:
    some = data.draw(st.permutations(items).map(lambda all_of_them: all_of_them[: len(items) // 2]))
    among_all = [items[number] for number in order_drawn(items, 7) if items[number] in some]
    assert [some[number] for number in order_drawn(some, 7)] == among_all


def test_each_seed_has_an_order_of_its_own_and_equals_stay_in_theirs() -> None:
    items = [str(number % 40).encode() for number in range(80)]
    orders = [order_drawn(items, seed) for seed in (0, 1, 2**63 - 1)]
    assert len({tuple(order) for order in orders}) == 3
    for order in orders:
        assert sorted(order) == list(range(80))
        assert [later - first for first, later in zip(order[::2], order[1::2], strict=True)] == [40] * 40
