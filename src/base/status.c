#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ink_version(void)
{
    return INK_VERSION;
}

const char *ink_status_text(ink_status status)
{
    static const struct {
        ink_status status;
        const char *text;
    } rows[] = {
        { INK_OK, "done" },
        { INK_ERR_ARGUMENT, "bad argument" },
        { INK_ERR_CPU, "instruction set is not available" },
        { INK_ERR_LAYOUT, "network does not fit the file layout" },
        { INK_ERR_MEMORY, "out of memory" },
        { INK_ERR_OPEN, "file cannot be opened" },
        { INK_ERR_READ, "reading failed" },
        { INK_ERR_WRITE, "writing failed" },
        { INK_ERR_THREAD, "thread cannot be started" },
        { INK_ERR_TRUNCATED, "file is truncated" },
        { INK_ERR_MAGIC, "not a file of a known format" },
        { INK_ERR_VERSION, "unsupported version" },
        { INK_ERR_ENDIAN, "big-endian file" },
        { INK_ERR_FORMAT, "malformed file" },
        { INK_ERR_LIMIT, "over a limit" },
        { INK_ERR_TRAILING, "bytes after the end" },
        { INK_ERR_TYPE, "unsupported element type" },
        { INK_ERR_ARCHITECTURE, "unknown architecture" },
        { INK_ERR_MISSING, "something needed is missing" },
        { INK_ERR_SHAPE, "shape does not fit" },
        { INK_ERR_OP, "unknown operator" },
        { INK_ERR_ATTRIBUTE, "bad attribute" },
        { INK_ERR_GRAPH, "not a valid graph" },
        { INK_ERR_NOT_FINITE, "NaN or infinite weight" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "unknown status";
}

/* Names from files go into errors as they are; the text must stay one line that does a terminal no harm. */
static void mask_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            *text = '?';
}

static ink_status fill(ink_error *error, ink_status status, uint64_t offset, const char *format,
                       va_list arguments) INK_PRINTF(4, 0);
static ink_status fill(ink_error *error, ink_status status, uint64_t offset, const char *format,
                       va_list arguments)
{
    if (error) {
        error->status = status;
        error->offset = offset;
        vsnprintf(error->text, sizeof error->text, format, arguments);
        mask_controls(error->text);
    }
    return status;
}

ink_status ink_fail(ink_error *error, ink_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, 0, format, arguments);
    va_end(arguments);
    return status;
}

ink_status ink_fail_at(ink_error *error, ink_status status, uint64_t offset, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, offset, format, arguments);
    va_end(arguments);
    return status;
}

void ink_error_prefix(ink_error *error, const char *prefix)
{
    if (!error || !prefix)
        return;
    /* A path that fills the whole line would hide the reason: keep its end. */
    const size_t length = strlen(prefix), most = sizeof error->text / 2;
    char text[2 * sizeof error->text];
    snprintf(text, sizeof text, "%s%s: %s", length > most ? "..." : "",
             length > most ? prefix + length - most : prefix, error->text);
    memcpy(error->text, text, sizeof error->text);
    error->text[sizeof error->text - 1] = 0;
    mask_controls(error->text);
}
