"""What somebody may send to stop the server, or to make it lose or show something: one module a kind.

A module of this folder that has a function

    def attack(tally: Tally, *, long: bool) -> None

is a kind of attack. It says of everything it tries what came of it (see tally.py). The short form is part of every run
of the suite (test_attacks.py); `make attack` runs the long form, each kind in a process of its own, and prints a table.
"""
