"""Published measurements, a file for each publication or table."""
