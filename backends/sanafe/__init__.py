"""SANA-FE as a second account of what a spiking chip does: the same network, placed alike, simulated by another tool.

SANA-FE (GPL-3) runs in an environment of its own, as a process of its own; nothing of it is imported here.
"""
