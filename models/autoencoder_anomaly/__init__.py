"""Anomalies as what an autoencoder does not reconstruct."""
