"""What is asked of the machine: files, a cache, processes."""
