"""Lava: programs that run on Lava 0.10.0, the engine that runs them there, and the toolchain they need."""
