"""The only door to git.

The person's repository is read, and written in three ways only: a pack is added, a branch is
created, one ref moves by compare-and-swap. Everything else happens in the *workshop*, a bare
repository of ours that borrows the person's objects. No program that a repository names is ever
run (P6), and a dry run writes nothing outside the workshop (P1).
"""
