# The resampler's and the warp's inner loops are plain loops over pixels, meant to be vectorised by the compiler.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/image/resample.c ${CMAKE_SOURCE_DIR}/src/image/warp.c
                            PROPERTIES COMPILE_OPTIONS -O3)
