# The Python module secondlook: build/python/secondlook, by the stable ABI (one file for CPython 3.11 and later), where
# Python's headers are. It sees only include/.
option(SL_PYTHON "build the Python module where Python's headers are" ON)
find_program(PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH)
pkg_check_modules(PYTHON_HEADERS python3>=3.11)
if(NOT SL_PYTHON OR NOT PYTHON3 OR NOT PYTHON_HEADERS_FOUND OR CMAKE_CROSSCOMPILING)
  message(STATUS "the Python module is left out (it wants python3-dev and python3-numpy; SL_PYTHON=${SL_PYTHON})")
  return()
endif()

file(GLOB core_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/python/core/*.c)
file(GLOB python_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/python/secondlook/*)
add_library(secondlook_python MODULE ${core_sources})
# Where it finds the library before it is installed is told from its own place: no folder's name is in it.
set_target_properties(secondlook_python PROPERTIES PREFIX "" OUTPUT_NAME _core SUFFIX .abi3.so BUILD_RPATH_USE_ORIGIN ON
                                                   LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python/secondlook)
target_include_directories(secondlook_python SYSTEM PRIVATE ${PYTHON_HEADERS_INCLUDE_DIRS})
target_link_libraries(secondlook_python PRIVATE secondlook)
# Python leaves what it does not set to zero, and has parameters that a method does not read.
target_compile_options(secondlook_python PRIVATE -Wno-missing-field-initializers)

# The package as Python finds it: PYTHONPATH=build/python. Installed by Debian's package, or by pip (docs/python.md).
foreach(file ${python_files})
  get_filename_component(name ${file} NAME)
  if(NOT IS_DIRECTORY ${file})
    configure_file(${file} ${CMAKE_BINARY_DIR}/python/secondlook/${name} COPYONLY)
    install(FILES ${file} DESTINATION lib/python3/dist-packages/secondlook
            COMPONENT python EXCLUDE_FROM_ALL)
  endif()
endforeach()
install(TARGETS secondlook_python LIBRARY DESTINATION lib/python3/dist-packages/secondlook COMPONENT python EXCLUDE_FROM_ALL)
