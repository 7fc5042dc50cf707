/* Finds the network card: which drivers there are and which cards they know. Boot time, once;
 * afterwards only its interrupt passes through here. No registers, no protocols. */
#include <stddef.h>

#include "drivers/e1000/e1000.h"
#include "drivers/pci.h"
#include "kernel/print.h"
#include "mm/paging.h"
#include "net/nic.h"

enum {
    VENDOR_INTEL = 0x8086,
    VENDOR_QEMU = 0x1AF4, /* subsystem vendor of what QEMU emulates */
    PCI_SUBSYSTEM = 0x2C, /* subsystem vendor 15:0, device 31:16 [PCI 6.2.4] */
    IRQ_MAX = 15,         /* of the two interrupt controllers */
};

static struct nic *started;
static int started_irq = -1;

/* The firmware must have given it registers and an interrupt. */
static bool is_usable(const struct pci_device *d, const char *name) {
    bool has_registers = d->bars[0].base != 0 && !d->bars[0].is_port;
    if (!has_registers || d->irq > IRQ_MAX) {
        print("net: %s at %02x:%02x.%u is not usable: registers at 0x%x, interrupt line %u; the "
              "firmware has not set it up: try another slot, or 'plug and play OS: no'\n",
              name, d->bus, d->slot, d->function, d->bars[0].base, d->irq);
        return false;
    }
    return true;
}

static struct nic *attach(const struct pci_device *d, const struct e1000_model *model) {
    pci_enable(d);
    struct e1000_place place = {
        .registers = mmio_map(d->bars[0].base, d->bars[0].bytes),
        .is_emulated = (pci_read(d, PCI_SUBSYSTEM) & 0xFFFF) == VENDOR_QEMU,
    };
    started_irq = d->irq;
    return e1000_attach(model, &place);
}

static struct nic *find(void) {
    for (uint32_t i = 0; i < e1000_model_count; i++) {
        const struct pci_device *d = pci_find(VENDOR_INTEL, e1000_models[i].device, NULL);
        if (d != NULL && is_usable(d, e1000_models[i].name)) {
            return attach(d, &e1000_models[i]);
        }
    }
    return NULL;
}

static void explain_none(void) {
    print("net: no network card that this kernel can use. Supported, by PCI number:");
    for (uint32_t i = 0; i < e1000_model_count; i++) {
        print(" %04x:%04x (%s)", VENDOR_INTEL, e1000_models[i].device, e1000_models[i].name);
    }
    print(". Network cards seen:\n");
    pci_list(&print_everywhere, PCI_LIST_NETWORK);
    print("net: put in a supported card (QEMU: -device e1000); until then this node is alone\n");
}

int nic_start(struct nic **nic) {
    struct nic *found = find();
    if (found == NULL) {
        explain_none();
        return NIC_NONE;
    }
    int error = found->ops->start(found);
    if (error == 0) {
        started = found;
        *nic = found;
    }
    return error;
}

struct nic *nic_card(void) {
    return started;
}

int nic_irq(void) {
    return started != NULL ? started_irq : -1;
}

void nic_interrupt(void) {
    (void)started->ops->irq(started);
}
