# Lets packages build against ROS 2 from PyPI wheels. On a ROS installation from apt every function here does nothing.

# ROS from wheels has no setup.bash; its ament index is at the prefix that holds ament_cmake.
macro(ros_wheels_find_ament_index)
  if(NOT DEFINED ENV{AMENT_PREFIX_PATH})
    get_filename_component(_ros_wheels_prefix "${ament_cmake_DIR}/../../.." ABSOLUTE)
    set(ENV{AMENT_PREFIX_PATH} "${_ros_wheels_prefix}")
  endif()
endmacro()

# A virtual environment inside the source folder puts NumPy's headers below the source directory, which CMake does
# not let an exported target name. Nobody who uses the exported target needs them.
function(ros_wheels_drop_source_includes target)
  get_target_property(_dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
  if(_dirs)
    list(FILTER _dirs EXCLUDE REGEX "^${CMAKE_SOURCE_DIR}/")
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_dirs}")
  endif()
endfunction()

# The wheels carry the include directories of the machine that built them; CMake refuses imported targets whose
# directories do not exist. Imported targets belong to a directory, so call this where the packages were found.
function(ros_wheels_drop_missing_includes)
  get_property(_targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(_target IN LISTS _targets)
    get_target_property(_dirs ${_target} INTERFACE_INCLUDE_DIRECTORIES)
    if(_dirs MATCHES "/opt/python/")
      list(FILTER _dirs EXCLUDE REGEX "^/opt/python/")
      set_target_properties(${_target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_dirs}")
    endif()
  endforeach()
endfunction()
