# Sixteen lanes (kernels/lanes.h) are passed only between inlined functions: gcc's note on their ABI is noise.
set_source_files_properties(${sources} PROPERTIES COMPILE_FLAGS -Wno-psabi)
