"""Whether a translation kept the meaning: what compiling runs before it writes a program."""
