"""Anomalies as what principal components leave of an image."""
