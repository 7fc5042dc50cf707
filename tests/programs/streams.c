/* streams: much through stdin and stdout, by several threads.
 *
 * `streams out [KB]`   writes KB (1024) of lines from four threads, in order, then their checksum
 * `streams pipe`       stdin through a thread that reads, one that turns letters, one that writes
 * `streams lines`      counts lines and bytes of stdin, read by getchar_unlocked and ungetc */
/* lisse-cc: -pthread */
#include <ctype.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS     4
#define PIECE_BYTES 6000
#define PIECES      4
#define LINE_BYTES  56

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* ---- out ------------------------------------------------------------------------------------- */

static unsigned line, lines;
static uint32_t sum = 2166136261u;

static void *write_lines(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    char text[80];

    (void)pthread_mutex_lock(&mutex);
    while (line < lines) {
        if (line % THREADS != self) {
            (void)pthread_cond_wait(&changed, &mutex);
            continue;
        }
        for (unsigned end = line + 64; line < end || line % THREADS != (self + 1) % THREADS;) {
            int length = snprintf(text, sizeof(text), "%08u thread %u of %d %032x\n", line, self,
                                  THREADS, line * 2654435761u);
            line++;
            for (int i = 0; i < length; i++) {
                sum = (sum ^ (unsigned char)text[i]) * 16777619u;
            }
            (void)fwrite(text, 1, (size_t)length, stdout);
        }
        (void)pthread_cond_broadcast(&changed);
    }
    (void)pthread_mutex_unlock(&mutex);
    return NULL;
}

static int out(unsigned kb)
{
    pthread_t thread[THREADS];

    lines = kb * 1024 / LINE_BYTES + 1;
    for (uintptr_t i = 0; i < THREADS; i++) {
        (void)pthread_create(&thread[i], NULL, write_lines, (void *)i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    printf("%u lines, checksum %08x\n", line, sum);
    return 0;
}

/* ---- pipe ------------------------------------------------------------------------------------ */

/* Pieces go round: read -> turned -> written; counters only rise. */
static struct {
    size_t length;
    char bytes[PIECE_BYTES];
} piece[PIECES];
static unsigned read_count, turned_count, written_count;

static void step(unsigned *count)
{
    (void)pthread_mutex_lock(&mutex);
    (*count)++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

/* Waits until *ahead - *behind is more than `least`. */
static void await(const unsigned *ahead, const unsigned *behind, int least)
{
    (void)pthread_mutex_lock(&mutex);
    while ((int)(*ahead - *behind) <= least) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
    (void)pthread_mutex_unlock(&mutex);
}

static void *read_pieces(void *unused)
{
    for (unsigned i = 0;; i++) {
        ssize_t length;

        await(&written_count, &read_count, -PIECES);
        length = read(STDIN_FILENO, piece[i % PIECES].bytes, PIECE_BYTES);
        piece[i % PIECES].length = length > 0 ? (size_t)length : 0;
        step(&read_count);
        if (length <= 0) {
            return unused;
        }
    }
}

static void *turn_pieces(void *unused)
{
    for (unsigned i = 0;; i++) {
        size_t length;

        await(&read_count, &turned_count, 0);
        length = piece[i % PIECES].length;
        for (size_t k = 0; k < length; k++) {
            int c = (unsigned char)piece[i % PIECES].bytes[k];
            piece[i % PIECES].bytes[k] = (char)(isupper(c) ? tolower(c) : toupper(c));
        }
        step(&turned_count); /* from now on the piece is the writer's, then the reader's */
        if (length == 0) {
            return unused;
        }
    }
}

static int through(void)
{
    pthread_t reader, turner;
    int wrong = 0;

    (void)pthread_create(&reader, NULL, read_pieces, NULL);
    (void)pthread_create(&turner, NULL, turn_pieces, NULL);
    for (unsigned i = 0;; i++) {
        size_t length;

        await(&turned_count, &written_count, 0);
        length = piece[i % PIECES].length;
        if (length == 0) {
            break;
        }
        for (size_t done = 0; done < length && !wrong;) {
            ssize_t now = write(STDOUT_FILENO, piece[i % PIECES].bytes + done, length - done);
            wrong = now <= 0;
            done += (size_t)now;
        }
        step(&written_count);
    }
    (void)pthread_join(reader, NULL);
    (void)pthread_join(turner, NULL);
    return wrong;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int count_lines(void)
{
    unsigned long bytes = 0, ends = 0, words = 0;
    int in_word = 0, c;

    while ((c = getchar_unlocked()) != EOF) {
        if (bytes % 1000 == 0) {
            (void)ungetc(c, stdin);
            c = getchar();
        }
        bytes++;
        ends += c == '\n';
        words += !isspace(c) && !in_word;
        in_word = !isspace(c);
    }
    printf("%lu lines, %lu words, %lu bytes, end %d\n", ends, words, bytes, feof(stdin) != 0);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "out";

    if (strcmp(what, "out") == 0) {
        return out(argc > 2 ? (unsigned)atoi(argv[2]) : 1024);
    }
    return strcmp(what, "pipe") == 0 ? through() : count_lines();
}
