"""What the user sees in the web UI."""
