# sl_module(NAME [LIBS ...]): src/NAME/**.c as an object library. Modules are declared in the order of
# the way of the data; each may use all declared before it. src/NAME/module.cmake may add generated sources.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
# Debian's dnnl-config.cmake insists on OpenCL headers, which the CPU engine does not need: take the
# library and its header as they are. oneDNN runs on OpenMP (libgomp), whose thread count we set.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
add_library(dnnl INTERFACE IMPORTED)
set_target_properties(dnnl PROPERTIES INTERFACE_LINK_LIBRARIES "${DNNL_LIBRARY};OpenMP::OpenMP_C"
                                      INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(LIBPQ IMPORTED_TARGET libpq) # optional
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

set(SL_MODULES "")
set(SL_MODULE_LIBS "")
set(SL_MODULE_NAMES "")

# Kernels are files named after an instruction set, which are chosen at run time (base/cpu.h). Those of other processors
# are left out; it is the compiler that knows which one it makes code for.
include(CheckSymbolExists)
check_symbol_exists(__x86_64__ stddef.h SL_X86_64)
check_symbol_exists(__aarch64__ stddef.h SL_ARM64)
set(SL_FOREIGN_KERNELS "_(avx2|avx512|neon)\\.c$")
if(SL_X86_64)
  set(SL_FOREIGN_KERNELS "_neon\\.c$")
elseif(SL_ARM64)
  set(SL_FOREIGN_KERNELS "_avx(2|512)\\.c$")
endif()

# Sanitizers report by line, and three lines of -O1 compile in the time of one of -O3.
set(SL_KERNEL_LEVEL -O3)
if(SL_SANITIZE)
  set(SL_KERNEL_LEVEL "")
endif()

function(sl_kernel_flags)
  foreach(source ${ARGN})
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c;${SL_KERNEL_LEVEL}")
    elseif(source MATCHES "_avx512\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-mavx2;-mfma;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vnni;-mprefer-vector-width=512;${SL_KERNEL_LEVEL}")
    elseif(source MATCHES "_neon\\.c$")
      # Every 64-bit ARM has it. gcc that orders instructions before it gives out registers needs more than there are.
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "${SL_KERNEL_LEVEL};$<$<C_COMPILER_ID:GNU>:-fno-schedule-insns>")
    endif()
  endforeach()
endfunction()

macro(sl_module name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "${SL_FOREIGN_KERNELS}")
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/${name}/module.cmake)
    include(${CMAKE_SOURCE_DIR}/src/${name}/module.cmake) # may append to `sources`
  endif()
  list(APPEND SL_MODULE_LIBS ${arg_LIBS})
  list(APPEND SL_MODULE_NAMES ${name})
  if(sources)
    sl_kernel_flags(${sources})
    add_library(sl_${name} OBJECT ${sources})
    target_include_directories(sl_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(sl_${name} PUBLIC ${SL_MODULE_LIBS})
    list(APPEND SL_MODULES sl_${name})
    # What a test of this module links: its objects and those of all modules above it.
    set(SL_UPTO_${name} ${SL_MODULES})
  endif()
endmacro()
