"""Nengo: networks of its neurons and connections, run by its own simulator."""
