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
target_link_libraries(secondlook_static PUBLIC ${SL_MODULE_LIBS})

file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/*.c)
if(cli_sources)
  # Linked statically with our own library: build/secondlook runs wherever it is copied with its apt
  # packages. It sees only include/.
  add_executable(secondlook_cli ${cli_sources})
  set_target_properties(secondlook_cli PROPERTIES OUTPUT_NAME secondlook)
  target_link_libraries(secondlook_cli PRIVATE secondlook_static PkgConfig::JANSSON)
  install(TARGETS secondlook_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_file(cmake/secondlook.pc.in secondlook.pc @ONLY)
install(TARGETS secondlook secondlook_static LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/secondlook.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/secondlook.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(EXISTS ${CMAKE_SOURCE_DIR}/docs/secondlook.1)
  install(FILES docs/secondlook.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# Peers' twins in bench/, which look inside the library.
add_executable(bench_forward EXCLUDE_FROM_ALL bench/forward.c)
target_include_directories(bench_forward PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(bench_forward PRIVATE secondlook_static)
add_executable(bench_soak EXCLUDE_FROM_ALL bench/soak.c)
target_link_libraries(bench_soak PRIVATE secondlook_static)
add_executable(flow_of_shapes EXCLUDE_FROM_ALL examples/flow_of_shapes.c)
target_link_libraries(flow_of_shapes PRIVATE secondlook_static m)
