"""URLs: what a person or a server wrote, made into what is asked for. Start reading at `url`."""
