"""Spiking neurons that learn handwritten digits without labels, by STDP and competition."""
