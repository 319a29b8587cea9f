"""What the lab promises in both its forms, embedded and in Compose."""
