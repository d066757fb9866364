"""Sweeps: one model on many targets at many settings, measured once each, kept, and compared."""
