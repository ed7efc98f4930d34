"""The collector of cycles, in processes that serve for days."""

import gc


def spare_the_program() -> None:
    """Have the collector look at what is made from now on, and never again at the program: its classes, tables and settings stay for good,
    and one look at all of them takes as long as a small organization's day. Forked processes share what it leaves untouched.
    """
    gc.collect()
    gc.freeze()
