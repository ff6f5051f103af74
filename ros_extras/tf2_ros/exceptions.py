"""What a buffer raises; the names and the hierarchy of tf2."""


class TransformException(Exception):
    """Anything that keeps a transform from being found."""


class LookupException(TransformException):
    """A frame was never heard of."""


class ConnectivityException(TransformException):
    """Both frames are known, but no chain of transforms joins them."""


class ExtrapolationException(TransformException):
    """The chain is known, but not at the time that was asked for."""


class InvalidArgumentException(TransformException):
    """A frame name that no frame can have."""


class TimeoutException(TransformException):
    """An answer took longer than allowed."""
