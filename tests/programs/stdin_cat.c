/* stdin_cat: copies stdin to stdout, byte for byte, and counts on stderr.
 *
 * `stdin_cat SIZE` reads SIZE bytes at a time (1 to 65536; 4096 unless given). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];

static int write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, length);

        if (done < 0 && errno != EINTR) {
            return -1;
        }
        if (done > 0) {
            bytes += done;
            length -= (size_t)done;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 4096;
    unsigned long total = 0;

    if (size < 1 || size > sizeof(buffer)) {
        fprintf(stderr, "stdin_cat: the size must be 1 to %zu\n", sizeof(buffer));
        return 2;
    }
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer, size);

        if (got == 0) {
            break;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || write_all(buffer, (size_t)got) != 0) {
            fprintf(stderr, "stdin_cat: after %lu bytes: %s\n", total, strerror(errno));
            return 1;
        }
        total += (unsigned long)got;
    }
    fprintf(stderr, "stdin_cat: %lu bytes\n", total);
    return 0;
}
