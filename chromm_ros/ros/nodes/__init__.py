"""The executables: nodes that wire, and the state of a node."""
