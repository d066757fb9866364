"""The model zoo: one folder a model."""
