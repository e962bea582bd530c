"""What this machine offers: agents, the sandbox, git, databases, editor, terminal.

:mod:`.examine` looks at all of it, and ``clubos doctor`` and the dashboard's first screen show what
it returns. It only looks: programs are asked for their version and nothing else, and of keys and
logins only the names are told.
"""
