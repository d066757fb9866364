"""nmc: one model, many kinds of chip, and what it would cost on each."""
