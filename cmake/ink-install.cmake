# What `cmake --install` puts where.
include(CMakePackageConfigHelpers)

install(FILES include/inkling.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${ink_libraries} EXPORT inklingTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# For CMake: find_package(inkling), inkling::inkling and inkling::inkling_static.
set(ink_package "${CMAKE_INSTALL_LIBDIR}/cmake/inkling")
install(EXPORT inklingTargets NAMESPACE inkling:: DESTINATION ${ink_package})
configure_package_config_file(cmake/inklingConfig.cmake.in
    "${PROJECT_BINARY_DIR}/inklingConfig.cmake" INSTALL_DESTINATION ${ink_package})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/inklingConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/inklingConfig.cmake"
    "${PROJECT_BINARY_DIR}/inklingConfigVersion.cmake" DESTINATION ${ink_package})

# For pkg-config. The prefix is found from the file's own place, so that the tree can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(ink_prefix "${CMAKE_INSTALL_PREFIX}")
    set(ink_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
    set(ink_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
    file(RELATIVE_PATH ink_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" ink_prefix "\${pcfiledir}/${ink_prefix}")
    set(ink_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(ink_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/inkling.pc.in "${PROJECT_BINARY_DIR}/inkling.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/inkling.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

if(INK_PROGRAMS)
    get_property(programs GLOBAL PROPERTY ink_bin_programs)
    if(programs)
        install(TARGETS ${programs} DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
    # `inkling` looks for its helpers and models beside itself: ../libexec, ../share.
    get_property(programs GLOBAL PROPERTY ink_libexec/inkling_programs)
    if(programs)
        install(TARGETS ${programs} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/inkling)
    endif()
    install(FILES ${ink_manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    if(ink_completions)
        install(FILES "${PROJECT_BINARY_DIR}/completions/inkling.bash"
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME inkling)
        install(FILES "${PROJECT_BINARY_DIR}/completions/inkling.zsh"
            DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _inkling)
        install(FILES "${PROJECT_BINARY_DIR}/completions/inkling.fish"
            DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
    endif()
endif()

install(DIRECTORY models samples DESTINATION ${CMAKE_INSTALL_DATADIR}/inkling)
# The page that `inkling serve` serves, with what `make web` has built of it.
install(DIRECTORY web DESTINATION ${CMAKE_INSTALL_DATADIR}/inkling
    PATTERN module EXCLUDE PATTERN npm EXCLUDE PATTERN README.md EXCLUDE PATTERN .* EXCLUDE)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md NEWS.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
file(GLOB ink_docs CONFIGURE_DEPENDS docs/*.md)
install(FILES ${ink_docs} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
