/* Looks names up as programs do that bring c-ares along. */

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/select.h>

#include "lookups.h"

static const char *const errors[] = {
    [ARES_SUCCESS] = "ok",
    [ARES_ENODATA] = "ARES_ENODATA",
    [ARES_EFORMERR] = "ARES_EFORMERR",
    [ARES_ESERVFAIL] = "ARES_ESERVFAIL",
    [ARES_ENOTFOUND] = "ARES_ENOTFOUND",
    [ARES_ENOTIMP] = "ARES_ENOTIMP",
    [ARES_EREFUSED] = "ARES_EREFUSED",
    [ARES_EBADNAME] = "ARES_EBADNAME",
    [ARES_EBADRESP] = "ARES_EBADRESP",
    [ARES_ECONNREFUSED] = "ARES_ECONNREFUSED",
    [ARES_ETIMEOUT] = "ARES_ETIMEOUT",
};

static void told(void *unused, int status, int timeouts, struct ares_addrinfo *found)
{
    const struct ares_addrinfo_node *node;
    char text[INET6_ADDRSTRLEN];
    const void *address;

    (void)unused, (void)timeouts;
    puts((size_t)status < sizeof errors / sizeof *errors && errors[status] != NULL
             ? errors[status]
             : ares_strerror(status));
    for (node = found == NULL ? NULL : found->nodes; node != NULL; node = node->ai_next) {
        address = node->ai_family == AF_INET
                      ? (const void *)&((struct sockaddr_in *)node->ai_addr)->sin_addr
                      : (const void *)&((struct sockaddr_in6 *)node->ai_addr)->sin6_addr;
        if (inet_ntop(node->ai_family, address, text, sizeof text) != NULL)
            puts(text);
    }
}

static void look_up(const char *name, int family)
{
    struct ares_addrinfo_hints hints = {0};
    struct timeval until, *wait_for;
    fd_set readable, writable;
    ares_channel channel;
    int count;

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS || ares_init(&channel) != ARES_SUCCESS)
        return;
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, name, NULL, &hints, told, NULL);
    for (;;) {
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        count = ares_fds(channel, &readable, &writable);
        if (count == 0)
            break;
        wait_for = ares_timeout(channel, NULL, &until);
        select(count, &readable, &writable, NULL, wait_for);
        ares_process(channel, &readable, &writable);
    }
    ares_destroy(channel);
}

int main(void)
{
    return look_up_each(look_up);
}
