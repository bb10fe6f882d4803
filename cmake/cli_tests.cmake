# Second implementations in Python against the program; they skip where Debian's python3-numpy is not here.
find_program(PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(PYTHON3 AND TARGET secondlook_cli)
  add_executable(gallery_of_arrays ${CMAKE_SOURCE_DIR}/tests/eval/gallery_of_arrays.c)
  target_link_libraries(gallery_of_arrays PRIVATE ${SL_UPTO_gallery})
  sl_tests_of(eval secondlook_cli gallery_of_arrays)
  foreach(twin twin twin_openset)
    add_test(NAME eval/${twin} COMMAND ${PYTHON3} -B ${CMAKE_SOURCE_DIR}/tests/eval/${twin}.py $<TARGET_FILE:secondlook_cli>
                                     $<TARGET_FILE:gallery_of_arrays>)
    set_tests_properties(eval/${twin} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
  endforeach()
  if(NOT SL_SANITIZE) # a slice of LFW through the whole program; a minute on two cores
    add_test(NAME eval/slice COMMAND ${PYTHON3} -B ${CMAKE_SOURCE_DIR}/tests/eval/slice.py $<TARGET_FILE:secondlook_cli>
                                     ${CMAKE_SOURCE_DIR}/tests/eval/slice.json)
    set_tests_properties(eval/slice PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 PROCESSORS 2 COST 200)
  endif()
endif()

# tests/cli/*.bats: the command line as a user meets it, and the installed library. Needs Debian's bats.
find_program(BATS bats)
if(NOT BATS)
  message(STATUS "bats is not here: the tests of the command line are left out (tools/setup check)")
  return()
endif()
if(NOT TARGET secondlook_cli)
  return()
endif()

# Makes the pictures that the tests need; no photos of people are kept in the repository.
add_executable(make_picture ${CMAKE_SOURCE_DIR}/tests/cli/make_picture.c)
target_link_libraries(make_picture PRIVATE secondlook_static)

file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cli/*.bats)
foreach(script ${scripts})
  get_filename_component(stem ${script} NAME_WE)
  if(stem STREQUAL "install" AND SL_SANITIZE)
    continue() # an installed library is not built with sanitizers
  endif()
  add_test(NAME cli/${stem} COMMAND ${BATS} ${script})
  if(stem MATCHES "^(interrupt|identify|decisions)$") # the longest begin first, so that none is left alone at the end
    set_tests_properties(cli/${stem} PROPERTIES COST 100)
  endif()
  set_tests_properties(cli/${stem} PROPERTIES TIMEOUT 900 ENVIRONMENT
    "BIN=$<TARGET_FILE:secondlook_cli>;MAKE_PICTURE=$<TARGET_FILE:make_picture>;TURN=$<TARGET_FILE:turn>;SOURCE=${CMAKE_SOURCE_DIR};BUILD=${CMAKE_BINARY_DIR};SANITIZED=${SL_SANITIZE}")
endforeach()
