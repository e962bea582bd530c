"""The transaction: change sets into folders, all or nothing, and back (P3, P4, P5).

*Record*: what a transaction is about to do and how far it came. *Vault*: the bytes it replaces.
*Transaction*: look, back up, stage, commit, exchange, compare. *Checkout*: the same with the
person's branch and index. *Reverse*: the writes that take transactions back. *Recover*: what to
do after a crash.
"""
