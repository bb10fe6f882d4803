# secondlook-server: sees only include/, wire/, libmicrohttpd, jansson and libsodium. Left out where these are not here.
option(SL_SERVER "build secondlook-server" ON)
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(SODIUM IMPORTED_TARGET libsodium)
if(NOT SL_SERVER OR NOT MICROHTTPD_FOUND OR NOT SODIUM_FOUND OR CMAKE_CROSSCOMPILING)
  message(STATUS "secondlook-server is not built (it wants libmicrohttpd-dev and libsodium-dev; SL_SERVER=${SL_SERVER})")
  return()
endif()

# The page's files become part of the program.
file(GLOB page CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/server/page/*.html ${CMAKE_SOURCE_DIR}/server/page/*.css
     ${CMAKE_SOURCE_DIR}/server/page/*.js ${CMAKE_SOURCE_DIR}/server/page/*.svg)
set(builtin "#include \"page/page_files.h\"\n\n")
set(table "const sv_page_file sv_page_files[] = {\n")
foreach(file ${page})
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} stem)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND builtin "static const unsigned char ${stem}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", ${stem}, sizeof ${stem}},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/page_files.c CONTENT "${builtin}\n${table}    {0}};\n" @ONLY)

file(GLOB_RECURSE server_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/server/*.c)
list(FILTER server_sources EXCLUDE REGEX "server/server_main\\.c$")
add_library(server_parts OBJECT ${server_sources} ${CMAKE_BINARY_DIR}/page_files.c)
target_include_directories(server_parts PUBLIC ${CMAKE_SOURCE_DIR}/server ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(server_parts PUBLIC wire PkgConfig::MICROHTTPD PkgConfig::SODIUM PkgConfig::JANSSON Threads::Threads)
set(SL_UPTO_server server_parts wire ${SL_MODULES}) # what a test of the parts links
add_executable(secondlook_server ${CMAKE_SOURCE_DIR}/server/server_main.c)
set_target_properties(secondlook_server PROPERTIES OUTPUT_NAME secondlook-server)
target_link_libraries(secondlook_server PRIVATE server_parts wire secondlook_static)
install(TARGETS secondlook_server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
# The unit names the folder that `cmake --install --prefix` is given, as the .pc does.
install(CODE "
  set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/server/secondlook-server.service.in\"
                 \"${CMAKE_BINARY_DIR}/secondlook-server.service\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/secondlook-server.service DESTINATION lib/systemd/system)
