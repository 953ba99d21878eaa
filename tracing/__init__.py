"""Membrane probability to axons."""
