/* PCI configuration space by mechanism 1, and a list of what is there.
 * Sources: [PCI] PCI Local Bus 3.0, 3.2.2.3.2 (ports), 6.1 (header), 6.2.5 (base addresses). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/print.h"
#include "mm/layout.h"

enum {
    PCI_DEVICES_MAX = 64,
    PCI_BARS = 6,
};

struct pci_bar {
    paddr_t base;   /* of memory, or port number; 0: none, or above 4 GB */
    uint32_t bytes; /* size; 0: none */
    bool is_port;
};

struct pci_device {
    uint8_t bus, slot, function;
    uint8_t irq; /* line as the firmware routed it, 0xFF: none */
    uint16_t vendor, device;
    uint8_t class_code, subclass, interface, revision;
    struct pci_bar bars[PCI_BARS];
};

/* Registers of the header [PCI 6.1] and bits of COMMAND [PCI 6.2.2]. */
enum {
    PCI_COMMAND = 0x04,
    PCI_COMMAND_PORTS = 1 << 0,
    PCI_COMMAND_MEMORY = 1 << 1,
    PCI_COMMAND_MASTER = 1 << 2,
    PCI_COMMAND_NO_INTX = 1 << 10,
};

/* Scan all buses behind all bridges. Once. */
void pci_start(void);
uint32_t pci_count(void);
const struct pci_device *pci_device(uint32_t index);

/* The next device of that vendor and device number after `after` (NULL: the first), or NULL. */
const struct pci_device *pci_find(uint16_t vendor, uint16_t device, const struct pci_device *after);

/* The next one of that class and subclass. */
const struct pci_device *pci_find_class(uint8_t class_code, uint8_t subclass,
                                        const struct pci_device *after);

uint32_t pci_read(const struct pci_device *d, uint8_t offset); /* offset & ~3 */
void pci_write(const struct pci_device *d, uint8_t offset, uint32_t value);

/* Turn on what its BARs need and bus mastering. */
void pci_enable(const struct pci_device *d);

/* One line per device; only class 2 (network) when asked. */
enum pci_list { PCI_LIST_ALL, PCI_LIST_NETWORK };
void pci_list(struct print_sink *out, enum pci_list which);
