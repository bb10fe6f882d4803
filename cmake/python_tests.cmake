# tests/python/test_*.py: the module as Python meets it. They use the programs of the other tests. Left out under sanitizers,
# which would have to be in Python first.
if(NOT TARGET secondlook_python OR NOT TARGET make_picture OR SL_SANITIZE)
  return()
endif()
execute_process(COMMAND ${PYTHON3} -c "import numpy" RESULT_VARIABLE no_numpy ERROR_QUIET)
if(no_numpy)
  message(STATUS "numpy is not here: the tests of the Python module are left out (tools/setup check)")
  return()
endif()
file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/python/test_*.py)
foreach(script ${scripts})
  get_filename_component(stem ${script} NAME_WE)
  add_test(NAME python/${stem} COMMAND ${PYTHON3} -B ${script})
  set_tests_properties(python/${stem} PROPERTIES TIMEOUT 600 SKIP_REGULAR_EXPRESSION "OK \\(skipped" ENVIRONMENT
    "PYTHONPATH=${CMAKE_BINARY_DIR}/python;BIN=$<TARGET_FILE:secondlook_cli>;MAKE_PICTURE=$<TARGET_FILE:make_picture>;GALLERY_OF_ARRAYS=$<TARGET_FILE:gallery_of_arrays>;SOURCE=${CMAKE_SOURCE_DIR};BUILD=${CMAKE_BINARY_DIR}")
endforeach()
