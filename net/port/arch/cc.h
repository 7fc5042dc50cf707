/* The compiler and the platform, as lwIP asks for them: i386, gcc, of the C library only mem* and
 * str*. Included by every file of lwIP. */
#pragma once

#include <stdint.h>
#include <stdlib.h> /* before its atoi is renamed below */

#include "net/port/port.h"

#define LWIP_NO_INTTYPES_H 1
#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"
#define LWIP_NO_CTYPE_H  1
#define LWIP_NO_UNISTD_H 1

#define LWIP_RAND() port_random()

/* An assertion of lwIP is a bug (its or ours): the node stops and says where. LWIP_ERROR, which
 * also checks what comes from outside, only handles the error. */
#define LWIP_PLATFORM_ASSERT(message)      port_assert_failed(message, __FILE__, __LINE__)
#define LWIP_PLATFORM_ERROR(message)       ((void)0)
#define LWIP_PLATFORM_DIAG(message)        ((void)0)

/* netif_find() wants it; interface names are not numbers we parse. */
#define atoi port_atoi
