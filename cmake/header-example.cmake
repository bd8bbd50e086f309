# Writes the example in the comment that opens HEADER to the file EXAMPLE. Its lines are those that
# begin with " *     " up to the end of its main function.
file(READ "${HEADER}" text)
string(FIND "${text}" " *     #include" begin)
string(FIND "${text}" "\n *     }\n" end)
if(begin EQUAL -1 OR end LESS begin)
    message(FATAL_ERROR "${HEADER}: no example at the top")
endif()
math(EXPR length "${end} + 9 - ${begin}")
string(SUBSTRING "${text}" ${begin} ${length} text)
string(REGEX REPLACE "(^|\n) \\*(     )?" "\\1" text "${text}")
file(WRITE "${EXAMPLE}" "${text}\n")
