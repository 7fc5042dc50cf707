/* Reports: the table of texts and the effect that carries one. Pure; what a report means for the
 * console, the launcher or a checker is decided by the world. */
#include "adapt/report.h"
#include "adapt/format.h"
#include "adapt/service.h"

#define REPORT(name, text) [REPORT_##name] = text,
static const char *const texts[REPORTS] = {
    [REPORT_NONE] = "nothing",
#include "adapt/report.def"
};
#undef REPORT

void node_report(struct node *n, enum report code, uint32_t a, uint32_t b, uint32_t c,
                 const char *text) {
    struct effect *e = node_effect(n, FX_REPORT);

    ASSERT(code > REPORT_NONE && code < REPORTS);
    e->value = code;
    e->arg[0] = a;
    e->arg[1] = b;
    e->arg[2] = c;
    if (text != NULL) {
        char copy[REPORT_TEXT_BYTES_MAX];
        struct line l;

        line_begin(&l, copy, sizeof(copy));
        line_add_text(&l, text);
        node_effect_bytes(n, e, copy, l.used + 1);
    }
}

uint32_t report_format(char *line, uint32_t size, enum report code, const uint32_t arg[4],
                       const char *text) {
    struct line l;

    line_begin(&l, line, size);
    line_add_pattern(&l, code < REPORTS ? texts[code] : texts[REPORT_NONE], arg, text);
    return l.used;
}
