"""The budget: what each pool reserves, and what happens when it is exhausted."""

import pytest

from services.runtime.process import MIB
from services.runtime.serving.memory_pool import MemoryPool, PoolExhausted
from services.sites.budget import INTERPRETER_BYTES, Budget


def test_a_pool_gives_what_it_has_and_no_more() -> None:
    """A reservation that does not fit takes nothing, and is counted."""
    pool = MemoryPool("buffers", 100)
    assert (pool.reserve(60), pool.reserve(41), pool.reserve(40)) == (True, False, True)
    assert (pool.used, pool.left, pool.refused) == (100, 0, 1)
    pool.release(60)
    assert (pool.used, pool.left, pool.reserve(60)) == (40, 60, True)


def test_bytes_that_a_block_reserves_are_released_however_it_ends() -> None:
    """Also where an answer breaks off."""
    pool = MemoryPool("answers", 100)
    left = []

    def break_off() -> None:
        with pool.reserved(100):
            left.append(pool.left)
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert (left, pool.used) == ([0], 0)


def test_a_block_that_cannot_have_its_bytes_is_not_entered() -> None:
    """The error names the pool and how full it is."""
    pool = MemoryPool("answers", 1_000)
    pool.reserve(900)
    with pytest.raises(PoolExhausted, match=r"^no memory for 101 bytes more of answers: 900 of 1,000 are in use$"):
        pool.reserved(101).__enter__()
    assert (pool.used, pool.refused) == (900, 1)


@pytest.mark.parametrize("memory_mib", [128, 512, 6_000])
def test_all_pools_and_the_program_fit_into_the_memory(memory_mib: int) -> None:
    """So the kernel has no reason to kill the process, however full they are."""
    budget = Budget.of(memory_mib * MIB)
    assert INTERPRETER_BYTES + sum(pool.limit for pool in budget.pools) <= memory_mib * MIB
    assert all(pool.limit > 0 for pool in budget.pools)


def test_a_container_of_the_lab_has_room_for_ten_thousand_connections() -> None:
    """512 MiB, as compose.yaml says."""
    assert Budget.of(512 * MIB).max_connections > 10_000
