"""A recurrent spiking network that tells speakers apart."""
