"""Widgets: they are given values and post what happened as nested messages in the past tense."""
