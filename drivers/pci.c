/* Scan of the PCI buses at boot, into a table that does not change afterwards. Bus 0 first, then
 * every bus behind a bridge as the firmware numbered it; a bus is entered once, so mad bridges
 * cannot make a loop. Sources: [PCI 3.2.2.3.2] ports, [PCI 6.1] header, [PCI 6.2.5.1] sizing a
 * BAR, [PCIB 3.2.5.4]. */
#include "drivers/pci.h"

#include <stddef.h>

#include "kernel/cpu.h"

enum {
    ADDRESS_PORT = 0xCF8,
    DATA_PORT = 0xCFC,
    ID = 0x00,
    CLASS = 0x08,
    HEADER = 0x0C,
    HEADER_TYPE_SHIFT = 16,
    HEADER_MULTIFUNCTION = 0x80,
    HEADER_BRIDGE = 1,
    BAR_0 = 0x10,
    BAR_PORTS = 1 << 0,
    BAR_TYPE_64 = 2 << 1,
    BAR_TYPE_MASK = 3 << 1,
    BRIDGE_BUSES = 0x18,
    INTERRUPT = 0x3C,
    BARS_OF_BRIDGE = 2,
    BUSES = 256,
    SLOTS = 32,
    FUNCTIONS = 8,
    CLASS_BRIDGE = 0x06,
    SUBCLASS_PCI_BRIDGE = 0x04,
    CLASS_NETWORK = 0x02,
};

static struct pci_device devices[PCI_DEVICES_MAX];
static uint32_t device_count, not_listed;
static uint32_t buses_seen[BUSES / 32];

/* ---- configuration space --------------------------------------------------------------------- */

static void address_select(const struct pci_device *d, uint8_t offset) {
    cpu_out32(ADDRESS_PORT, 1u << 31 | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 |
                                (uint32_t)d->function << 8 | (offset & 0xFCu));
}

uint32_t pci_read(const struct pci_device *d, uint8_t offset) {
    address_select(d, offset);
    return cpu_in32(DATA_PORT);
}

void pci_write(const struct pci_device *d, uint8_t offset, uint32_t value) {
    address_select(d, offset);
    cpu_out32(DATA_PORT, value);
}

/* COMMAND shares its word with STATUS, whose bits are cleared by writing ones: write zeroes
 * there. */
static void command_write(const struct pci_device *d, uint32_t command) {
    pci_write(d, PCI_COMMAND, command & 0xFFFF);
}

void pci_enable(const struct pci_device *d) {
    uint32_t command = pci_read(d, PCI_COMMAND) | PCI_COMMAND_MASTER;
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        if (d->bars[i].bytes != 0) {
            command |= d->bars[i].is_port ? PCI_COMMAND_PORTS : PCI_COMMAND_MEMORY;
        }
    }
    command_write(d, command & ~(uint32_t)PCI_COMMAND_NO_INTX);
}

/* ---- scan ------------------------------------------------------------------------------------ */

/* Write ones, see which bits stay: the others are the size. Decoding is off meanwhile. */
static uint32_t bar_probe(const struct pci_device *d, uint8_t offset, uint32_t value) {
    pci_write(d, offset, UINT32_MAX);
    uint32_t mask = pci_read(d, offset);
    pci_write(d, offset, value);
    return mask;
}

/* Returns how many BAR words it used: 2 for a 64-bit one. */
static uint32_t bar_read(struct pci_device *d, uint32_t index) {
    uint8_t offset = (uint8_t)(BAR_0 + 4 * index);
    struct pci_bar *bar = &d->bars[index];
    uint32_t value = pci_read(d, offset), mask = bar_probe(d, offset, value);
    if (mask == 0 || mask == UINT32_MAX) {
        return 1;
    }
    if (value & BAR_PORTS) {
        bar->is_port = true;
        bar->base = value & 0xFFFC;
        bar->bytes = (~(mask & 0xFFFC) & 0xFFFF) + 1;
        return 1;
    }
    bar->base = value & ~0xFu;
    bar->bytes = ~(mask & ~0xFu) + 1;
    if ((value & BAR_TYPE_MASK) != BAR_TYPE_64) {
        return 1;
    }
    if (index + 1 < PCI_BARS && pci_read(d, (uint8_t)(offset + 4)) != 0) {
        bar->base = 0; /* above 4 GB: out of reach */
    }
    return 2;
}

static void bars_read(struct pci_device *d, uint32_t count) {
    uint32_t command = pci_read(d, PCI_COMMAND) & 0xFFFF;
    command_write(d, command & ~(uint32_t)(PCI_COMMAND_PORTS | PCI_COMMAND_MEMORY));
    for (uint32_t i = 0; i < count;) {
        i += bar_read(d, i);
    }
    command_write(d, command);
}

static bool bus_enter(uint32_t bus) {
    if (buses_seen[bus / 32] >> bus % 32 & 1) {
        return false;
    }
    buses_seen[bus / 32] |= 1u << bus % 32;
    return true;
}

/* Buses found behind bridges wait in `queue` until their turn. */
struct bus_queue {
    uint8_t bus[BUSES];
    uint32_t count;
};

static void bus_found(struct bus_queue *queue, uint32_t bus) {
    if (bus_enter(bus)) {
        queue->bus[queue->count++] = (uint8_t)bus;
    }
}

/* Returns true when the device has more than one function. */
static bool function_scan(struct pci_device *at, struct bus_queue *queue) {
    uint32_t id = pci_read(at, ID);
    if ((id & 0xFFFF) == 0xFFFF) {
        return false;
    }
    uint32_t class_word = pci_read(at, CLASS), interrupt = pci_read(at, INTERRUPT);
    uint32_t header = pci_read(at, HEADER) >> HEADER_TYPE_SHIFT & 0xFF;
    struct pci_device d = {
        .bus = at->bus,
        .slot = at->slot,
        .function = at->function,
        .vendor = (uint16_t)id,
        .device = (uint16_t)(id >> 16),
        .class_code = (uint8_t)(class_word >> 24),
        .subclass = (uint8_t)(class_word >> 16),
        .interface = (uint8_t)(class_word >> 8),
        .revision = (uint8_t)class_word,
        .irq = interrupt & 0xFF00 ? (uint8_t)interrupt : 0xFF,
    };
    bool is_bridge = (header & 0x7F) == HEADER_BRIDGE;
    bars_read(&d, is_bridge ? BARS_OF_BRIDGE : (header & 0x7F) == 0 ? PCI_BARS : 0);
    if (device_count < PCI_DEVICES_MAX) {
        devices[device_count++] = d;
    } else {
        not_listed++;
    }
    if (is_bridge && d.class_code == CLASS_BRIDGE && d.subclass == SUBCLASS_PCI_BRIDGE) {
        bus_found(queue, pci_read(at, BRIDGE_BUSES) >> 8 & 0xFF);
    }
    return header & HEADER_MULTIFUNCTION;
}

static void bus_scan(uint32_t bus, struct bus_queue *queue) {
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct pci_device at = {.bus = (uint8_t)bus, .slot = (uint8_t)slot};
        uint32_t functions = function_scan(&at, queue) ? FUNCTIONS : 1;
        for (uint32_t f = 1; f < functions; f++) {
            at.function = (uint8_t)f;
            function_scan(&at, queue);
        }
    }
}

void pci_start(void) {
    static struct bus_queue queue;
    bus_found(&queue, 0);
    for (uint32_t i = 0; i < queue.count; i++) {
        bus_scan(queue.bus[i], &queue);
    }
}

/* ---- use ------------------------------------------------------------------------------------- */

uint32_t pci_count(void) {
    return device_count;
}

const struct pci_device *pci_device(uint32_t index) {
    return index < device_count ? &devices[index] : NULL;
}

static uint32_t index_after(const struct pci_device *after) {
    return after != NULL ? (uint32_t)(after - devices) + 1 : 0;
}

const struct pci_device *pci_find(uint16_t vendor, uint16_t device,
                                  const struct pci_device *after) {
    for (uint32_t i = index_after(after); i < device_count; i++) {
        if (devices[i].vendor == vendor && devices[i].device == device) {
            return &devices[i];
        }
    }
    return NULL;
}

const struct pci_device *pci_find_class(uint8_t class_code, uint8_t subclass,
                                        const struct pci_device *after) {
    for (uint32_t i = index_after(after); i < device_count; i++) {
        if (devices[i].class_code == class_code && devices[i].subclass == subclass) {
            return &devices[i];
        }
    }
    return NULL;
}

static const char *class_name(const struct pci_device *d) {
    static const char *const names[] = {
        "old device",    "storage", "network", "display", "multimedia", "memory",     "bridge",
        "communication", "system",  "input",   "dock",    "processor",  "serial bus", "wireless",
    };
    return d->class_code < sizeof names / sizeof names[0] ? names[d->class_code] : "other";
}

void pci_list(struct print_sink *out, enum pci_list which) {
    for (uint32_t i = 0; i < device_count; i++) {
        const struct pci_device *d = &devices[i];
        if (which == PCI_LIST_NETWORK && d->class_code != CLASS_NETWORK) {
            continue;
        }
        print_to(out, "%02x:%02x.%u  %04x:%04x  class %02x%02x %-13s", d->bus, d->slot, d->function,
                 d->vendor, d->device, d->class_code, d->subclass, class_name(d));
        if (d->irq != 0xFF) {
            print_to(out, "  irq %u", d->irq);
        }
        for (uint32_t b = 0; b < PCI_BARS; b++) {
            if (d->bars[b].bytes != 0) {
                print_to(out, "  %s %x+%x", d->bars[b].is_port ? "ports" : "memory",
                         d->bars[b].base, d->bars[b].bytes);
            }
        }
        print_to(out, "\n");
    }
    if (not_listed > 0) {
        print_to(out, "and %u more, for which the table has no room\n", not_listed);
    }
}
