"""Weight files: reading, checking, converting."""
