"""Targets: every kind of chip nmc compiles to."""
