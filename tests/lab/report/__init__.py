"""Tests of `lab report`: the story, the command, and where its pages go."""
