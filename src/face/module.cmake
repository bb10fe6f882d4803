# Steps of landmarks are plain loops over numbers, meant to be vectorised by the compiler.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/face/dlib_landmarks.c PROPERTIES COMPILE_OPTIONS -O3)
