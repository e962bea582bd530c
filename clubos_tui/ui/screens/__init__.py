"""Screens: one module each, composed of widgets and loaded when first shown."""
