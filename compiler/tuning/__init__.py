"""Tuning: a search through targets and settings for the best trade-offs within a budget."""
