# For WebAssembly with WASI, with Debian's clang, lld, wasi-libc and libclang-rt-14-dev-wasm32:
#   cmake -B build/wasm -DCMAKE_TOOLCHAIN_FILE=cmake/wasm32-wasi.cmake -DCMAKE_C_FLAGS=-msimd128
# Without -msimd128 the kernels are the scalar ones alone.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
# The stack is 64 KiB unless told, and would grow over the program's data.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-z,stack-size=1048576 -Wl,--stack-first")
list(APPEND CMAKE_FIND_ROOT_PATH /usr/lib/wasm32-wasi)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Tests run in Node, by its WASI. With V8's helper threads Node 20 crashes now and then when it ends, with all tests passed.
find_program(INK_NODE NAMES node nodejs)
if(INK_NODE)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${INK_NODE}" --no-warnings --single-threaded
        "${CMAKE_CURRENT_LIST_DIR}/../tests/wasm/run.mjs")
endif()
