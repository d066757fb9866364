"""Small trained networks, each with its weights, its data, a model card and the script that trained it."""
