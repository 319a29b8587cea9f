"""The lab on several machines, which are hosts that the tests make on this one."""
