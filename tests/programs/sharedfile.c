/* sharedfile: one FILE of the C library used by several threads, and one descriptor.
 *
 * `sharedfile FILE` (a text file). Each thread takes lines with getline() from the shared stream,
 * under its lock or with ungetc() in between; all lines together must be the file's. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 4

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static FILE *shared;
static int shared_fd;
static uint32_t line_sum, byte_sum;
static unsigned lines, bytes;

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s (errno %d)\n", line, what, errno);
        exit(1);
    }
}

static uint32_t hash(const char *text, size_t length)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    }
    return h;
}

static void count_line(const char *text, size_t length)
{
    (void)__atomic_add_fetch(&line_sum, hash(text, length), __ATOMIC_SEQ_CST);
    (void)__atomic_add_fetch(&lines, 1, __ATOMIC_SEQ_CST);
}

static void *line_body(void *arg)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    for (;;) {
        if (arg == NULL) { /* a character is looked at and given back first */
            flockfile(shared);
            int c = getc_unlocked(shared);
            CHECK(c == EOF || ungetc(c, shared) == c);
            length = getline(&line, &room, shared);
            funlockfile(shared);
        } else {
            length = getline(&line, &room, shared);
        }
        if (length < 0) {
            break;
        }
        count_line(line, (size_t)length);
    }
    free(line);
    return NULL;
}

/* Reads of 100 bytes share the descriptor's offset: no byte is read twice or left out. */
static void *byte_body(void *unused)
{
    unsigned char piece[100];
    ssize_t length;

    while ((length = read(shared_fd, piece, sizeof(piece))) > 0) {
        for (ssize_t i = 0; i < length; i++) {
            (void)__atomic_add_fetch(&byte_sum, piece[i], __ATOMIC_SEQ_CST);
        }
        (void)__atomic_add_fetch(&bytes, (unsigned)length, __ATOMIC_SEQ_CST);
    }
    CHECK(length == 0);
    return unused;
}

/* Its own stream: seeks, reads of odd sizes, formatted input. */
static void *own_body(void *arg)
{
    const char *name = arg;
    FILE *file = fopen(name, "r");
    char buffer[3000];
    uint32_t sum = 0;
    long size;

    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    for (long at = size - size % 177; at >= 0; at -= 177) {
        size_t length;

        CHECK(fseek(file, at, SEEK_SET) == 0);
        length = fread(buffer, 1, 177, file);
        CHECK(length == (size_t)(size - at < 177 ? size - at : 177));
        sum += hash(buffer, length);
        CHECK(ftell(file) == at + (long)length);
    }
    rewind(file);
    CHECK(fgets(buffer, sizeof(buffer), file) != NULL);
    sum += hash(buffer, strlen(buffer));
    CHECK(fscanf(file, "%*[^0-9]") == 0 && fscanf(file, "%ld", &size) == 1);
    CHECK(fclose(file) == 0);
    return (void *)(uintptr_t)(sum ^ (uint32_t)size);
}

static void all(const char *what, void *(*body)(void *), void *arg)
{
    pthread_t thread[THREADS];
    void *result[THREADS];

    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, body, body == line_body && i % 2 ? body : arg) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], &result[i]) == 0);
        CHECK(result[i] == result[0]);
    }
    printf("%s: lines %u %08x, bytes %u %08x, result %08x\n", what, lines, line_sum, bytes,
           byte_sum, (unsigned)(uintptr_t)result[0]);
}

int main(int argc, char **argv)
{
    struct stat status;

    CHECK(argc > 1 && stat(argv[1], &status) == 0);
    shared = fopen(argv[1], "r");
    CHECK(shared != NULL);
    all("getline", line_body, NULL);
    CHECK(feof(shared) && !ferror(shared) && fclose(shared) == 0);
    shared_fd = open(argv[1], O_RDONLY);
    CHECK(shared_fd >= 0);
    all("read", byte_body, NULL);
    CHECK(bytes == (unsigned)status.st_size && close(shared_fd) == 0);
    all("own", own_body, argv[1]);
    CHECK(fopen("no-such-file", "r") == NULL && errno == ENOENT);
    return 0;
}
