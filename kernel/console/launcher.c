/* The launcher's channel, kernel side. Three kinds of things wait to be sent: READY (a flag:
 * the newest state counts), reports (a few lines, the oldest gives way), and the answers to
 * commands and questions (one queue of frames); programs have queues of their own
 * (launcher_jobs.c). Sending goes on as COM2's ring has room, so a host that does not read
 * holds nobody up but the programs that write to it. */
#include "kernel/console/launcher.h"

#include <string.h>

#include "drivers/serial.h"
#include "kernel/console/channel.h"
#include "kernel/console/commands.h"
#include "kernel/console/frame_queue.h"
#include "kernel/console/launcher_files.h"
#include "kernel/console/launcher_jobs.h"
#include "kernel/console/node_state.h"
#include "kernel/job.h"

enum {
    RECEIVE_BYTES = 256, /* taken from COM2's ring at once */
    ANSWER_BYTES =
        65536, /* a power of two: the whole log (32 KB), escaped for JSON or not, and more */
    REPORTS_MAX = 32,
    REPORT_BYTES = 200,   /* = a line of kernel/effects.c */
    SEND_FRAMES_MAX = 16, /* of one turn: 16 KB; pages and timers come in between */
};

static struct channel_in in;
static bool heard; /* a sound frame came: there is a launcher */
static bool ready_wanted;
static uint32_t status_wanted;
static struct frame_queue answers;
static uint8_t answer_bytes[ANSWER_BYTES];
static struct launcher_counters counters;

static struct {
    char line[REPORTS_MAX][REPORT_BYTES];
    uint32_t head, tail; /* count lines for ever */
} reports;

void launcher_report(const char *line) {
    if (reports.head - reports.tail == REPORTS_MAX) {
        reports.tail++;
        counters.reports_lost++;
    }
    print_text(reports.line[reports.head++ % REPORTS_MAX], REPORT_BYTES, "%s", line);
}

struct launcher_counters launcher_counters(void) {
    counters.frames_in = in.frames_count;
    counters.damaged = in.damaged_count;
    counters.unknown = in.unknown_count;
    return counters;
}

/* ---- sinks: text that becomes frames --------------------------------------------------------- */

struct frame_sink {
    struct print_sink sink; /* first */
    uint8_t type, stream;
    bool has_run; /* a program was started for it: its end is the command's */
    uint32_t cut_bytes;
};

static void frame_sink_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    struct frame_sink *f = (struct frame_sink *)sink;

    if (frame_queue_room(&answers) * FRAME_QUEUE_COST < count + FRAME_QUEUE_HEAD ||
        !frame_queue_put(&answers, f->type, f->stream, bytes, count)) {
        f->cut_bytes += count;
        counters.output_cut_bytes += count;
    }
}

static struct frame_sink sink_for(uint8_t type, uint8_t stream) {
    return (struct frame_sink){.sink = {frame_sink_write}, .type = type, .stream = stream};
}

static void answer_error(uint8_t stream, const char *text) {
    (void)frame_queue_put(&answers, CHANNEL_ERROR, stream, text, (uint32_t)strlen(text));
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The strings of RUN: argv, an empty one, environment. Makes them contiguous in strings[];
 * false: malformed. */
struct run_request {
    uint32_t argc, envc, bytes;
    char strings[CHANNEL_PAYLOAD_MAX];
};

static bool run_parse(struct run_request *r, const struct channel_frame *f) {
    bool in_env = false;
    uint32_t at = 0;

    *r = (struct run_request){0};
    while (at < f->payload_bytes) {
        const uint8_t *end = memchr(f->payload + at, 0, f->payload_bytes - at);
        if (end == NULL) {
            return false;
        }
        uint32_t length = (uint32_t)(end - (f->payload + at));
        if (length == 0 && !in_env) {
            in_env = true;
        } else {
            memcpy(r->strings + r->bytes, f->payload + at, length + 1);
            r->bytes += length + 1;
            *(in_env ? &r->envc : &r->argc) += 1;
        }
        at += length + 1;
    }
    return in_env && r->argc > 0;
}

static void on_run(const struct channel_frame *f) {
    static struct run_request r; /* 1 KB that the stack need not hold */
    char why[128] = "";

    if (f->stream == 0 || launcher_jobs_has(f->stream)) {
        answer_error(f->stream,
                     "RUN needs a stream of its own, 1 to 255: launcher and kernel differ?");
    } else if (launcher_files_coming(f->stream)) {
        launcher_files_drop(f->stream);
        answer_error(f->stream, "a file of the program has not come whole: run it again");
    } else if (!run_parse(&r, f)) {
        launcher_files_drop(f->stream);
        answer_error(f->stream,
                     "RUN without argv and its empty string: launcher and kernel differ?");
    } else if (launcher_jobs_run(f->stream, LAUNCHER_EXIT, r.strings, r.bytes, r.argc, r.envc,
                                 why) < 0) {
        answer_error(f->stream, why);
    }
}

static void on_exec(const struct channel_frame *f) {
    struct frame_sink sink = sink_for(CHANNEL_EXEC_OUT, f->stream);
    char line[CHANNEL_PAYLOAD_MAX + 1];

    memcpy(line, f->payload, f->payload_bytes);
    line[f->payload_bytes] = '\0';
    int32_t status = console_execute(line, &sink.sink);
    if (sink.has_run) {
        return;
    }
    if (sink.cut_bytes != 0) {
        char note[80];
        uint32_t length = print_text(note, sizeof(note), "[%u more bytes did not fit]\n",
                                     (unsigned)sink.cut_bytes);
        (void)frame_queue_put(&answers, CHANNEL_EXEC_OUT, f->stream, note, length);
    }
    (void)frame_queue_put(&answers, CHANNEL_EXEC_END, f->stream, &status, sizeof(status));
}

bool launcher_command_run(struct print_sink *out, const char *strings, uint32_t bytes,
                          uint32_t argc, int *status) {
    struct frame_sink *sink = (struct frame_sink *)out;
    char why[128] = "";

    if (out->write != frame_sink_write || sink->type != CHANNEL_EXEC_OUT) {
        return false;
    }
    sink->has_run =
        launcher_jobs_run(sink->stream, LAUNCHER_EXEC_END, strings, bytes, argc, 0, why) == 0;
    *status = 0;
    if (!sink->has_run) {
        print_to(out, "%s\n", why);
        *status = 126; /* as shells: found, cannot be started */
    }
    return true;
}

/* Without a program it means the files that came for one: nobody will run it. */
static void on_signal(const struct channel_frame *f) {
    if (f->stream != 0 && !launcher_jobs_has(f->stream)) {
        launcher_files_drop(f->stream);
    } else if (f->payload_bytes == 1) {
        launcher_jobs_signal(f->stream, f->payload[0]);
    }
}

static void on_file(const struct channel_frame *f) {
    char why[128] = "";

    if (f->stream == 0 || launcher_jobs_has(f->stream)) {
        answer_error(f->stream, "files come on a stream of their own, before RUN: launcher and "
                                "kernel differ?");
    } else if (!launcher_files_request(f, why)) {
        answer_error(f->stream, why);
    }
}

static void on_power(const struct channel_frame *f) {
    bool reboot = f->payload_bytes == 1 && f->payload[0] == CHANNEL_POWER_REBOOT;

    (void)console_execute(reboot ? "reboot" : "halt", &print_everywhere);
}

static void on_frame(const struct channel_frame *f) {
    heard = true;
    switch (f->type) {
    case CHANNEL_HELLO:
        ready_wanted = true;
        break;
    case CHANNEL_RUN:
        on_run(f);
        break;
    case CHANNEL_STDIN:
        launcher_jobs_stdin(f->stream, f->payload, f->payload_bytes);
        break;
    case CHANNEL_STDIN_EOF:
        launcher_jobs_stdin_end(f->stream);
        break;
    case CHANNEL_SIGNAL:
        on_signal(f);
        break;
    case CHANNEL_EXEC:
        on_exec(f);
        break;
    case CHANNEL_STATUS_ASK:
        status_wanted++;
        break;
    case CHANNEL_POWER:
        on_power(f);
        break;
    case CHANNEL_FILE_BEGIN:
    case CHANNEL_FILE_DATA:
    case CHANNEL_FILE_END:
        on_file(f);
        break;
    case CHANNEL_HOLD:
        launcher_jobs_hold(f->stream, f->payload_bytes == 1 && f->payload[0] != 0);
        break;
    default:
        break; /* what nodes send */
    }
}

static void receive(void) {
    uint8_t bytes[RECEIVE_BYTES];
    uint32_t count;

    while ((count = serial_rx(SERIAL_COM2, bytes, sizeof(bytes))) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            const struct channel_frame *frame = channel_decode_byte(&in, bytes[i]);
            if (frame != NULL) {
                on_frame(frame);
            }
        }
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static void answer_status(void) {
    struct frame_sink sink = sink_for(CHANNEL_STATUS, 0);
    bool fits = frame_queue_room(&answers) * FRAME_QUEUE_COST > 2 * NODE_STATUS_BYTES_MAX;

    if (status_wanted != 0 && fits) {
        status_wanted--;
        node_status_print(&sink.sink);
        (void)frame_queue_put(&answers, CHANNEL_STATUS, 0, NULL, 0);
    }
}

/* A sink into a buffer: the line of READY. */
struct text_sink {
    struct print_sink sink; /* first */
    uint8_t *text;
    uint32_t used;
};

static void text_sink_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    struct text_sink *t = (struct text_sink *)sink;

    if (count <= CHANNEL_PAYLOAD_MAX - t->used) {
        memcpy(t->text + t->used, bytes, count);
        t->used += count;
    }
}

static bool take_ready(struct channel_frame *frame, uint8_t *payload) {
    struct text_sink sink = {{text_sink_write}, payload, 0};

    if (!ready_wanted) {
        return false;
    }
    ready_wanted = false;
    node_state_print(&sink.sink);
    *frame = (struct channel_frame){CHANNEL_READY, 0, (uint16_t)sink.used, payload};
    return true;
}

static bool take_report(struct channel_frame *frame, uint8_t *payload) {
    if (reports.head == reports.tail) {
        return false;
    }
    const char *line = reports.line[reports.tail++ % REPORTS_MAX];
    uint32_t length = (uint32_t)strlen(line);
    memcpy(payload, line, length);
    *frame = (struct channel_frame){CHANNEL_REPORT, 0, (uint16_t)length, payload};
    return true;
}

/* Reports first: they explain the READY, ERROR or EXIT behind them. */
static bool take_next(struct channel_frame *frame, uint8_t *payload) {
    return take_report(frame, payload) || take_ready(frame, payload) ||
           frame_queue_take(&answers, frame, payload) || launcher_files_take(frame, payload) ||
           launcher_jobs_take(frame, payload);
}

/* True: it stopped for the sake of others. */
static bool send(void) {
    static uint8_t payload[CHANNEL_PAYLOAD_MAX], wire[CHANNEL_WIRE_MAX];
    struct channel_frame frame;

    for (uint32_t i = 0; i < SEND_FRAMES_MAX; i++) {
        if (serial_tx_room(SERIAL_COM2) < CHANNEL_WIRE_MAX || !take_next(&frame, payload)) {
            return false;
        }
        (void)serial_tx(SERIAL_COM2, wire, (uint32_t)channel_encode(&frame, wire));
    }
    return true;
}

bool launcher_poll(void) {
    if (answers.bytes == NULL) {
        frame_queue_init(&answers, answer_bytes, sizeof(answer_bytes));
    }
    ready_wanted = node_state_changed() || ready_wanted;
    if (!serial_present(SERIAL_COM2)) {
        return false;
    }
    receive();
    launcher_jobs_poll();
    if (!heard) {
        ready_wanted = false;
        return false;
    }
    answer_status();
    return send();
}
