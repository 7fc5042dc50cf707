/* Command lines: words, quotes, unknown commands, completion names. */
/* sources: kernel/console/commands.c kernel/nearest.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "kernel/console/commands.h"
#include "tests/unit/fake_sink.h"

static struct fake_sink out;

/* Shows its arguments, one per line. */
static int run_echo(int argc, char **argv, struct print_sink *sink) {
    for (int i = 1; i < argc; i++) {
        print_to(sink, "[%s]", argv[i]);
    }
    assert_null(argv[argc]);
    return argc == 2 && strcmp(argv[1], "bad") == 0 ? COMMAND_USAGE : 10 * (argc - 1);
}

static const struct command commands[] = {
    {"echo", "[WORD]...", "shows words", run_echo},
    {"crash", "", NULL, run_echo},
    {"members", "", "nothing", run_echo},
};
const struct command_table commands_basic = {commands, 3};
static const struct command more[] = {{"pages", "", "second table", run_echo}};
const struct command_table commands_core = {more, 1};

static int execute(const char *line) {
    fake_sink_clear(&out);
    return console_execute(line, &out.sink);
}

static void words(void **state) {
    static const struct {
        const char *line, *shown;
        int status;
    } cases[] = {
        {"", "", 0},
        {"   \t ", "", 0},
        {"echo", "", 0},
        {"  echo  a   b ", "[a][b]", 2},
        {"echo 'a b' \"c d\"", "[a b][c d]", 2},
        {"echo 'a\"b' \"c'd\"", "[a\"b][c'd]", 2},
        {"echo a'b c'd", "[ab cd]", 1},
        {"echo ''", "[]", 1},
        {"echo '' \"\" x", "[][][x]", 3},
        {"pages x", "[x]", 1},
        {"crash now", "[now]", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(execute(cases[i].line), 10 * cases[i].status);
        assert_string_equal(out.text, cases[i].shown);
    }
}

static void mistakes(void **state) {
    assert_int_equal(execute("echo 'open"), COMMAND_USAGE);
    assert_string_equal(out.text, "the quote ' is not closed\n");
    assert_int_equal(execute("echo bad"), COMMAND_USAGE);
    assert_string_equal(out.text, "[bad]usage: echo [WORD]...\n");
    assert_int_equal(execute("ehco a"), COMMAND_UNKNOWN);
    assert_string_equal(out.text,
                        "there is no command 'ehco'; did you mean 'echo'? 'help' lists all\n");
    assert_int_equal(execute("crsh"), COMMAND_UNKNOWN); /* hidden ones are not suggested */
    assert_string_equal(out.text, "there is no command 'crsh'; 'help' lists all\n");
    assert_int_equal(execute("xyzzy"), COMMAND_UNKNOWN);
    char line[1000];
    memset(line, 'a', sizeof line);
    line[999] = '\0';
    assert_int_equal(execute(line), COMMAND_USAGE);
    for (size_t i = 0; i < 500; i++) {
        line[i] = i % 2 == 0 ? 'a' : ' ';
    }
    line[500] = '\0';
    assert_int_equal(execute(line), COMMAND_USAGE);
}

static void names(void **state) {
    assert_string_equal(commands_name(0), "echo");
    assert_string_equal(commands_name(1), "members");
    assert_string_equal(commands_name(2), "pages");
    assert_null(commands_name(3));
    assert_null(commands_name(30));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
