"""How connections come to a site: by its own listeners, or from the lab's gateway."""
