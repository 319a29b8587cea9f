"""Files and directories that are opened, made and owned with care."""
