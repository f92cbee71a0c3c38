"""Tuning runs as pure functions of facts and `now`: no clock, no I/O, no words of the wire."""
