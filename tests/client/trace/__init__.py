"""The recorder, its model, and the lanes."""
