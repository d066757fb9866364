"""Estimates held against hardware that somebody measured."""
