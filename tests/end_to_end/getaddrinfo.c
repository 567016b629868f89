/* Looks names up as any program would; compiled against every C library that is compared. */

#include <arpa/inet.h>
#include <netdb.h>

#include "lookups.h"

#ifndef EAI_NODATA /* hidden by glibc without _GNU_SOURCE, absent from older musl */
#define EAI_NODATA (-5)
#endif
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY (-9)
#endif

static const char *error_name(int error)
{
    switch (error) {
    case 0: return "ok";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_NODATA: return "EAI_NODATA";
    case EAI_ADDRFAMILY: return "EAI_ADDRFAMILY";
    default: return gai_strerror(error);
    }
}

static const void *address_of(const struct addrinfo *found)
{
    if (found->ai_family == AF_INET)
        return &((const struct sockaddr_in *)found->ai_addr)->sin_addr;
    return &((const struct sockaddr_in6 *)found->ai_addr)->sin6_addr;
}

static void look_up(const char *name, int family)
{
    struct addrinfo hints = {0}, *found = NULL;
    char text[INET6_ADDRSTRLEN];

    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM; /* once per address, and not once per protocol */
    puts(error_name(getaddrinfo(name, NULL, &hints, &found)));
    for (; found != NULL; found = found->ai_next)
        if (inet_ntop(found->ai_family, address_of(found), text, sizeof text) != NULL)
            puts(text);
}

int main(void)
{
    return look_up_each(look_up);
}
