# The resampler's and the warp's inner loops are plain loops over pixels, meant to be vectorised by the compiler.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/image/resample.c ${CMAKE_SOURCE_DIR}/src/image/take.c
                            ${CMAKE_SOURCE_DIR}/src/image/warp.c
                            PROPERTIES COMPILE_OPTIONS -O3)
# Formats whose library is here (cmake/pictures.cmake).
foreach(format webp heif tiff gif)
  if(format IN_LIST SL_PICTURES)
    string(TOUPPER ${format} word)
    set_property(SOURCE ${CMAKE_SOURCE_DIR}/src/image/codec.c APPEND PROPERTY COMPILE_DEFINITIONS SL_WITH_${word})
  else()
    list(FILTER sources EXCLUDE REGEX "decode_${format}\\.c$")
  endif()
endforeach()
