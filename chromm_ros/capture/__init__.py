"""Image sets in, snapshots out, for ever."""
