"""The engine: journal → decide → advance.

*State* folds the journal. *Decide* says what may happen and what happens next; it is pure. *Run*
is what a person says to. *Advance* performs one idempotent *effect* and appends its events. A
*driver* says when. *Views* are for looking only.
"""
