"""How well people keep their ids over long runs."""
