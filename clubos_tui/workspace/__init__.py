"""The workspace: a throw-away tree in which an agent works, outside the repository.

*Export* lays out what is tracked, without ``.git`` and without secrets. *Scan* compares it byte
for byte with what it held and refuses hostile paths by name. *Watch* shows changes while they
happen, as a hint only.
"""
