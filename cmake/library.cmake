# The library (shared and static), the program, the header, the .pc file.
set(objects "")
foreach(module ${SL_MODULES})
  list(APPEND objects $<TARGET_OBJECTS:${module}>)
endforeach()

add_library(secondlook SHARED ${objects})
set_target_properties(secondlook PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
add_library(secondlook_static STATIC ${objects})
set_target_properties(secondlook_static PROPERTIES OUTPUT_NAME secondlook)
foreach(lib secondlook secondlook_static)
  target_include_directories(${lib} PUBLIC ${CMAKE_SOURCE_DIR}/include)
endforeach()
target_link_libraries(secondlook PRIVATE ${SL_MODULE_LIBS})
target_link_options(secondlook PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/secondlook.map)
set_target_properties(secondlook PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/secondlook.map)
target_link_libraries(secondlook_static PUBLIC ${SL_MODULE_LIBS})

# Galleries of servers, where libcurl is here.
option(SL_CURL "let secondlook ask servers, by libcurl" ON)
if(SL_CURL AND NOT CMAKE_CROSSCOMPILING)
  pkg_check_modules(CURL IMPORTED_TARGET libcurl)
endif()

# What programs share beyond the library: values as JSON.
add_library(wire OBJECT ${CMAKE_SOURCE_DIR}/wire/wire_json.c)
target_include_directories(wire PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(wire PUBLIC PkgConfig::JANSSON)

file(GLOB_RECURSE cli_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/*.c)
if(cli_sources)
  # Linked statically with our own library: build/secondlook runs wherever it is copied with its apt
  # packages. It sees only include/.
  add_executable(secondlook_cli ${cli_sources})
  set_target_properties(secondlook_cli PROPERTIES OUTPUT_NAME secondlook)
  target_include_directories(secondlook_cli PRIVATE ${CMAKE_SOURCE_DIR}/cli)
  target_link_libraries(secondlook_cli PRIVATE wire secondlook_static PkgConfig::JANSSON)
  if(CURL_FOUND)
    target_compile_definitions(secondlook_cli PRIVATE SL_CURL)
    target_link_libraries(secondlook_cli PRIVATE PkgConfig::CURL)
  endif()
  install(TARGETS secondlook_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The same program for several machines, where MPI is here: mpirun -n 4 secondlook-mpi train ...
option(SL_MPI "build secondlook-mpi where MPI is installed" ON)
if(SL_MPI AND NOT CMAKE_CROSSCOMPILING)
  pkg_check_modules(MPI IMPORTED_TARGET ompi-c)
endif()
if(MPI_FOUND AND cli_sources)
  add_executable(secondlook_mpi ${cli_sources})
  set_target_properties(secondlook_mpi PROPERTIES OUTPUT_NAME secondlook-mpi)
  target_compile_definitions(secondlook_mpi PRIVATE SL_MPI)
  target_include_directories(secondlook_mpi PRIVATE ${CMAKE_SOURCE_DIR}/cli)
  target_link_libraries(secondlook_mpi PRIVATE wire secondlook_static PkgConfig::JANSSON PkgConfig::MPI)
  install(TARGETS secondlook_mpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The .pc names the prefix that `cmake --install --prefix` is given, which is known only then; and, for those who link the
# static library, OpenMP's, which oneDNN's threads run on.
set(openmp ${OpenMP_C_LIB_NAMES})
list(REMOVE_ITEM openmp pthread)
list(TRANSFORM openmp PREPEND "-l")
string(REPLACE ";" " " openmp "${openmp}")
set(libpq "") # by its shared library: libpq.pc's private ones are PostgreSQL's own build's
if(LIBPQ_FOUND)
  set(libpq -lpq)
endif()
install(CODE "
  set(libpq \"${libpq}\")
  set(PROJECT_VERSION \"${PROJECT_VERSION}\")
  set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
  set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
  set(openmp \"${openmp}\")
  set(SL_PICTURE_REQUIRES \"${SL_PICTURE_REQUIRES}\")
  set(SL_PICTURE_PRIVATE \"${SL_PICTURE_PRIVATE}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/cmake/secondlook.pc.in\" \"${CMAKE_BINARY_DIR}/secondlook.pc\" @ONLY)")
install(TARGETS secondlook secondlook_static LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/secondlook.h include/secondlook_attack.h include/secondlook_draw.h include/secondlook_eval.h include/secondlook_serve.h
        include/secondlook_study.h
        include/secondlook_train.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/secondlook.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(EXISTS ${CMAKE_SOURCE_DIR}/docs/secondlook.1)
  install(FILES docs/secondlook.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# Peers' twins in bench/, which look inside the library.
add_executable(bench_forward EXCLUDE_FROM_ALL bench/bench_forward.c)
target_include_directories(bench_forward PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(bench_forward PRIVATE secondlook_static)
add_executable(torch_forward EXCLUDE_FROM_ALL tests/torch/torch_forward.c)
target_include_directories(torch_forward PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(torch_forward PRIVATE secondlook_static)
add_executable(torch_look EXCLUDE_FROM_ALL tests/torch/torch_look.c)
target_include_directories(torch_look PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(torch_look PRIVATE secondlook_static)
if(SL_X86_64) # it measures AVX2 and AVX-512
  add_executable(bench_limits EXCLUDE_FROM_ALL bench/limits.c)
  target_include_directories(bench_limits PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(bench_limits PRIVATE secondlook_static)
endif()
add_executable(template_forms EXCLUDE_FROM_ALL bench/template_forms.c)
target_include_directories(template_forms PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(template_forms PRIVATE secondlook_static)
add_executable(bench_soak EXCLUDE_FROM_ALL bench/soak.c)
target_link_libraries(bench_soak PRIVATE secondlook_static)
add_executable(large_gallery EXCLUDE_FROM_ALL bench/large_gallery.c)
target_include_directories(large_gallery PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(large_gallery PRIVATE secondlook_static)
add_executable(bench_augment EXCLUDE_FROM_ALL bench/augmented_sheet.c)
target_include_directories(bench_augment PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(bench_augment PRIVATE secondlook_static)
add_executable(turn bench/turn_picture.c) # the tests of the command line use it too
target_include_directories(turn PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(turn PRIVATE secondlook_static)
add_executable(flow_of_shapes EXCLUDE_FROM_ALL examples/flow_of_shapes.c)
target_link_libraries(flow_of_shapes PRIVATE secondlook_static m)
add_executable(train_shapes EXCLUDE_FROM_ALL examples/train_shapes.c)
target_link_libraries(train_shapes PRIVATE secondlook_static m)
target_compile_options(train_shapes PRIVATE -USL_EXPERIMENTAL) # it asks for it itself
