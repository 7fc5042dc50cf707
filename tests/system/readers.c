/* readers.c: three threads, one after the other, read a file whole in pieces of argv[2] bytes and
 * print what came: bytes, size by fstat, CRC-32; then lseek and pread at an odd place must agree.
 * The threads land on different nodes. With "--flood" in place of a name: prints for ever. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lisse.h"

enum { READERS = 3, PIECE_MAX = 65536, ODD_BYTES = 700 };

static const char *name;
static size_t piece;

static uint32_t crc_add(uint32_t crc, const unsigned char *bytes, size_t count) {
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
    }
    return ~crc;
}

static int pread_differs(int fd, off_t size) {
    unsigned char a[ODD_BYTES], b[ODD_BYTES];
    off_t at = size / 3 + 1;
    ssize_t first = pread(fd, a, sizeof(a), at);

    lseek(fd, at, SEEK_SET);
    return read(fd, b, sizeof(b)) != first || memcmp(a, b, first > 0 ? (size_t)first : 0) != 0;
}

static void *reader(void *nothing) {
    unsigned char *bytes = malloc(PIECE_MAX);
    struct stat there = {0};
    unsigned long sum = 0;
    uint32_t crc = 0;
    ssize_t got;
    int fd = open(name, O_RDONLY);

    if (fd < 0 || fstat(fd, &there) < 0) {
        perror(name);
        return nothing;
    }
    while ((got = read(fd, bytes, piece)) > 0) {
        crc = crc_add(crc, bytes, (size_t)got);
        sum += (unsigned long)got;
    }
    if (got < 0 || pread_differs(fd, there.st_size)) {
        printf("wrong bytes on node %d\n", lisse_node());
    }
    printf("node %d read %lu of %lu crc %08x\n", lisse_node(), sum, (unsigned long)there.st_size,
           (unsigned)crc);
    close(fd);
    free(bytes);
    return nothing;
}

static void flood(void) {
    char line[1000];

    memset(line, 'f', sizeof(line));
    while (write(1, line, sizeof(line)) > 0) {
    }
}

int main(int argc, char **argv) {
    name = argc > 1 ? argv[1] : "data";
    piece = argc > 2 ? strtoul(argv[2], NULL, 10) : PIECE_MAX;
    piece = piece > PIECE_MAX ? PIECE_MAX : piece;
    if (strcmp(name, "--flood") == 0) {
        flood();
    }
    for (int i = 0; i < READERS; i++) {
        pthread_t thread;
        if (i + 1 == READERS) { /* the main thread too: the origin */
            reader(NULL);
        } else if (pthread_create(&thread, NULL, reader, NULL) == 0) {
            pthread_join(thread, NULL);
        }
    }
    return 0;
}
