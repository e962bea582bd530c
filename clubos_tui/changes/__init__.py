"""Change sets: what a workspace holds against its base. Pure values, no disk, no git.

A *change set* is named by the id of the git tree it makes; its *manifest* has a row per path.
*Decisions* are a draft over the rows; sealing them keeps what was not rejected. A *patch* is
git's text for the same change set, parsed into rows for the screen.
"""
