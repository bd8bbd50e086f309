# The module of web/: the library and web/module in one file that imports nothing. See web/README.md.
file(GLOB ink_module_sources CONFIGURE_DEPENDS web/module/*.c web/module/libc/*.c)
add_executable(inkling_module ${ink_module_sources} $<TARGET_OBJECTS:inkling_objects>)
target_include_directories(inkling_module PRIVATE include src)
ink_compile(inkling_module)
set_property(SOURCE ${ink_module_sources} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
# These are what the compiler's own knowledge of them is turned into.
set_property(SOURCE web/module/libc/bytes.c APPEND PROPERTY COMPILE_OPTIONS -fno-builtin)
if(INK_WASM_SIMD)
    set(name inkling-simd)
else()
    set(name inkling)
endif()
set_target_properties(inkling_module PROPERTIES
    OUTPUT_NAME ${name}
    SUFFIX .wasm
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/web")
# The stack comes first, so that too deep a call is a trap and no damage.
target_link_options(inkling_module PRIVATE --no-entry --gc-sections --strip-all
    -z stack-size=262144 --stack-first --max-memory=1073741824)
