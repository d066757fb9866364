"""What the benchmarks share: workloads, the machine's limits, and other simulators."""
