"""The box in which commands run: one folder of it can be written, and nothing else be reached.

:mod:`.box` says what is in it, :mod:`.running` runs a command in it, :mod:`.watch` ends one that
takes too much, and :mod:`.probe` tries to get out before anything is trusted to it.
"""
