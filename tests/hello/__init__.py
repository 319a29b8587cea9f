"""The hello server."""
