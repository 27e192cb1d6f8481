"""The k least of many distances as they come: the first three in registers, further ones in an array.

Most distances are not among the least, but which are cannot be foreseen, so that a branch for each costs more than comparing
without one. `a <= b <= c` are the three least, whatever k; `beyond` (max(0, k - 3),) has those after them, ascending.
"""

from __future__ import annotations

from mi_core.backends.cpu.jit import inlined
from mi_core.backends.cpu.tree import insert

IN_REGISTERS = 3


@inlined
def entered(distance, a, b, c, beyond):
    """a, b, c with one more distance among the least; what falls out of them may enter `beyond`."""
    not_a = a if a > distance else distance
    a = a if a < distance else distance
    not_b = b if b > not_a else not_a
    b = b if b < not_a else not_a
    not_c = c if c > not_b else not_b
    c = c if c < not_b else not_b
    if len(beyond) > 0 and not_c < beyond[-1]:
        insert(beyond, not_c)
    return a, b, c


@inlined
def kth(k, a, b, c, beyond):
    """The k-th least distance."""
    return beyond[-1] if k > IN_REGISTERS else c if k == 3 else b if k == 2 else a
