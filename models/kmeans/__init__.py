"""The centroids of k-means as a network that reads handwritten digits."""
