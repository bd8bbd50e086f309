# How all of inkling's C is compiled: ink_compile(TARGET).

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND ink_top)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(ink_warnings
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2
    -Wno-format-nonliteral -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # What it says changes with the optimisation; text that is cut is the callers' intent here.
    list(APPEND ink_warnings -Wno-format-truncation)
endif()
if(MINGW)
    # The macros of its math.h, isfinite and others, convert double to float in a branch not taken.
    list(APPEND ink_warnings -Wno-float-conversion)
endif()
if(INK_WERROR)
    list(APPEND ink_warnings -Werror)
endif()

# Sanitizers and coverage reach every target, what others write included.
if(INK_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "INK_FUZZ needs clang: cmake -DCMAKE_C_COMPILER=clang")
    endif()
    if(NOT INK_SANITIZE)
        set(INK_SANITIZE address,undefined)
    endif()
    add_compile_options($<$<COMPILE_LANGUAGE:C>:-fsanitize=fuzzer-no-link>)
endif()
if(INK_SANITIZE)
    add_compile_options(-fsanitize=${INK_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${INK_SANITIZE})
endif()

function(ink_compile target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden)
    target_compile_definitions(${target} PRIVATE _XOPEN_SOURCE=700)
    if(MINGW)
        target_compile_definitions(${target} PRIVATE __USE_MINGW_ANSI_STDIO=1)
    endif()
    # No contraction: a*b+c is rounded twice unless the source says fma, on every machine.
    # No errno from sqrtf and the like, which nobody reads and which keeps loops from becoming vectors.
    target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno ${ink_warnings})
endfunction()

# Sets `out` to whether the compiler defines `macro` for the machine that it compiles for.
include(CheckCSourceCompiles)
function(ink_target_defines macro out)
    set(CMAKE_REQUIRED_QUIET ON)
    check_c_source_compiles("
        #ifndef ${macro}
        #error no
        #endif
        int main(void) { return 0; }" ink_defines${macro})
    set(${out} "${ink_defines${macro}}" PARENT_SCOPE)
endfunction()

# A fuzz target as a program: of its file and SOURCES.
function(ink_fuzz_program program name)
    add_executable(${program} "${PROJECT_SOURCE_DIR}/fuzz/fuzz_${name}.c" ${ARGN})
    target_include_directories(${program} PRIVATE src)
    if(name STREQUAL "picture") # reads as the programs do
        file(GLOB parts CONFIGURE_DEPENDS cli/common/picture_*.c)
        target_sources(${program} PRIVATE ${parts} cli/common/exif.c cli/common/textbuf.c)
        target_include_directories(${program} PRIVATE cli)
        target_compile_definitions(${program} PRIVATE ${ink_program_macros})
        target_link_libraries(${program} PRIVATE ${ink_program_libraries})
    elseif(name STREQUAL "request") # the server without its network
        file(GLOB parts CONFIGURE_DEPENDS cli/common/*.c cli/serve/*.c)
        list(FILTER parts EXCLUDE REGEX "/serve/(listener|server|visits)\\.c$")
        target_sources(${program} PRIVATE ${parts})
        target_include_directories(${program} PRIVATE cli)
        target_compile_definitions(${program} PRIVATE ${ink_program_macros})
        target_link_libraries(${program} PRIVATE inkling_static ${ink_program_libraries} m)
    else()
        target_link_libraries(${program} PRIVATE inkling_import inkling_static m)
    endif()
    ink_compile(${program})
endfunction()
