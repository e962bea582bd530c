"""ClubOS TUI: an agent proposes, a person decides, and every step can be taken back."""

__version__ = "0.1.0"
