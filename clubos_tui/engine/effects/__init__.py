"""Effects: one module a kind of step, each step idempotent. The only place with side effects."""
