# Runs PROGRAM for each of WRITES, "ARGUMENTS > FILE", in the build folder.
file(MAKE_DIRECTORY man completions)
foreach(row IN LISTS WRITES)
    string(REGEX MATCH "^(.*) > (.*)$" row "${row}")
    set(file "${CMAKE_MATCH_2}")
    separate_arguments(arguments UNIX_COMMAND "${CMAKE_MATCH_1}")
    execute_process(COMMAND "${PROGRAM}" ${arguments} OUTPUT_FILE "${file}.new"
        ERROR_VARIABLE error RESULT_VARIABLE failed)
    if(failed)
        file(REMOVE "${file}.new")
        message(FATAL_ERROR "${PROGRAM} ${arguments}: ${failed}\n${error}")
    endif()
    file(RENAME "${file}.new" "${file}")
endforeach()
