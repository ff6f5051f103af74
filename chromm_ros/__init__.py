"""People, metric scene and cameras in one frame, live from several cameras."""

from pkgutil import extend_path

# The generated interfaces (chromm_ros.msg, chromm_ros.srv and their type support) may live in another
# directory than these modules: in a checkout that runs from its source tree, or in an editable installation.
__path__ = extend_path(__path__, __name__)
