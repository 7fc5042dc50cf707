/* Messages: the tables that messages.def spells out, and the door's check of one message. Pure. */
#include "adapt/msg.h"

struct msg_row {
    const char *name;
    uint8_t service, way, late;
    uint16_t body_bytes;
};

#define MSG(name, service, way, body, late, text)                                                  \
    [MSG_##name] = {#name, SERVICE_##service, WAY_##way, LATE_##late, sizeof(struct body_##body)},
static const struct msg_row rows[MSGS] = {
    [MSG_NONE] = {"NONE", SERVICE_NONE, WAY_DATAGRAM, LATE_DROP, 0},
#include "adapt/messages.def"
};
#undef MSG

const char *msg_name(uint8_t type) {
    return type < MSGS ? rows[type].name : "unknown";
}

enum service_no msg_service(uint8_t type) {
    return type < MSGS ? (enum service_no)rows[type].service : SERVICE_NONE;
}

enum msg_way msg_way(uint8_t type) {
    return type < MSGS ? (enum msg_way)rows[type].way : WAY_DATAGRAM;
}

enum msg_late msg_late(uint8_t type) {
    return type < MSGS ? (enum msg_late)rows[type].late : LATE_DROP;
}

uint32_t msg_body_bytes(uint8_t type) {
    return type < MSGS ? rows[type].body_bytes : 0;
}

/* A body with a tail is sent as long as its own size field says: 0 if the type has none. */
static uint32_t tail_begin(uint8_t type) {
    uint32_t fixed = msg_body_bytes(type);
    if (fixed == sizeof(struct body_call)) {
        return offsetof(struct body_call, bytes);
    }
    if (fixed == sizeof(struct body_answer)) {
        return offsetof(struct body_answer, bytes);
    }
    if (fixed == sizeof(struct body_thread)) {
        return offsetof(struct body_thread, record);
    }
    if (fixed == sizeof(struct body_decree)) {
        return offsetof(struct body_decree, view);
    }
    return 0;
}

static uint32_t tail_bytes(const struct msg *m) {
    switch (msg_body_bytes(m->head.type)) {
    case sizeof(struct body_call):
        return m->call.size;
    case sizeof(struct body_answer):
        return m->answer.size;
    case sizeof(struct body_thread):
        return m->thread.size;
    case sizeof(struct body_decree):
        return m->decree.bytes;
    default:
        return 0;
    }
}
_Static_assert(sizeof(struct body_call) != sizeof(struct body_answer) &&
                   sizeof(struct body_call) != sizeof(struct body_thread) &&
                   sizeof(struct body_call) != sizeof(struct body_decree) &&
                   sizeof(struct body_answer) != sizeof(struct body_thread) &&
                   sizeof(struct body_answer) != sizeof(struct body_decree) &&
                   sizeof(struct body_thread) != sizeof(struct body_decree),
               "a body with a tail is recognised by its size");

static const char *body_invalid(const struct msg *m) {
    uint32_t fixed = msg_body_bytes(m->head.type);
    uint32_t begin = tail_begin(m->head.type);

    if (begin == 0) {
        return m->head.size == fixed ? NULL : "wrong size of body";
    }
    if (m->head.size < begin || m->head.size > fixed) {
        return "body shorter or longer than its kind";
    }
    return tail_bytes(m) == m->head.size - begin ? NULL : "size field disagrees with the body";
}

/* What a handler may take for granted of the key: its own service (tgkill goes on to the job's
 * manager with a key of the job), a job, a page of 32 bits' addresses, a barrier or a futex. */
static const char *key_invalid(const struct msg *m) {
    enum service_no service = msg_service(m->head.type);
    enum service_no named = key_service(m->head.key);
    uint64_t index = key_index(m->head.key);

    if (named != service && !(service == SERVICE_THREADS && named == SERVICE_JOB)) {
        return "key of another service";
    }
    if (key_job(m->head.key) == 0 || m->head.generation == 0) {
        return "of no job";
    }
    if (service == SERVICE_DSM && index >= PAGES) {
        return "page beyond the address space";
    }
    bool of_barrier = m->head.type == MSG_BARRIER_ARRIVE || m->head.type == MSG_BARRIER_RELEASE;
    bool of_either = m->head.type == MSG_SYNC_ANSWER;
    if (service == SERVICE_SYNC && !of_either && (index >> 32 != 0) != of_barrier) {
        return "key of a futex for a barrier, or of a barrier for a futex";
    }
    return NULL;
}

static const char *page_invalid(const struct msg *m, uint32_t contents_bytes) {
    if (m->dsm.part >= PAGE_PARTS) {
        return "page part out of range";
    }
    if (m->dsm.access != ACCESS_READ && m->dsm.access != ACCESS_WRITE) {
        return "page that grants nothing";
    }
    uint32_t offset = m->dsm.part * (uint32_t)PAGE_PART_BYTES;
    uint32_t wanted = PAGE_BYTES - offset < PAGE_PART_BYTES ? PAGE_BYTES - offset : PAGE_PART_BYTES;
    return contents_bytes == wanted ? NULL : "page part of the wrong size";
}

const char *msg_invalid(const struct msg *m, uint32_t contents_bytes) {
    if (m->head.type == MSG_NONE || m->head.type >= MSGS) {
        return "unknown type";
    }
    if (m->head.late > 1) {
        return "late is not 0 or 1";
    }
    const char *reason = body_invalid(m);
    if (reason == NULL && msg_service(m->head.type) != SERVICE_NONE) {
        reason = key_invalid(m);
    }
    if (reason != NULL) {
        return reason;
    }
    if (m->head.type == MSG_DSM_PAGE) {
        return page_invalid(m, contents_bytes);
    }
    return contents_bytes == 0 ? NULL : "contents where none belong";
}

seat_id msg_body_seat(const struct msg *m) {
    bool opens = m->head.type == MSG_JOB_NEW || m->head.type == MSG_JOB_OPEN;

    if (opens) {
        return m->job_open.origin;
    }
    return m->head.type == MSG_THREAD_PLACED && m->place.result == 0 ? m->place.seat : SEAT_NONE;
}
