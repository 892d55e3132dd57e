"""Trimtab finds small reversible changes to a team's CI in its own data, applies them, and keeps only what helps."""

__version__ = "0.1.0"
