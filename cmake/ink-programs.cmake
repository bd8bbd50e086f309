# The programs, also as the target `programs`. They see include/inkling.h and each other's headers, and nothing of src/.

include(ink-optional)

add_custom_target(programs)
function(ink_program name folder)
    add_executable(${name} ${ARGN})
    target_include_directories(${name} PRIVATE cli)
    target_compile_definitions(${name} PRIVATE ${ink_program_macros})
    target_link_libraries(${name} PRIVATE inkling_static ${ink_program_libraries} m)
    if(NOT APPLE)
        target_link_options(${name} PRIVATE LINKER:--as-needed)
    endif()
    set_property(TARGET ${name} PROPERTY
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${folder}")
    ink_compile(${name})
    add_dependencies(programs ${name})
    set_property(GLOBAL APPEND PROPERTY ink_${folder}_programs ${name})
endfunction()

# What the programs share, compiled once.
file(GLOB ink_common CONFIGURE_DEPENDS cli/common/*.c)
if(ink_common)
    add_library(inkling_common OBJECT ${ink_common})
    target_include_directories(inkling_common PRIVATE cli)
    target_compile_definitions(inkling_common PRIVATE ${ink_program_macros})
    target_link_libraries(inkling_common PRIVATE inkling_static ${ink_program_libraries})
    ink_compile(inkling_common)
    set(ink_common $<TARGET_OBJECTS:inkling_common>)
endif()

file(GLOB ink_commands CONFIGURE_DEPENDS cli/cmd_*.c)
if(EXISTS "${PROJECT_SOURCE_DIR}/cli/main.c")
    ink_program(inkling bin cli/main.c cli/libexec.c ${ink_commands} ${ink_common})
endif()

# The programs of ggml's MNIST examples, by their old names.
file(GLOB ink_old CONFIGURE_DEPENDS cli/old.c)
if(EXISTS "${PROJECT_SOURCE_DIR}/cli/old_mnist.c")
    ink_program(mnist bin cli/old_mnist.c ${ink_old} ${ink_common})
endif()
if(EXISTS "${PROJECT_SOURCE_DIR}/cli/old_mnist_cnn.c")
    ink_program(mnist-cnn bin cli/old_mnist_cnn.c ${ink_old} ${ink_common})
endif()

# Helpers that `inkling` starts, as git does: cli/helper_<name>.c, with the files of cli/<name>/ where
# there are any, is libexec/inkling/inkling-<name>.
file(GLOB ink_helpers CONFIGURE_DEPENDS cli/helper_*.c)
foreach(file IN LISTS ink_helpers)
    get_filename_component(name "${file}" NAME_WE)
    string(REGEX REPLACE "^helper_" "" name "${name}")
    file(GLOB parts CONFIGURE_DEPENDS cli/${name}/*.c)
    ink_program(inkling-${name} libexec/inkling "${file}" ${parts} ${ink_common})
endforeach()

# ggml's document builds these two only, and its scripts then convert with inkling.
foreach(name mnist mnist-cnn)
    if(TARGET ${name} AND TARGET inkling-convert)
        add_dependencies(${name} inkling inkling-convert)
    endif()
endforeach()

# inkling-convert alone sees the readers and writers of other formats, and holds digits to judge guesses by.
if(TARGET inkling-convert)
    set(ink_samples "${PROJECT_BINARY_DIR}/generated/samples.c")
    set(files "samples_images|${PROJECT_SOURCE_DIR}/samples/digits-images-idx3-ubyte"
        "samples_labels|${PROJECT_SOURCE_DIR}/samples/digits-labels-idx1-ubyte")
    add_custom_command(OUTPUT "${ink_samples}"
        COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" "-DTARGET=${ink_samples}"
            -P "${PROJECT_SOURCE_DIR}/cmake/bytes-to-c.cmake"
        DEPENDS samples/digits-images-idx3-ubyte samples/digits-labels-idx1-ubyte cmake/bytes-to-c.cmake
        COMMENT "Turning the sample digits into C"
        VERBATIM)
    target_sources(inkling-convert PRIVATE "${ink_samples}" cli/data/digest.c)
    target_include_directories(inkling-convert PRIVATE src)
    target_link_libraries(inkling-convert PRIVATE inkling_import)
    find_package(Seccomp QUIET)
    if(Seccomp_FOUND)
        target_compile_definitions(inkling-convert PRIVATE INK_HAVE_SECCOMP=1)
        target_link_libraries(inkling-convert PRIVATE Seccomp::Seccomp)
    else()
        message(STATUS "Seccomp not found (Debian: libseccomp-dev): 'inkling convert' confines its readers less")
    endif()
endif()

# Manual pages and completions, which the program writes itself.
set(ink_manuals "")
set(ink_completions "")
if(TARGET inkling AND EXISTS "${PROJECT_SOURCE_DIR}/cli/cmd_help.c" AND NOT CMAKE_CROSSCOMPILING)
    set(ink_manuals "${PROJECT_BINARY_DIR}/man/inkling.1")
    set(writes "help --man > man/inkling.1")
    foreach(file IN LISTS ink_commands ink_helpers)
        get_filename_component(name "${file}" NAME_WE)
        string(REGEX REPLACE "^(cmd|helper)_" "" name "${name}")
        list(APPEND ink_manuals "${PROJECT_BINARY_DIR}/man/inkling-${name}.1")
        list(APPEND writes "help --man ${name} > man/inkling-${name}.1")
    endforeach()
    foreach(shell bash zsh fish)
        list(APPEND ink_completions "${PROJECT_BINARY_DIR}/completions/inkling.${shell}")
        list(APPEND writes "help --completion ${shell} > completions/inkling.${shell}")
    endforeach()
    add_custom_command(OUTPUT ${ink_manuals} ${ink_completions}
        COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:inkling>
            "-DWRITES=${writes}" -P "${PROJECT_SOURCE_DIR}/cmake/write-manuals.cmake"
        DEPENDS inkling cmake/write-manuals.cmake
        WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
        COMMENT "Writing the manual pages and completions"
        VERBATIM)
    add_custom_target(inkling_manuals ALL DEPENDS ${ink_manuals} ${ink_completions})
endif()

# What is built of web/: make web. It needs clang and lld besides, and says so.
if(ink_top AND NOT CMAKE_CROSSCOMPILING)
    add_custom_target(web
        COMMAND ${CMAKE_COMMAND} -E env "INKLING_BIN=${PROJECT_BINARY_DIR}/bin" "${PROJECT_SOURCE_DIR}/scripts/build-web"
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
        USES_TERMINAL
        VERBATIM)
    add_dependencies(web programs)
endif()
