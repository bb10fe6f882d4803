# The extension of PostgreSQL, where its server's headers are: build/postgres/secondlook.so beside the control and SQL
# files.
find_program(PG_CONFIG pg_config)
if(PG_CONFIG)
  execute_process(COMMAND ${PG_CONFIG} --includedir-server OUTPUT_VARIABLE PG_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${PG_CONFIG} --pkglibdir OUTPUT_VARIABLE PG_LIBDIR OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${PG_CONFIG} --sharedir OUTPUT_VARIABLE PG_SHAREDIR OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(CMAKE_CROSSCOMPILING OR NOT PG_CONFIG OR NOT EXISTS ${PG_INCLUDE}/postgres.h)
  message(STATUS "the extension of PostgreSQL is left out: its server's headers are not here (postgresql-server-dev-all)")
  return()
endif()

file(GLOB ext_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/postgres/*.c)
file(GLOB ext_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/postgres/*.control ${CMAKE_SOURCE_DIR}/postgres/*.sql)
# Kernels, codes and looks: no networks, no codecs, no gallery.
add_library(secondlook_postgres MODULE ${ext_sources} $<TARGET_OBJECTS:sl_base> $<TARGET_OBJECTS:sl_template>
                                       $<TARGET_OBJECTS:sl_match>)
set_target_properties(secondlook_postgres PROPERTIES PREFIX "" OUTPUT_NAME secondlook C_VISIBILITY_PRESET default
                                                     LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/postgres)
target_include_directories(secondlook_postgres PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                                                       ${CMAKE_SOURCE_DIR}/postgres)
target_include_directories(secondlook_postgres SYSTEM PRIVATE ${PG_INCLUDE})
target_compile_options(secondlook_postgres PRIVATE -Wno-shadow)
target_link_libraries(secondlook_postgres PRIVATE Threads::Threads PkgConfig::UTF8PROC m)
install(TARGETS secondlook_postgres LIBRARY DESTINATION ${PG_LIBDIR} COMPONENT postgres EXCLUDE_FROM_ALL)
install(FILES ${ext_files} DESTINATION ${PG_SHAREDIR}/extension COMPONENT postgres EXCLUDE_FROM_ALL)
