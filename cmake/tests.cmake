# tests/MODULE/test_*.c: one cmocka program each, linked with the module and those above it.
# tests/fuzz/fuzz_NAME.c: libFuzzer targets; without SL_FUZZ each runs its corpus as a regression test.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
set(emulator "") # the words of a C array that come before a program's own
foreach(word ${CMAKE_CROSSCOMPILING_EMULATOR})
  string(APPEND emulator "\"${word}\",")
endforeach()
set(most_seconds 600)
if(CMAKE_CROSSCOMPILING)
  set(most_seconds 5400) # an emulator takes ten times as long
endif()
file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
add_library(test_support OBJECT ${support})
target_include_directories(test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests/support
                                        PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(test_support PUBLIC SL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SL_EMULATOR=${emulator})
target_link_libraries(test_support PUBLIC PkgConfig::CMOCKA)

# sl_tests_of(GROUP TARGET...): what the tests GROUP/... run. `--target tests_GROUP` builds these alone.
function(sl_tests_of group)
  if(NOT TARGET tests_${group})
    add_custom_target(tests_${group})
  endif()
  add_dependencies(tests_${group} ${ARGN})
endfunction()

foreach(module ${SL_MODULE_NAMES})
  set(upto ${module})
  if(module STREQUAL "match")
    set(upto gallery) # its tests take their faces from galleries
  endif()
  file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${module}/test_*.c)
  foreach(program ${programs})
    get_filename_component(stem ${program} NAME_WE)
    set(target ${module}_${stem})
    add_executable(${target} ${program})
    target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR})
    target_link_libraries(${target} PRIVATE ${SL_UPTO_${upto}} test_support)
    sl_tests_of(${module} ${target})
    add_test(NAME ${module}/${stem} COMMAND ${target})
    # 77: the test wants something that is not here (LFW, a fetched model) and said so.
    set_tests_properties(${module}/${stem} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${most_seconds})
  endforeach()
endforeach()

add_library(regression_driver OBJECT ${CMAKE_SOURCE_DIR}/tests/fuzz/regression_driver.c)
file(GLOB targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(source ${targets})
  get_filename_component(stem ${source} NAME_WE)
  file(STRINGS ${source} module_line REGEX "^// module: [a-z]+")
  string(REGEX REPLACE "^// module: " "" module "${module_line}")
  string(REPLACE "fuzz_" "" corpus ${stem})
  if(module STREQUAL "server" AND NOT TARGET server_parts)
    continue()
  endif()
  if(corpus STREQUAL "pg_place" AND NOT LIBPQ_FOUND)
    continue()
  endif()
  if(corpus MATCHES "^(webp|heif|tiff|gif)$" AND NOT corpus IN_LIST SL_PICTURES)
    continue()
  endif()
  if(SL_FUZZ)
    add_executable(${stem} ${source})
    target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${stem} ${source})
    target_link_libraries(${stem} PRIVATE regression_driver)
    add_test(NAME fuzz/${corpus} COMMAND ${stem} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
    set_tests_properties(fuzz/${corpus} PROPERTIES TIMEOUT ${most_seconds})
  endif()
  target_link_libraries(${stem} PRIVATE ${SL_UPTO_${module}})
endforeach()

# The engine's scalar half in double: its own sources once more, float read as double (tests/net/double/as_double.h).
file(GLOB net_double CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/net/layers/*.c)
foreach(pass copy gradient infer training)
  list(APPEND net_double ${CMAKE_SOURCE_DIR}/src/net/passes/${pass}.c)
endforeach()
add_executable(net_test_gradient ${CMAKE_SOURCE_DIR}/tests/net/double/test_gradient.c ${CMAKE_SOURCE_DIR}/src/net/graph.c
                                 ${net_double} ${support})
target_include_directories(net_test_gradient PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                                                     ${CMAKE_SOURCE_DIR}/tests/support)
target_compile_options(net_test_gradient PRIVATE -include ${CMAKE_SOURCE_DIR}/tests/net/double/as_double.h)
target_compile_definitions(net_test_gradient PRIVATE SL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SL_EMULATOR=${emulator})
target_link_libraries(net_test_gradient PRIVATE ${SL_UPTO_base} PkgConfig::CMOCKA)
add_test(NAME net/test_gradient COMMAND net_test_gradient)

# For tests/torch/run: whole networks in double.
file(GLOB arch_double CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/model/arch/*.c)
list(FILTER arch_double EXCLUDE REGEX "arch_json\\.c$")
add_library(formula_float OBJECT EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/torch/formula_float.c ${support})
target_include_directories(formula_float PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                                                 ${CMAKE_SOURCE_DIR}/tests/support)
target_compile_definitions(formula_float PRIVATE SL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SL_EMULATOR=${emulator})
add_executable(double_gradients EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/torch/double_gradients.c
               ${CMAKE_SOURCE_DIR}/src/net/graph.c ${net_double} ${arch_double}
               ${CMAKE_SOURCE_DIR}/src/net/import/weights/state_dict.c $<TARGET_OBJECTS:formula_float>)
target_include_directories(double_gradients PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                                                    ${CMAKE_SOURCE_DIR}/tests/support ${CMAKE_SOURCE_DIR}/tests/model)
target_compile_options(double_gradients PRIVATE -O2 -include ${CMAKE_SOURCE_DIR}/tests/net/double/as_double.h)
target_compile_definitions(double_gradients PRIVATE SL_FORMULA_DOUBLE)
target_link_libraries(double_gradients PRIVATE ${SL_UPTO_base} PkgConfig::CMOCKA)

# For bench/compare train: a step of training, timed.
add_executable(train_step EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/train_step.c)
target_include_directories(train_step PRIVATE ${CMAKE_SOURCE_DIR}/tests/model)
target_link_libraries(train_step PRIVATE ${SL_UPTO_model} test_support)

# Matching stands on templates alone: this links no networks, no codecs, no gallery, or not at all.
add_executable(score_two_templates ${CMAKE_SOURCE_DIR}/tests/link/score_two_templates.c $<TARGET_OBJECTS:sl_base>
                                   $<TARGET_OBJECTS:sl_template> $<TARGET_OBJECTS:sl_match>)
target_include_directories(score_two_templates PRIVATE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(score_two_templates PRIVATE Threads::Threads PkgConfig::UTF8PROC m)
sl_tests_of(match score_two_templates)
add_test(NAME match/links_alone COMMAND score_two_templates)
