/* The option line, word by word. One table says which keys there are, what their values look
 * like and who reads them; help texts and "did you mean" come from it. A value may be quoted:
 * run="mgs -n 64". */
#include "kernel/options.h"

#include <stddef.h>
#include <string.h>

#include "kernel/nearest.h"

enum {
    WORD_BYTES = OPTIONS_RUN_BYTES + 32,
    NEAR_ENOUGH = 3, /* edits up to which a key is worth suggesting */
    MEM_MIN_MB = 8,
};

struct options options_boot;

struct option {
    const char *key, *values;
    bool (*read)(struct options *o, const char *value); /* false: the value is bad */
};

/* ---- readers of values ----------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Decimal digits up to `end`; false when there are none or the number is above max. */
static bool number_read(const char *text, const char *end, uint32_t max, uint32_t *number) {
    uint64_t n = 0;
    if (text == end) {
        return false;
    }
    for (; text < end; text++) {
        if (!is_digit(*text) || n > max) {
            return false;
        }
        n = n * 10 + (uint32_t)(*text - '0');
    }
    *number = (uint32_t)n;
    return n <= max;
}

/* A name: letters, digits, - _ . : and at most 15 of them. */
static bool name_read(char *name, const char *value) {
    uint32_t n = 0;
    for (; value[n] != '\0'; n++) {
        char c = value[n];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                    strchr("-_.:", c) != NULL;
        if (!good || n + 1 >= OPTIONS_NAME_BYTES) {
            return false;
        }
    }
    memcpy(name, value, n + 1);
    return n > 0;
}

/* Position of value in the list of zero-terminated words that ends with an empty one; -1: not
 * there. */
static int word_index(const char *words, const char *value) {
    for (int i = 0; *words != '\0'; i++, words += strlen(words) + 1) {
        if (strcmp(words, value) == 0) {
            return i;
        }
    }
    return -1;
}

static bool choice_read(uint8_t *choice, const char *words, const char *value) {
    int index = word_index(words, value);
    if (index >= 0) {
        *choice = (uint8_t)index;
    }
    return index >= 0;
}

static bool read_cluster(struct options *o, const char *value) {
    return name_read(o->cluster, value);
}

static bool read_name(struct options *o, const char *value) {
    return name_read(o->name, value);
}

static bool read_cell(struct options *o, const char *value) {
    return name_read(o->cell, value);
}

static bool read_nic(struct options *o, const char *value) {
    return name_read(o->nic, value);
}

static bool read_key(struct options *o, const char *value) {
    static const char digits[] = "0123456789abcdef";
    uint8_t key[OPTIONS_KEY_BYTES] = {0};
    uint32_t n = (uint32_t)strlen(value);
    if (n == 0 || n % 2 != 0 || n > 2 * OPTIONS_KEY_BYTES) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        char c = value[i] >= 'A' && value[i] <= 'F' ? (char)(value[i] + 'a' - 'A') : value[i];
        const char *at = memchr(digits, c, 16);
        if (at == NULL) {
            return false;
        }
        key[i / 2] = (uint8_t)(key[i / 2] << 4 | (at - digits));
    }
    memcpy(o->key, key, sizeof key);
    o->key_bytes = n / 2;
    return true;
}

static bool read_expect(struct options *o, const char *value) {
    uint32_t n;
    if (!number_read(value, value + strlen(value), OPTIONS_EXPECT_MAX, &n) || n == 0) {
        return false;
    }
    o->expect = n;
    return true;
}

static bool read_join(struct options *o, const char *value) {
    return choice_read(&o->join, "auto\0manual\0", value);
}

static bool read_locator(struct options *o, const char *value) {
    return choice_read(&o->locator, "tree\0stat\0", value);
}

static bool read_quorum(struct options *o, const char *value) {
    return choice_read(&o->quorum, "majority\0witness\0", value);
}

static bool read_pxe(struct options *o, const char *value) {
    uint8_t on;
    if (!choice_read(&on, "off\0on\0", value)) {
        return false;
    }
    o->pxe = on == 1;
    return true;
}

static bool read_console(struct options *o, const char *value) {
    uint8_t which;
    if (!choice_read(&which, "serial\0screen\0both\0", value)) {
        return false;
    }
    o->consoles = which + 1u; /* PRINT_SERIAL, PRINT_SCREEN, both bits */
    return true;
}
_Static_assert(PRINT_SERIAL == 1 && PRINT_SCREEN == 2, "order of the words in read_console");

/* A.B.C.D/M */
static bool address_read(struct options *o, const char *value) {
    uint32_t address = 0, part;
    for (uint32_t i = 0; i < 4; i++) {
        const char *end = strchr(value, i < 3 ? '.' : '/');
        if (end == NULL || !number_read(value, end, 255, &part)) {
            return false;
        }
        address = address << 8 | part;
        value = end + 1;
    }
    if (!number_read(value, value + strlen(value), 32, &part)) {
        return false;
    }
    o->ip_address = address;
    o->ip_bits = (uint8_t)part;
    o->ip = OPTIONS_IP_STATIC;
    return true;
}

static bool read_ip(struct options *o, const char *value) {
    if (strcmp(value, "dhcp") == 0) {
        o->ip = OPTIONS_IP_DHCP;
        return true;
    }
    return address_read(o, value);
}

static bool read_mem(struct options *o, const char *value) {
    uint32_t n, length = (uint32_t)strlen(value);
    char unit = length > 0 ? value[length - 1] : '\0';
    uint32_t shift = unit == 'G' || unit == 'g' ? 30 : 20;
    if ((unit != 'M' && unit != 'm' && shift != 30) ||
        !number_read(value, value + length - 1, 65536, &n) ||
        (uint64_t)n << shift < (uint64_t)MEM_MIN_MB << 20) {
        return false;
    }
    o->mem_bytes = (uint64_t)n << shift;
    return true;
}

static bool read_run(struct options *o, const char *value) {
    size_t n = strlen(value);
    if (n == 0 || n >= OPTIONS_RUN_BYTES) {
        return false;
    }
    memcpy(o->run, value, n + 1);
    return true;
}

static const struct option table[] = {
    {"cluster", "NAME (at most 15 letters, digits, - _ . :)", read_cluster},
    {"key", "an even number of hex digits, at most 64", read_key},
    {"expect", "a number of nodes, 1 ... 256", read_expect},
    {"name", "NAME (at most 15 letters, digits, - _ . :)", read_name},
    {"join", "auto or manual", read_join},
    {"locator", "tree or stat", read_locator},
    {"cell", "LABEL (at most 15 letters, digits, - _ . :)", read_cell},
    {"nic", "a driver's name or BUS:SLOT.FUNCTION", read_nic},
    {"ip", "dhcp or A.B.C.D/M", read_ip},
    {"quorum", "majority or witness", read_quorum},
    {"pxe", "on or off", read_pxe},
    {"console", "serial, screen or both", read_console},
    {"mem", "a size like 64M or 1G, at least 8M", read_mem},
    {"run", "PROGRAM or \"PROGRAM ARGUMENTS\"", read_run},
};
enum { TABLE_ROWS = sizeof table / sizeof table[0] };

/* ---- the line -------------------------------------------------------------------------------- */

/* The next word without its quotes; returns what follows, NULL at the end of the text. A word
 * that is too long is cut, which its reader then refuses. */
static const char *word_next(const char *text, char *word) {
    uint32_t n = 0;
    char quote = '\0';
    while (*text == ' ' || *text == '\t' || *text == '\n') {
        text++;
    }
    if (*text == '\0') {
        return NULL;
    }
    for (; *text != '\0' && (quote != '\0' || (*text != ' ' && *text != '\t')); text++) {
        bool toggles = quote != '\0' ? *text == quote : *text == '"' || *text == '\'';
        if (toggles) {
            quote = quote != '\0' ? '\0' : *text;
        } else if (n + 1 < WORD_BYTES) {
            word[n++] = *text;
        }
    }
    word[n] = '\0';
    return text;
}

static const struct option *option_find(const char *key) {
    for (uint32_t i = 0; i < TABLE_ROWS; i++) {
        if (strcmp(table[i].key, key) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void report_unknown(const char *word, const char *key, struct print_sink *complaints) {
    uint32_t best = NEAR_ENOUGH + 1;
    const char *nearest = NULL;
    for (uint32_t i = 0; i < TABLE_ROWS; i++) {
        uint32_t distance = nearest_distance(key, table[i].key);
        if (distance < best && distance < strlen(table[i].key)) {
            best = distance;
            nearest = table[i].key;
        }
    }
    print_to(complaints, "boot option '%.60s' is unknown and ignored; ", word);
    if (nearest != NULL) {
        print_to(complaints, "did you mean '%s='?\n", nearest);
        return;
    }
    print_to(complaints, "there are:");
    for (uint32_t i = 0; i < TABLE_ROWS; i++) {
        print_to(complaints, " %s=", table[i].key);
    }
    print_to(complaints, "\n");
}

/* Returns 1 when the word is bad. */
static uint32_t word_read(struct options *options, char *word, struct print_sink *complaints) {
    char key[WORD_BYTES];
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    memcpy(key, word, length);
    key[length] = '\0';
    const struct option *option = option_find(key);
    if (option == NULL) {
        report_unknown(word, key, complaints);
        return 1;
    }
    if (equals == NULL || !option->read(options, equals + 1)) {
        print_to(complaints, "boot option '%.60s' has a bad value and is ignored; %s= wants %s\n",
                 word, key, option->values);
        return 1;
    }
    return 0;
}

uint32_t options_parse(struct options *options, const char *text, struct print_sink *complaints) {
    char word[WORD_BYTES];
    uint32_t bad = 0;
    memset(options, 0, sizeof *options);
    memcpy(options->cluster, "lisse", 6);
    options->consoles = PRINT_SERIAL | PRINT_SCREEN;
    while ((text = word_next(text, word)) != NULL) {
        bad += word_read(options, word, complaints);
    }
    return bad;
}
