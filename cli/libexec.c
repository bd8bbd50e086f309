/* How commands that are programs of their own are started. */
#include "commands.h"

#include "common/where.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *helper_path(const char *helper)
{
    const char *folder = getenv("INKLING_LIBEXEC");
    text path = { 0 };
    if (folder && *folder) {
        text_printf(&path, "%s/%s", folder, helper);
        return path.data;
    }
    text_printf(&path, "../libexec/inkling/%s", helper);
    char *found = where_beside(path.data);
    text_free(&path);
    return found;
}

int run_helper(const cli_command *command, char **argv)
{
    char *path = helper_path(command->helper);
    if (!path)
        return cli_failed("%s: cannot find out where this program is; set INKLING_LIBEXEC",
                          command->name);
    execv(path, argv);
    int code = errno == ENOENT
             ? cli_failed("%s: its program is not installed: no %s", command->name, path)
             : cli_failed("%s: cannot start %s: %s", command->name, path, strerror(errno));
    free(path);
    return code;
}
