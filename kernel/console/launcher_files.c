/* Files over COM2; see launcher_files.h. Credit keeps what is in the line short, so that Ctrl-C
 * and the frames of other programs are not behind a whole file. */
#include "kernel/console/launcher_files.h"

#include <string.h>

#include "kernel/file.h"
#include "kernel/print.h"
#include "net/link.h"

enum {
    UPLOADS_MAX = 8,      /* = LAUNCHER_JOBS_MAX: one for each program */
    CREDIT_BYTES = 16384, /* in the line at once */
    CREDIT_STEP = 4096,   /* less is not worth a frame */
    BEGIN_BYTES = 4,      /* of FILE_BEGIN before the name */
};

struct upload {
    uint8_t stream;   /* 0: the row is free */
    uint32_t number;  /* kernel/file.h */
    uint32_t crc;     /* of what has come */
    uint32_t allowed; /* bytes that the host may still send */
    uint32_t owed;    /* bytes of credit that it was not told of yet */
};
static struct upload rows[UPLOADS_MAX];

static struct upload *row_of(uint8_t stream) {
    for (uint32_t i = 0; i < UPLOADS_MAX; i++) {
        if (rows[i].stream == stream) {
            return &rows[i];
        }
    }
    return NULL;
}

bool launcher_files_coming(uint8_t stream) {
    return row_of(stream) != NULL;
}

void launcher_files_drop(uint8_t stream) {
    struct upload *row = row_of(stream);

    if (row != NULL && stream != 0) {
        row->stream = 0;
    }
    file_set_free(stream);
}

static bool begin(const struct channel_frame *f, char why[128]) {
    struct upload *row = row_of(0);
    char name[FILE_NAME_BYTES] = "";
    uint32_t size, length = f->payload_bytes - BEGIN_BYTES;

    if (f->payload_bytes <= BEGIN_BYTES || length >= sizeof(name) || row_of(f->stream) != NULL) {
        print_text(why, 128, "FILE_BEGIN inside a file, or a name that is no name: launcher and "
                   "kernel differ?");
        return false;
    }
    if (row == NULL) {
        print_text(why, 128, "%u programs are being sent to this node already: wait for one",
                   (unsigned)UPLOADS_MAX);
        return false;
    }
    memcpy(&size, f->payload, sizeof(size));
    memcpy(name, f->payload + BEGIN_BYTES, length);
    uint32_t number = file_begin(f->stream, name, size, why);
    if (number != FILE_NONE) {
        *row = (struct upload){f->stream, number, 0, 0, CREDIT_BYTES};
    }
    return number != FILE_NONE;
}

static bool data(struct upload *row, const struct channel_frame *f, char why[128]) {
    if (f->payload_bytes > row->allowed || !file_put(row->number, f->payload, f->payload_bytes)) {
        print_text(why, 128, "more bytes of a file than were announced or allowed: launcher and "
                   "kernel differ?");
        return false;
    }
    row->crc = crc32_update(row->crc, f->payload, f->payload_bytes);
    row->owed += f->payload_bytes;
    row->allowed -= f->payload_bytes;
    return true;
}

static bool end(struct upload *row, const struct channel_frame *f, char why[128]) {
    uint32_t crc = ~row->crc;

    if (f->payload_bytes == sizeof(crc)) {
        memcpy(&crc, f->payload, sizeof(crc));
    }
    if (crc != row->crc || !file_is_whole(row->number)) {
        print_text(why, 128, "a file was damaged on its way over the serial line: run it again");
        return false;
    }
    row->stream = 0;
    return true;
}

bool launcher_files_request(const struct channel_frame *f, char why[128]) {
    struct upload *row = row_of(f->stream);
    bool good = true;

    if (f->type == CHANNEL_FILE_BEGIN) {
        good = begin(f, why);
    } else if (row != NULL) {
        good = f->type == CHANNEL_FILE_DATA ? data(row, f, why) : end(row, f, why);
    }
    if (!good) {
        launcher_files_drop(f->stream);
    }
    return good;
}

bool launcher_files_take(struct channel_frame *frame, uint8_t *payload) {
    for (uint32_t i = 0; i < UPLOADS_MAX; i++) {
        struct upload *row = &rows[i];
        if (row->stream != 0 && row->owed >= CREDIT_STEP) {
            memcpy(payload, &row->owed, sizeof(row->owed));
            *frame = (struct channel_frame){CHANNEL_FILE_CREDIT, row->stream, sizeof(row->owed),
                                            payload};
            row->allowed += row->owed;
            row->owed = 0;
            return true;
        }
    }
    return false;
}
