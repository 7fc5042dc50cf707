/* Commands about this PC, which need no cluster: help version log uptime mem pci reboot
 * halt, and the hidden `crash`, with which tests see a panic. */
#include <stddef.h>
#include <string.h>

#include "boot/bootinfo.h"
#include "drivers/pci.h"
#include "drivers/serial.h"
#include "kernel/console/commands.h"
#include "kernel/cpu.h"
#include "kernel/file.h"
#include "kernel/irq.h"
#include "kernel/main.h"
#include "kernel/panic.h"
#include "kernel/power.h"
#include "kernel/stack.h"
#include "kernel/time.h"
#include "kernel/version.h"
#include "mm/frame.h"

enum { LOG_LINES = 100, FLUSH_US = 200000, KB_PER_FRAME = FRAME_BYTES / 1024 };

static int run_help(int argc, char **argv, struct print_sink *out) {
    const struct command *c;
    uint32_t at = 0, shown = 0;
    while ((c = commands_next_visible(&at)) != NULL) {
        if (argc > 1 && strcmp(argv[1], c->name) != 0) {
            continue;
        }
        char call[40];
        print_text(call, sizeof call, "%s %s", c->name, c->usage);
        print_to(out, "%-28s %s\n", call, c->help);
        shown++;
    }
    if (shown == 0) {
        print_to(out, "there is no command '%.40s'; 'help' lists all\n", argv[1]);
    }
    return shown > 0 ? 0 : COMMAND_UNKNOWN;
}

static int run_version(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    const struct cpu_features *f = &cpu_features;
    print_to(out, "Lisse %s, build %s, image %s\n", version_text, version_build_hex, version_image);
    print_to(out, "processor %s family %u model %u%s%s\n", f->vendor, f->family, f->model,
             f->brand[0] != '\0' ? ", " : "", f->brand);
    print_to(out, "features%s%s%s%s%s%s%s%s\n", f->fpu ? " fpu" : "", f->tsc ? " tsc" : "",
             f->cx8 ? " cx8" : "", f->pse ? " pse" : "", f->pge ? " pge" : "",
             f->fxsr ? " fxsr" : "", f->sse ? " sse" : "", f->sse2 ? " sse2" : "");
    return 0;
}

/* Decimal number of at most 9 digits; false when text is something else. */
static bool number_read(const char *text, uint32_t *number) {
    uint32_t n = 0, digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 10; digits++) {
        n = n * 10 + (uint32_t)(text[digits] - '0');
    }
    *number = n;
    return digits > 0 && digits < 10 && text[digits] == '\0';
}

static int run_log(int argc, char **argv, struct print_sink *out) {
    uint32_t lines = LOG_LINES;
    if (argc > 2 || (argc == 2 && (!number_read(argv[1], &lines) || lines == 0))) {
        return COMMAND_USAGE;
    }
    print_log_to(out, lines);
    return 0;
}

static int run_uptime(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    uint64_t us = time_us();
    uint32_t s = (uint32_t)(us / 1000000u), hz = (uint32_t)(time_tsc_hz() / 1000);
    print_to(out, "up %u days %02u:%02u:%02u.%03u", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60,
             (uint32_t)(us / 1000 % 1000));
    if (hz > 0) {
        print_to(out, "; clock: TSC at %u.%03u MHz\n", hz / 1000, hz % 1000);
    } else {
        print_to(out, "; clock: 8254, this processor has no usable TSC\n");
    }
    print_to(out, "interrupts:");
    for (int irq = 0; irq < IRQ_LINES; irq++) {
        if (irq_count(irq) > 0) {
            print_to(out, " irq%d %u", irq, irq_count(irq));
        }
    }
    print_to(out, ", spurious %u\n", irq_spurious_count());
    return 0;
}

static int run_mem(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    print_to(out, "memory    %u KB usable\n", frame_total_count() * KB_PER_FRAME);
    print_to(out, "programs  %u KB in %u frames\n", frame_user_count() * KB_PER_FRAME,
             frame_user_count());
    print_to(out, "kernel    %u KB of tables, %u KB free\n", pool_bytes() / 1024,
             frame_free_count() * KB_PER_FRAME);
    print_to(out, "stack     %u of %u bytes used at most\n", stack_used_bytes(), stack_bytes());
    print_to(out, "files     %u KB for those that the launcher sends, %u KB free\n",
             file_area_bytes() / 1024, file_area_free_bytes() / 1024);
    for (uint32_t i = 0; i < boot_info.modules_count; i++) {
        const struct boot_module *m = &boot_info.modules[i];
        print_to(out, "module    %-24s %u bytes\n", m->name, m->end - m->start);
    }
    struct serial_counters c1 = serial_counters(SERIAL_COM1), c2 = serial_counters(SERIAL_COM2);
    print_to(out, "serial    COM1 in %u out %u lost %u, COM2 in %u out %u lost %u\n", c1.rx_bytes,
             c1.tx_bytes, c1.rx_dropped + c1.rx_overrun + c1.tx_dropped, c2.rx_bytes, c2.tx_bytes,
             c2.rx_dropped + c2.rx_overrun + c2.tx_dropped);
    return 0;
}

static int run_pci(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    pci_list(out, PCI_LIST_ALL);
    return 0;
}

static void flush_all(void) {
    serial_flush(SERIAL_COM1, FLUSH_US);
    serial_flush(SERIAL_COM2, FLUSH_US);
}

static int run_reboot(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    print_to(out, "resetting\n");
    flush_all();
    power_reset();
}

static int run_halt(int argc, char **argv, struct print_sink *out) {
    (void)argc;
    (void)argv;
    print_to(out, "halted\n");
    flush_all();
    power_off();
    print("This PC does not switch itself off: press its power button.\n");
    flush_all();
    cpu_stop();
}

/* ---- for tests: break the kernel ------------------------------------------------------------- */

__attribute__((noinline)) static uint32_t crash_recurse(volatile uint32_t *above) {
    volatile uint32_t here[16] = {*above};
    return *above == 0 ? crash_recurse(here) + here[0] : 1; /* it is 0, which nobody can know */
}

__attribute__((noinline)) static void crash_store(uint32_t address) {
    *(volatile uint32_t *)address = 1;
}

static int run_crash(int argc, char **argv, struct print_sink *out) {
    const char *how = argc > 1 ? argv[1] : "page";
    if (strcmp(how, "page") == 0) {
        crash_store(0xFFFFF000u); /* never mapped, mm/layout.h */
    } else if (strcmp(how, "text") == 0) {
        crash_store((uint32_t)run_help);
    } else if (strcmp(how, "stack") == 0) {
        volatile uint32_t start = 0;
        crash_recurse(&start);
    } else if (strcmp(how, "assert") == 0) {
        PANIC_UNLESS(argc == 0);
    } else if (strcmp(how, "code") == 0) {
        __asm__ volatile("ud2");
    }
    print_to(out, "crash page|text|stack|assert|code\n");
    return COMMAND_USAGE;
}

static const struct command commands[] = {
    {"help", "[COMMAND]", "this list, or one line of it", run_help},
    {"version", "", "which Lisse, which processor", run_version},
    {"log", "[LINES]", "the newest lines of this node's log, 100 if not said", run_log},
    {"uptime", "", "how long, by which clock; interrupts", run_uptime},
    {"mem", "", "memory, files, boot modules, serial lines", run_mem},
    {"pci", "", "devices on the PCI buses", run_pci},
    {"reboot", "", "reset this PC at once", run_reboot},
    {"halt", "", "switch this PC off at once", run_halt},
    {"crash", "[page|text|stack|assert|code]", NULL, run_crash},
};

const struct command_table commands_basic = {commands, sizeof commands / sizeof commands[0]};
