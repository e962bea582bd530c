"""Agents that speak the Agent Client Protocol, version 1, whole in the box.

:mod:`.agent` is one to the engine, :mod:`.session` begins and ends a conversation with it,
:mod:`.client` answers what it asks, :mod:`.words` turns what it says into events, and
:mod:`.pipes` carries the messages. The protocol's types come from the package ``acp``, which is
slow to import and is loaded when such an agent starts.
"""
