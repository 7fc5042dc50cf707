/* Which Lisse this is. The build generates version.c; version_none.c has weak defaults. */
#pragma once

#include <stdint.h>

extern const char version_text[];      /* "0.2", or from git */
extern const char version_build_hex[]; /* build id of the protocol, 16 hex digits [D 6] */
extern const uint64_t version_build;   /* the same as a number: struct event_start.build_id */
extern const char version_image[];     /* of this image: commit, time; only shown */
