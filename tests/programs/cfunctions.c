/* cfunctions: parts of the C library that lean on the FPU, the stack or thread-local state, done by
 * several threads at once: numbers as text and back, sorting, setjmp, locale, time, random.
 *
 * `cfunctions`. Each thread makes the same text; main prints it once and the number of threads
 * whose text was different. */
/* lisse-cc: -pthread */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define THREADS 5
#define TEXT    8192

struct text {
    char bytes[TEXT];
    size_t used;
    jmp_buf back;
};

static struct text text[THREADS];

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    t->used += (size_t)vsnprintf(t->bytes + t->used, TEXT - t->used, format, arguments);
    va_end(arguments);
}

static void numbers(struct text *t)
{
    static const char *const word[] = { "0.1", "1e-4950", "123456789.987654321e10", "0x1.8p-3",
                                        "nan", "-inf", "3.14159265358979323846264338328", "1e400",
                                        "4.9e-324", "2.2250738585072011e-308", "zero" };

    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        char *end;
        double d = strtod(word[i], &end);
        long double x = strtold(word[i], NULL);

        put(t, "%s: %.17g %a %g, %.21Lg %La, left \"%s\"\n", word[i], d, d, strtof(word[i], NULL),
            x, x, end);
    }
    put(t, "%Le %.3Lf %.40Lg %Lg\n", LDBL_MAX, 1.0L / 3.0L, 2.0L / 3.0L, LDBL_MIN);
    put(t, "%'d %+08.3f|%-12s|%*d|%.*f|%#x %#o %hhd %jd %zu %td\n", 1234567, 3.14159, "left", 7,
        42, 3, 2.71828, 255, 8, 300, INT64_MIN, sizeof(long), (ptrdiff_t)-5);
    errno = 0;
    put(t, "%ld %lu %lld %d ", strtol("-0x7fz", NULL, 0), strtoul("4294967296", NULL, 10),
        strtoll("-9223372036854775808", NULL, 10), errno == ERANGE);
    put(t, "%" PRIu64 " %" PRId64 "\n", UINT64_MAX / 10007, INT64_MIN / 3 % 1000003);
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sorting(struct text *t)
{
    char words[] = "the quick brown fox jumps over the lazy dog and runs away from it all";
    char *word[32], *state, *found, *key = (char[]){ "lazy" };
    size_t count = 0;

    for (char *w = strtok_r(words, " ", &state); w != NULL; w = strtok_r(NULL, " ", &state)) {
        word[count++] = w;
    }
    qsort(word, count, sizeof(word[0]), compare_words);
    for (size_t i = 0; i < count; i++) {
        put(t, "%s%c", word[i], i + 1 < count ? ' ' : '\n');
    }
    found = bsearch(&key, word, count, sizeof(word[0]), compare_words);
    put(t, "lazy is number %td\n", (char **)found - word);
}

static void __attribute__((noinline)) jump(struct text *t, int depth)
{
    volatile char room[300];

    room[0] = (char)depth;
    if (depth > 0) {
        jump(t, depth - 1);
    }
    if (room[0] == 0) { /* the innermost one */
        longjmp(t->back, 42);
    }
}

static void jumps(struct text *t)
{
    volatile int times = 0;
    int value = setjmp(t->back);

    if (times++ < 3) {
        jump(t, 10 * times);
    }
    put(t, "setjmp came back %d times with %d\n", times - 1, value);
}

static void calendar(struct text *t)
{
    time_t moment = 1000000000;
    struct tm broken;
    char line[100];

    put(t, "%s", asctime_r(gmtime_r(&moment, &broken), line));
    (void)strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S %j %U %A %B", &broken);
    put(t, "%s %lld\n", line, (long long)timegm(&broken));
    (void)strptime("29 Feb 2024 23:59", "%d %b %Y %H:%M", &broken);
    put(t, "%d %d %d\n", broken.tm_yday, broken.tm_year, broken.tm_min);
}

static void texts(struct text *t)
{
    regex_t pattern;
    regmatch_t match[3];
    wchar_t wide[20];
    char line[512];
    unsigned seed = 5;

    (void)regcomp(&pattern, "([a-z]+)-([0-9]{2,4})", REG_EXTENDED);
    put(t, "%d", regexec(&pattern, "a b-1 node-2024!", 3, match, 0));
    put(t, " %d-%d %d-%d\n", (int)match[1].rm_so, (int)match[1].rm_eo, (int)match[2].rm_so,
        (int)match[2].rm_eo);
    regfree(&pattern);
    put(t, "%zu wide, %s %d\n", mbstowcs(wide, "lisse", 20), setlocale(LC_ALL, NULL),
        toupper('x'));
    (void)swprintf(wide, 20, L"%05d|%ls", 42, L"ab");
    (void)snprintf(line, sizeof(line), "%ls", wide);
    put(t, "%s %d %d %s\n", line, rand_r(&seed), rand_r(&seed), strerror(ENOENT));
}

static void *body(void *arg)
{
    struct text *t = arg;

    numbers(t);
    sorting(t);
    jumps(t);
    calendar(t);
    texts(t);
    return NULL;
}

int main(void)
{
    pthread_t thread[THREADS];
    unsigned different = 0;

    (void)setlocale(LC_ALL, "C");
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_create(&thread[i], NULL, body, &text[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
        different += strcmp(text[i].bytes, text[0].bytes) != 0;
    }
    (void)fputs(text[0].bytes, stdout);
    printf("%u different\n", different);
    return different != 0;
}
