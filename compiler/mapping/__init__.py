"""Mapping: a fixed-point graph cut into slices that fit on cores, placed on chips, and the ways between them."""
