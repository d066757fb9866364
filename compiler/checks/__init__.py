"""Checks: what a model achieves and costs on each target, held to its budgets and to a baseline."""
