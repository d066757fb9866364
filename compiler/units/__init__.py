"""Quantities: a value with a unit, an interval and a grade; read from text, and said in it."""
