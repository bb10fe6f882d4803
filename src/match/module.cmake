# Sixteen lanes (kernels/lanes.h) are passed only between inlined functions: gcc's note on their ABI is noise.
# The plain C kernels are worth -O3 like the others.
set_source_files_properties(${sources} PROPERTIES COMPILE_FLAGS -Wno-psabi)
foreach(source ${sources})
  if(source MATCHES "kernels/.*_scalar\\.c$")
    set_source_files_properties(${source} PROPERTIES COMPILE_FLAGS "-Wno-psabi -O3")
  endif()
endforeach()
