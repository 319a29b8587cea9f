"""Files and directories: regular files read safely, temporary directories, and the owner of what is made."""
