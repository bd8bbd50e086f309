# For WebAssembly without a system: what web/ is made of, with Debian's clang and lld (scripts/build-web).
#   cmake -B build/web-simd -DCMAKE_TOOLCHAIN_FILE=cmake/wasm32.cmake -DINK_WASM_SIMD=ON
# The little of a C library that inkling calls is web/module/libc.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET wasm32-unknown-unknown)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # no program links without an entry
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES INK_WASM_SIMD)
set(CMAKE_C_FLAGS_INIT "-nostdlibinc -isystem \"${CMAKE_CURRENT_LIST_DIR}/../web/module/libc/include\"")
# All engines since 2023 have both of these; the plain module is for those before.
if(INK_WASM_SIMD)
    string(APPEND CMAKE_C_FLAGS_INIT " -msimd128 -mbulk-memory")
endif()
# By clang the linker would call wasm-opt where one is installed, and the module be another one there.
set(CMAKE_C_LINK_EXECUTABLE "wasm-ld <LINK_FLAGS> <OBJECTS> -o <TARGET>")
set(INK_WASM_MODULE ON)
