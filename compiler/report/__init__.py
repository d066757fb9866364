"""Results for people and programs: terminal tables and plain data."""
