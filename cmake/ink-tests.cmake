# The tests. Each runs from the project's root; exit code 77 means skipped. Environment:
#   INKLING_BIN       the folder of the programs
#   INKLING_DATA      data that is not in the repository; tests that need it skip without it
#   INKLING_TEST_CPU  the kernels to force; unset for the best
find_package(Cmocka QUIET)
find_package(Python3 QUIET COMPONENTS Interpreter)
find_program(INK_BASH bash)
if(NOT CMAKE_CROSSCOMPILING)
    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
    endif()
endif()

function(ink_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMMAND;LABELS;ENVIRONMENT")
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(${name} PROPERTIES
        SKIP_RETURN_CODE 77
        TIMEOUT 600
        LABELS "${arg_LABELS}"
        ENVIRONMENT "INKLING_BIN=${PROJECT_BINARY_DIR}/bin;UBSAN_OPTIONS=print_stacktrace=1;${arg_ENVIRONMENT}")
endfunction()

function(ink_test_program name)
    add_executable(${name} ${ARGN})
    set_property(TARGET ${name} PROPERTY RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    ink_compile(${name})
endfunction()

# ---- the public header ---------------------------------------------------------------------------

# The example at the top of the header is taken out of it, compiled alone, and run.
set(ink_example "${PROJECT_BINARY_DIR}/tests/header-example.c")
add_custom_command(OUTPUT "${ink_example}"
    COMMAND ${CMAKE_COMMAND} -DHEADER=${PROJECT_SOURCE_DIR}/include/inkling.h
        -DEXAMPLE=${ink_example} -P "${PROJECT_SOURCE_DIR}/cmake/header-example.cmake"
    DEPENDS include/inkling.h cmake/header-example.cmake
    COMMENT "Taking the example out of inkling.h"
    VERBATIM)
ink_test_program(header_example "${ink_example}")
target_link_libraries(header_example PRIVATE inkling_static m)
ink_test(header-example COMMAND header_example models/cnn.gguf)
set_tests_properties(header-example PROPERTIES PASS_REGULAR_EXPRESSION "^[0-9]\n$")

ink_test_program(test_header tests/test_header.c)
target_link_libraries(test_header PRIVATE inkling::inkling)
ink_test(header COMMAND test_header)
if(CMAKE_CXX_COMPILER_LOADED)
    add_executable(test_header_cxx tests/header.cpp)
    target_link_libraries(test_header_cxx PRIVATE inkling_shared)
    target_compile_options(test_header_cxx PRIVATE -Wall -Wextra -Wpedantic)
    if(INK_WERROR)
        target_compile_options(test_header_cxx PRIVATE -Werror)
    endif()
    set_target_properties(test_header_cxx PROPERTIES
        CXX_STANDARD 11
        CXX_EXTENSIONS OFF
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    ink_test(header-c++ COMMAND test_header_cxx)
elseif(NOT CMAKE_CROSSCOMPILING)
    message(STATUS "Not tested: the header in C++: no C++ compiler (Debian: g++)")
endif()

# Of test_<name>.c: the program, test_<name>, and the test, PREFIX<name> with dashes.
function(ink_unit_names file prefix)
    get_filename_component(program "${file}" NAME_WE)
    string(REGEX REPLACE "^test_" "${prefix}" name "${program}")
    string(REPLACE "_" "-" name "${name}")
    set(program ${program} PARENT_SCOPE)
    set(name ${name} PARENT_SCOPE)
endfunction()

# ---- unit tests ----------------------------------------------------------------------------------

# tests/test_<name>.c is the test <name>, and <name>-scalar with the reference kernels, but for a few that
# compute nothing worth it. Those in tests/cli/ are of parts of the programs: they see the headers of cli/, and no kernel matters to them.
set(ink_without_arithmetic base bin gguf gguf-bad idx memory model-bad op-rules schedule threads type)
if(ink_wasm)
    # cmocka does not run there: the few calls of it that the tests make.
    add_library(Cmocka::Cmocka INTERFACE IMPORTED)
    target_include_directories(Cmocka::Cmocka INTERFACE tests/wasm)
    set(Cmocka_FOUND ON)
endif()
if(Cmocka_FOUND)
    file(GLOB ink_unit_tests CONFIGURE_DEPENDS tests/test_*.c)
    list(REMOVE_ITEM ink_unit_tests "${PROJECT_SOURCE_DIR}/tests/test_header.c")
    if(ink_wasm) # they want threads, other processes, limits, permissions, and sizes of 64 bits
        list(FILTER ink_unit_tests EXCLUDE REGEX "/test_(base|idx|interop|memory|threads)\\.c$")
    endif()
    file(GLOB ink_test_support CONFIGURE_DEPENDS tests/support.c)
    foreach(file IN LISTS ink_unit_tests)
        ink_unit_names("${file}" "")
        ink_test_program(${program} "${file}" ${ink_test_support})
        target_include_directories(${program} PRIVATE src tests)
        target_link_libraries(${program} PRIVATE
            inkling_static Cmocka::Cmocka ${ink_threads} m)
        ink_test(${name} COMMAND ${program} LABELS unit)
        if(NOT name IN_LIST ink_without_arithmetic)
            ink_test(${name}-scalar COMMAND ${program} LABELS unit ENVIRONMENT INKLING_TEST_CPU=scalar)
        endif()
    endforeach()
    # The readers and writers of other formats: no kernel matters to them.
    if(NOT ink_wasm)
        set(ink_folders import export)
    endif()
    foreach(folder IN LISTS ink_folders)
        file(GLOB ink_unit_tests CONFIGURE_DEPENDS tests/${folder}/test_*.c)
        foreach(file IN LISTS ink_unit_tests)
            ink_unit_names("${file}" "${folder}-")
            ink_test_program(${program} "${file}" ${ink_test_support})
            target_include_directories(${program} PRIVATE src tests)
            target_link_libraries(${program} PRIVATE
                inkling_import inkling_static Cmocka::Cmocka ${ink_threads} m)
            if(TARGET Hdf5::Hdf5) # some write such files
                target_link_libraries(${program} PRIVATE Hdf5::Hdf5)
                target_compile_definitions(${program} PRIVATE INK_HAVE_HDF5=1)
            endif()
            ink_test(${name} COMMAND ${program} LABELS unit)
        endforeach()
    endforeach()
    if(TARGET inkling_common)
        file(GLOB ink_unit_tests CONFIGURE_DEPENDS tests/cli/test_*.c)
    else()
        set(ink_unit_tests "")
    endif()
    foreach(file IN LISTS ink_unit_tests)
        ink_unit_names("${file}" "cli-")
        # of a part of a helper: with its file, as the helper is built
        string(REGEX REPLACE "^test_" "cli/convert/" part "${program}.c")
        if(NOT EXISTS "${PROJECT_SOURCE_DIR}/${part}")
            set(part "")
        endif()
        ink_test_program(${program} "${file}" ${part} ${ink_test_support} ${ink_common})
        target_include_directories(${program} PRIVATE cli tests)
        if(part AND TARGET Seccomp::Seccomp)
            target_compile_definitions(${program} PRIVATE INK_HAVE_SECCOMP=1)
            target_link_libraries(${program} PRIVATE Seccomp::Seccomp)
        endif()
        target_compile_definitions(${program} PRIVATE ${ink_program_macros})
        target_link_libraries(${program} PRIVATE inkling_static ${ink_program_libraries}
            Cmocka::Cmocka ${ink_threads} m)
        ink_test(${name} COMMAND ${program} LABELS cli)
    endforeach()
else()
    message(STATUS "Not tested: units: cmocka not found (Debian: libcmocka-dev)")
endif()

# ---- the module for WebAssembly -------------------------------------------------------------------

# Its C library here, beside the system's; and the module itself in Node, where scripts/build-web has put it into web/.
if(Cmocka_FOUND AND NOT ink_wasm)
    ink_test_program(test_web_libc tests/web/test_libc.c)
    target_include_directories(test_web_libc PRIVATE tests)
    # Our memcpy is not to become a call of memcpy. What is tested there was compiled with other warnings.
    target_compile_options(test_web_libc PRIVATE -fno-builtin -Wno-conversion -Wno-sign-conversion -Wno-shadow)
    target_link_libraries(test_web_libc PRIVATE inkling_static Cmocka::Cmocka m)
    ink_test(web-libc COMMAND test_web_libc LABELS unit)
endif()
find_program(INK_NODE NAMES node nodejs)
if(INK_NODE AND TARGET inkling AND NOT CMAKE_CROSSCOMPILING AND NOT INK_SANITIZE)
    file(GLOB ink_web_tests CONFIGURE_DEPENDS tests/web/test_*.mjs)
    foreach(file IN LISTS ink_web_tests)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^test_" "web-" name "${name}")
        string(REPLACE "_" "-" name "${name}")
        ink_test(${name} COMMAND "${INK_NODE}" "${file}" LABELS web)
    endforeach()
elseif(NOT INK_NODE AND NOT CMAKE_CROSSCOMPILING)
    message(STATUS "Not tested: the module for WebAssembly: node not found (Debian: nodejs)")
endif()

# ---- fuzzing: every input that was ever of interest is tried again --------------------------------

if(EXISTS "${PROJECT_SOURCE_DIR}/fuzz/replay.c")
    file(GLOB ink_fuzzers CONFIGURE_DEPENDS fuzz/fuzz_*.c)
    if(NOT TARGET inkling_common)
        list(FILTER ink_fuzzers EXCLUDE REGEX "/fuzz_picture\\.c$")
    endif()
    if(NOT TARGET inkling_common OR NOT TARGET Jansson::Jansson)
        list(FILTER ink_fuzzers EXCLUDE REGEX "/fuzz_request\\.c$")
    endif()
    foreach(file IN LISTS ink_fuzzers)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^fuzz_" "" name "${name}")
        ink_fuzz_program(replay_${name} ${name} fuzz/replay.c)
        set_property(TARGET replay_${name} PROPERTY RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
        if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
            ink_test(replay-${name} COMMAND replay_${name} fuzz/corpus/${name} LABELS fuzz)
        endif()
    endforeach()
endif()
if(EXISTS "${PROJECT_SOURCE_DIR}/fuzz/make_corpus.c")
    ink_test_program(make_corpus fuzz/make_corpus.c)
    target_include_directories(make_corpus PRIVATE src tests)
    target_link_libraries(make_corpus PRIVATE inkling_import inkling_static m)
    set_property(TARGET make_corpus PROPERTY EXCLUDE_FROM_ALL ON)
endif()
if(TARGET PNG::PNG AND TARGET JPEG::JPEG AND EXISTS "${PROJECT_SOURCE_DIR}/fuzz/make_pictures.c")
    ink_test_program(make_pictures fuzz/make_pictures.c)
    target_link_libraries(make_pictures PRIVATE PNG::PNG JPEG::JPEG)
    set_property(TARGET make_pictures PROPERTY EXCLUDE_FROM_ALL ON)
endif()

# ---- examples ------------------------------------------------------------------------------------

file(GLOB ink_examples CONFIGURE_DEPENDS examples/*.c)
foreach(file IN LISTS ink_examples)
    get_filename_component(name "${file}" NAME_WE)
    ink_test_program(example_${name} "${file}")
    target_link_libraries(example_${name} PRIVATE inkling_static m)
endforeach()

# ---- what measures -------------------------------------------------------------------------------

# Debian's NumPy is that of Debian's own Python; a test says so where it is missing.
find_program(ink_bench_python python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT ink_bench_python)
    set(ink_bench_python "${Python3_EXECUTABLE}")
endif()
file(GLOB ink_bench_tests CONFIGURE_DEPENDS tests/bench/test_*.py)
if(ink_bench_python AND NOT CMAKE_CROSSCOMPILING)
    foreach(file IN LISTS ink_bench_tests)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^test_" "bench-" name "${name}")
        string(REPLACE "_" "-" name "${name}")
        ink_test(${name} COMMAND "${ink_bench_python}" -B "${file}" -v LABELS bench)
    endforeach()
endif()

# ---- the programs --------------------------------------------------------------------------------

if(TARGET inkling AND NOT CMAKE_CROSSCOMPILING)
    # What the programs do at their end, made without the training that comes before.
    ink_test_program(make_reports tests/cli/make_reports.c ${ink_common})
    target_include_directories(make_reports PRIVATE cli)
    target_link_libraries(make_reports PRIVATE inkling_static ${ink_program_libraries} m)

    file(GLOB ink_cli_tests CONFIGURE_DEPENDS tests/cli/test_*.py)
    if(ink_cli_tests AND NOT Python3_Interpreter_FOUND)
        message(STATUS "Not tested: the programs: python3 not found (Debian: python3)")
        set(ink_cli_tests "")
    endif()
    foreach(file IN LISTS ink_cli_tests)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^test_" "cli-" name "${name}")
        string(REPLACE "_" "-" name "${name}")
        ink_test(${name} COMMAND "${Python3_EXECUTABLE}" -B "${file}" -v LABELS cli)
    endforeach()
endif()

# ---- the scripts for other frameworks --------------------------------------------------------------

if(Python3_Interpreter_FOUND AND NOT CMAKE_CROSSCOMPILING)
    file(GLOB ink_python_tests CONFIGURE_DEPENDS tests/python/test_*.py)
    foreach(file IN LISTS ink_python_tests)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^test_" "python-" name "${name}")
        ink_test(${name} COMMAND "${Python3_EXECUTABLE}" -B "${file}" -v LABELS cli)
    endforeach()
endif()

# ---- the tree, the libraries as built, the libraries as installed ---------------------------------

if(INK_BASH AND NOT CMAKE_CROSSCOMPILING AND NOT INK_SANITIZE)
    ink_test(tree COMMAND "${INK_BASH}" tests/check-tree LABELS package)
    ink_test(symbols COMMAND "${INK_BASH}" tests/check-symbols $<TARGET_FILE:inkling_shared>
        LABELS package)
    ink_test(install COMMAND "${INK_BASH}" tests/install/check-install "${PROJECT_BINARY_DIR}"
        LABELS package)
endif()
