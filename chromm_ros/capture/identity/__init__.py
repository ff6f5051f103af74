"""Who is who, from window to window."""
