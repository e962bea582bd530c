"""The box in which commands run: one folder of it can be written, and nothing else be reached.

:mod:`.box` says what is in it, :mod:`.started` begins a command in it and ends it with all that it
started, :mod:`.running` runs one to its end, :mod:`.watch` finds what takes too much, and
:mod:`.probe` tries to get out before anything is trusted to it.
"""
