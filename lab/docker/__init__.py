"""The Docker engine: whether there is one, how to install and start it, and the image to build on."""
