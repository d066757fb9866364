"""Independent accounts of what nmc computes, to hold it to."""
