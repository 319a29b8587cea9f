"""Programs as other people write them, for `client trace`: each takes the name of the loop that it is to run on.

They follow examples of the packages that they are about.
"""
