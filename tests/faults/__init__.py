"""Kills, failing system calls, lost writes: what an operation makes of them (P3, P4, P5)."""
