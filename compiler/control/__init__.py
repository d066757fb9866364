"""Closed loops: engines that are fed one step after another, and environments that they act in."""
