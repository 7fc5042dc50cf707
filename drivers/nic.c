/* Finds the network card: which drivers there are, which cards they know, and the interrupt that is
 * theirs. Boot time, once; afterwards only the interrupt runs here. No registers, no protocols. */
#include <stddef.h>

#include "drivers/e1000/e1000.h"
#include "drivers/pci.h"
#include "kernel/irq.h"
#include "kernel/print.h"
#include "mm/paging.h"
#include "net/nic.h"

enum {
    VENDOR_INTEL = 0x8086,
    VENDOR_QEMU = 0x1AF4, /* subsystem vendor of what QEMU emulates */
    PCI_SUBSYSTEM = 0x2C, /* subsystem vendor 15:0, device 31:16 [PCI 6.2.4] */
};

static struct nic *the_nic;

static void interrupt(void) {
    (void)the_nic->ops->irq(the_nic);
}

static struct nic *attach(const struct pci_device *d, const struct e1000_model *model) {
    pci_enable(d);
    struct e1000_place place = {
        .registers = mmio_map(d->bars[0].base, d->bars[0].bytes),
        .irq = d->irq,
        .is_emulated = (pci_read(d, PCI_SUBSYSTEM) & 0xFFFF) == VENDOR_QEMU,
    };
    return e1000_attach(model, &place);
}

static struct nic *find(void) {
    for (uint32_t i = 0; i < e1000_model_count; i++) {
        const struct pci_device *d = pci_find(VENDOR_INTEL, e1000_models[i].device, NULL);
        if (d != NULL && d->bars[0].base != 0 && !d->bars[0].is_port && d->irq < IRQ_LINES) {
            return attach(d, &e1000_models[i]);
        }
    }
    return NULL;
}

static void explain_none(void) {
    print("net: no network card that this kernel can use. Supported, all by PCI number:");
    for (uint32_t i = 0; i < e1000_model_count; i++) {
        print(" %04x:%04x (%s)", VENDOR_INTEL, e1000_models[i].device, e1000_models[i].name);
    }
    print(". Network cards seen:\n");
    pci_list(&print_everywhere, PCI_LIST_NETWORK);
    print("net: put in a supported card (QEMU: -device e1000). This node stays alone.\n");
}

int nic_start(struct nic **nic) {
    the_nic = find();
    if (the_nic == NULL) {
        explain_none();
        return NIC_NONE;
    }
    int error = the_nic->ops->start(the_nic);
    if (error != 0) {
        return error;
    }
    irq_register(the_nic->irq, interrupt);
    irq_enable(the_nic->irq);
    *nic = the_nic;
    return 0;
}
