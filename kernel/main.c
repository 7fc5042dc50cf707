/* The boot, in order. Every step may print; a step that finds the machine unusable panics with
 * advice. The network card comes as early as its needs (memory, interrupts, clock, PCI) allow,
 * because some receive nothing for a second after they were started [D 14]; everything slow
 * comes behind it. */
#include "kernel/main.h"

#include "drivers/pci.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "kernel/console/console.h"
#include "kernel/cpu.h"
#include "kernel/file.h"
#include "kernel/file_window.h"
#include "kernel/irq.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/stack.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "kernel/version.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "net/nic.h"

enum { EARLY_MAP_BYTES_SMALL = 16 << 20 }; /* boot/entry.S without 4 MB pages */

struct boot_info boot_info;

static void boot_info_read(uint32_t magic, paddr_t at) {
    const uint8_t *memory = (const uint8_t *)KERNEL_BASE;
    uint32_t reach = cpu_features.pse ? DIRECT_MAP_BYTES : (uint32_t)EARLY_MAP_BYTES_SMALL;
    int err = -1;
    if (magic == BOOT_MAGIC_MB1) {
        err = boot_info_parse_mb1(&boot_info, memory, reach, at);
    } else if (magic == BOOT_MAGIC_MB2) {
        err = boot_info_parse_mb2(&boot_info, memory, reach, at);
    } else {
        panic_machine("the boot loader left %08x in EAX, which is neither Multiboot 1 (%08x) nor 2 "
                      "(%08x); use GRUB's multiboot2, iPXE, or QEMU's -kernel",
                      magic, BOOT_MAGIC_MB1, BOOT_MAGIC_MB2);
    }
    if (err != 0) {
        panic_machine("the boot loader's tables at %08x have no memory map that can be read "
                      "(Multiboot magic %08x, loader '%s')",
                      at, magic, boot_info.loader);
    }
}

static void boot_info_report(void) {
    if (boot_info.options_cut) {
        print("boot options are longer than %d characters; the rest is ignored\n",
              BOOT_OPTIONS_BYTES - 1);
    }
    if (boot_info.modules_cut) {
        print("more than %d boot modules; the rest is ignored\n", BOOT_MODULES_MAX);
    }
    if (boot_info.regions_cut) {
        print("more than %d areas in the memory map; the rest is not used\n", BOOT_REGIONS_MAX);
    }
}

static void machine_report(void) {
    print("%s%sprocessor family %u model %u, %u MB of memory, %u boot module%s\n",
          cpu_features.brand, cpu_features.brand[0] != '\0' ? ", " : "", cpu_features.family,
          cpu_features.model, frame_total_count() / 256, boot_info.modules_count,
          boot_info.modules_count == 1 ? "" : "s");
    if (!cpu_features.fpu) {
        panic_machine("this processor has no floating-point unit; Lisse's programs need one");
    }
}

/* Bytes that came before irq_start() raised a UART's line already, and the controller forgot that
 * edge: with its FIFO full the UART would be silent for ever. So each handler runs once now. */
static void serial_interrupts_start(void) {
    if (serial_present(SERIAL_COM1)) {
        irq_register(SERIAL_COM1_IRQ, serial_com1_interrupt);
        irq_enable(SERIAL_COM1_IRQ);
        serial_com1_interrupt();
    }
    if (serial_present(SERIAL_COM2)) {
        irq_register(SERIAL_COM2_IRQ, serial_com2_interrupt);
        irq_enable(SERIAL_COM2_IRQ);
        serial_com2_interrupt();
    }
}

static void net_interrupts_start(void) {
    if (nic_irq() >= 0) {
        irq_register(nic_irq(), nic_interrupt);
        irq_enable(nic_irq());
    }
}

void kernel_main(uint32_t magic, paddr_t info) {
    stack_start();
    cpu_start();
    trap_start();
    serial_start();
    boot_info_read(magic, info);
    vga_start(boot_info.text_screen);
    print("\nLisse %s, build %s\n", version_text, version_build_hex);
    boot_info_report();
    options_parse(&options_boot, boot_info.options, &print_everywhere);
    print_choose(options_boot.consoles);
    if (options_boot.mem_bytes != 0) {
        boot_info_limit(&boot_info, options_boot.mem_bytes);
    }
    frame_init(&boot_info);
    paging_start(&boot_info);
    irq_start();
    serial_interrupts_start();
    time_start();
    pci_start();
    net_start();
    net_interrupts_start();
    machine_report();
    if (options_boot.name[0] != '\0') {
        console_set_name(options_boot.name);
        panic_set_name(options_boot.name);
    }
    console_start();
    file_start(&boot_info);
    file_window_start();
    pump_start(&boot_info);
    pump_loop();
}
