"""What two runs of a network have in common, where they part, and the rule that explains it."""
