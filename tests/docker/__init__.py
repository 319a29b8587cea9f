"""What only containers can show."""
