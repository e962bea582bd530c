"""The workspace: a throw-away tree in which an agent works, outside the repository.

*Layout* brings one folder from tree to tree; *export* writes what is tracked, without ``.git`` and
without secrets. *Scan* finds by its bytes what an agent changed, and refuses hostile paths by name;
*known* and *touched* spare it looking at what can't have changed, *untracked* says what git ignores
and is left behind. *Watch* shows changes while they happen, as a hint only.
"""
