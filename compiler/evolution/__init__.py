"""Evolution: thresholds, biases and weights of a compiled program, chosen by what its emulator puts out."""
