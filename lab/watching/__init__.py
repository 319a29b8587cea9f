"""`lab watch`: the embedded lab, and the page in the browser that runs and draws it."""
