"""Jinja templates of the page, a file for each section."""
