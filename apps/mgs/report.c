/* The result, printed by main when all threads have ended. Contract: report.h.
 *
 * Never between kernel_begin() and kernel_end(): printf needs the whole x87 precision. */
#include "apps/mgs/report.h"

#include "apps/mgs/crc32.h"

#include <math.h>

static const char *const path_name[] = { [KERNEL_X87] = "x87", [KERNEL_SSE2] = "sse2" };

uint32_t report_checksum(const struct mgs *m)
{
    uint32_t q_shift = crc32_shift(m->rows * sizeof(double));
    uint32_t r_shift = crc32_shift(m->cols * sizeof(double));
    uint32_t crc = 0;

    for (uint32_t j = 0; j < m->cols; j++) {
        crc = crc32_join(crc, m->workers[j % m->threads].crc[2 * (j / m->threads)], q_shift);
    }
    for (uint32_t j = 0; j < m->cols; j++) {
        crc = crc32_join(crc, m->workers[j % m->threads].crc[2 * (j / m->threads) + 1], r_shift);
    }
    return crc;
}

/* Millions of additions and multiplications in a second: 2 m n^2 in all. */
static double mflops(const struct mgs *m)
{
    double work = 2.0 * m->rows * m->cols * m->cols;

    return m->workers[0].seconds > 0.0 ? work / m->workers[0].seconds * 1e-6 : 0.0;
}

/* The nodes of the threads, in the order of the threads: "1 2 3" or "1, 2, 3". */
static void nodes_print(FILE *out, const struct mgs *m, const char *between)
{
    for (uint32_t i = 0; i < m->threads; i++) {
        fprintf(out, "%s%u", i == 0 ? "" : between, (unsigned)m->workers[i].node);
    }
}

static void text_check(FILE *out, const struct check *c)
{
    fprintf(out, "  residual        %.1e, at most %.1e allowed   (largest |a - Qr| / |a|)\n",
            c->residual, c->residual_max);
    fprintf(out, "  condition       %.1e, with columns scaled %.1e   (estimates)\n",
            c->cond, c->cond_scaled);
    if (c->reason == NULL) {
        fprintf(out, "  check           PASS: the loss is at most %.1e, "
                "as condition x machine precision allows\n", c->loss_max);
    } else {
        fprintf(out, "  check           FAIL: %s (loss allowed: %.1e)\n", c->reason, c->loss_max);
    }
}

void report_text(FILE *out, const struct report *report)
{
    const struct mgs *m = report->mgs;

    fprintf(out, "MGS %u x %u", (unsigned)m->rows, (unsigned)m->cols);
    if (report->name != NULL) {
        fprintf(out, " from %s", report->name);
    } else {
        fprintf(out, ", seed %llu", (unsigned long long)m->seed);
    }
    fprintf(out, "%s\n  threads         %u", m->packed ? ", packed" : "", (unsigned)m->threads);
    if (m->workers[0].node != 0) {
        fprintf(out, ", on the nodes ");
        nodes_print(out, m, " ");
    }
    fprintf(out, "\n  outer loop      %.3f s, %.0f MFLOP/s, fp=%s\n", m->workers[0].seconds,
            mflops(m), path_name[m->path]);
    if (m->verify >= MGS_VERIFY_LOSS) {
        fprintf(out, "  max |QtQ - I|   %.1e\n", report->check->loss);
    }
    fprintf(out, "  checksum        %08x   (CRC-32 of Q and R)\n", (unsigned)report->checksum);
    if (m->verify >= MGS_VERIFY_ALL) {
        text_check(out, report->check);
    }
}

/* A name as a JSON string; what JSON has no short form for is left out. */
static void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            fputc('\\', out);
        }
        if (c >= ' ') {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

/* JSON knows no infinity and no NaN: null. */
static void json_number(FILE *out, const char *name, double value)
{
    if (isfinite(value)) {
        fprintf(out, ", \"%s\": %.6e", name, value);
    } else {
        fprintf(out, ", \"%s\": null", name);
    }
}

void report_json(FILE *out, const struct report *report)
{
    const struct mgs *m = report->mgs;
    const struct check *c = report->check;

    fprintf(out, "{\"n\": %u, \"m\": %u, ", (unsigned)m->cols, (unsigned)m->rows);
    if (report->name != NULL) {
        fputs("\"file\": ", out);
        json_string(out, report->name);
    } else {
        fprintf(out, "\"seed\": %llu", (unsigned long long)m->seed);
    }
    fprintf(out, ", \"packed\": %s, \"threads\": %u, \"nodes\": [", m->packed ? "true" : "false",
            (unsigned)m->threads);
    nodes_print(out, m, ", ");
    fprintf(out, "], \"fp\": \"%s\", \"seconds\": %.6f, \"mflops\": %.1f", path_name[m->path],
            m->workers[0].seconds, mflops(m));
    if (m->verify >= MGS_VERIFY_LOSS) {
        json_number(out, "max_norm", c->loss);
    }
    fprintf(out, ", \"checksum\": \"%08x\"", (unsigned)report->checksum);
    if (m->verify >= MGS_VERIFY_ALL) {
        json_number(out, "max_norm_allowed", c->loss_max);
        json_number(out, "residual", c->residual);
        json_number(out, "residual_allowed", c->residual_max);
        json_number(out, "cond", c->cond);
        json_number(out, "cond_scaled", c->cond_scaled);
        fprintf(out, ", \"ok\": %s", c->reason == NULL ? "true" : "false");
    }
    fputs("}\n", out);
}

int report_dump(FILE *out, const struct mgs *m)
{
    fprintf(out, "mgs-dump %u %u\n", (unsigned)m->rows, (unsigned)m->cols);
    for (uint32_t j = 0; j < m->cols; j++) {
        (void)fwrite(mgs_q(m, j), sizeof(double), m->rows, out);
    }
    for (uint32_t j = 0; j < m->cols; j++) {
        (void)fwrite(mgs_r(m, j), sizeof(double), j + 1, out);
    }
    return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
