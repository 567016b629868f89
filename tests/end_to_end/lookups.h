/* What programs that look names up have in common.

     lines "TYPE NAME" on stdin  ->  a word and an address a line, then an empty line

   Each lookup runs in a process of its own, as if a program had just started. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int family_of(const char *type)
{
    if (strcmp(type, "A") == 0)
        return AF_INET;
    return strcmp(type, "AAAA") == 0 ? AF_INET6 : AF_UNSPEC;
}

static int look_up_each(void (*look_up)(const char *name, int family))
{
    char line[1024], *name;

    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if ((name = strchr(line, ' ')) == NULL)
            return 2;
        *name++ = '\0';
        if (fork() == 0) {
            look_up(name, family_of(line));
            fflush(stdout);
            _exit(0);
        }
        wait(NULL);
        puts("");
        fflush(stdout);
    }
    return 0;
}
