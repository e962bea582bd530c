"""The agent that is Claude, through the Messages API."""
