/* kernel/console/launcher_files.h for tests of its callers: no file ever comes, requests are
 * refused. */
#include "kernel/console/launcher_files.h"

#include <string.h>

bool launcher_files_request(const struct channel_frame *f, char why[128]) {
    (void)f;
    strcpy(why, "no files in this test");
    return false;
}

bool launcher_files_coming(uint8_t stream) {
    (void)stream;
    return false;
}

void launcher_files_drop(uint8_t stream) {
    (void)stream;
}

bool launcher_files_take(struct channel_frame *frame, uint8_t *payload) {
    (void)frame;
    (void)payload;
    return false;
}
