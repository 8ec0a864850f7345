"""Figures typed from papers."""
