# Writes the files that FILES names, rows of "name|path", to the C file TARGET as arrays of bytes.
set(text "#include \"convert/samples.h\"\n")
foreach(row IN LISTS FILES)
    string(REGEX MATCH "^(.*)\\|(.*)$" row "${row}")
    set(name ${CMAKE_MATCH_1})
    file(READ "${CMAKE_MATCH_2}" bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
        bytes "${bytes}")
    string(APPEND text "const unsigned char ${name}[] = {\n${bytes}\n};\nconst size_t ${name}_size = sizeof ${name};\n")
endforeach()
file(WRITE "${TARGET}" "${text}")
