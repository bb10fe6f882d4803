# The libraries of picture formats. JPEG, PNG and colour profiles are always there; a format of the others is read where its
# library is here (tools/setup installs all). SL_PICTURE_LIBS: what to link; SL_PICTURES: the formats, as in decode_NAME.c.
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(LCMS REQUIRED IMPORTED_TARGET lcms2)
set(SL_PICTURE_LIBS PkgConfig::TURBOJPEG PkgConfig::PNG PkgConfig::LCMS)
set(SL_PICTURE_REQUIRES "libturbojpeg libpng lcms2") # of the .pc
set(SL_PICTURE_PRIVATE "") # likewise: by their shared libraries. Their own .pc ask the static ones for what no package of
                           # theirs brings along (libnuma, of x265, of libheif)
set(SL_PICTURES "")

function(sl_picture_format name)
  pkg_check_modules(${name} IMPORTED_TARGET ${ARGN})
  if(NOT ${name}_FOUND)
    message(STATUS "pictures of the kind ${name} are not read: ${ARGN} is not here (tools/setup build)")
    return()
  endif()
  list(TRANSFORM ${name}_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE words)
  string(JOIN " " words ${SL_PICTURE_PRIVATE} ${words})
  set(SL_PICTURE_PRIVATE "${words}" PARENT_SCOPE)
  set(SL_PICTURE_LIBS ${SL_PICTURE_LIBS} PkgConfig::${name} PARENT_SCOPE)
  set(SL_PICTURES ${SL_PICTURES} ${name} PARENT_SCOPE)
endfunction()

sl_picture_format(webp libwebp libwebpdemux)
sl_picture_format(heif libheif)
sl_picture_format(tiff libtiff-4)
find_package(GIF 5.1 QUIET) # it has no .pc
if(GIF_FOUND)
  list(APPEND SL_PICTURE_LIBS GIF::GIF)
  list(APPEND SL_PICTURES gif)
  string(APPEND SL_PICTURE_PRIVATE " -lgif")
else()
  message(STATUS "pictures of the kind gif are not read: giflib is not here (tools/setup build)")
endif()
