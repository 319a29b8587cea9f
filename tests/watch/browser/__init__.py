"""The page in a browser, beside a lab of its own: `lab watch` as a person starts it."""
