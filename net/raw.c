/* Bare frames, see raw.h. Nothing here is on the way of a cluster datagram. */
#include "net/raw.h"

#include <stddef.h>
#include <string.h>

#include "net/heads.h"
#include "net/nic.h"

enum { POLL_FRAMES = 64 };

static void (*listener)(const struct raw_head *head, uint32_t bytes);

void raw_listen(void (*take)(const struct raw_head *head, uint32_t bytes)) {
    listener = take;
}

void raw_receive(const uint8_t *frame, uint32_t bytes) {
    const struct raw_head *head = (const struct raw_head *)(const void *)frame;

    if (listener != NULL && bytes >= RAW_FRAME_MIN && head->type[0] == RAW_ETHERTYPE >> 8 &&
        head->type[1] == (RAW_ETHERTYPE & 0xFF)) {
        listener(head, bytes);
    }
}

static void put_mac(uint8_t bytes[6], uint64_t mac) {
    for (uint32_t i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(mac >> (40 - 8 * i));
    }
}

bool raw_send(uint64_t to, const struct raw_head *head, paddr_t payload, uint32_t bytes) {
    struct nic *nic = nic_card();
    uint8_t *buffer = nic != NULL && nic->link_up ? nic->ops->tx_buffer(nic) : NULL;

    if (buffer == NULL) {
        return false;
    }
    struct raw_head *out = (struct raw_head *)(void *)(buffer + NIC_PAD);
    *out = *head;
    put_mac(out->to, to);
    memcpy(out->from, nic->mac, sizeof(out->from));
    out->type[0] = RAW_ETHERTYPE >> 8;
    out->type[1] = RAW_ETHERTYPE & 0xFF;
    uint32_t own = sizeof(*out);
    if (bytes + own < RAW_FRAME_MIN) {
        memset(out + 1, 0, RAW_FRAME_MIN - own);
        own = RAW_FRAME_MIN - bytes;
    }
    struct nic_tx frame = {.bytes = own, .ref = payload, .ref_bytes = bytes};
    nic->ops->tx_queue(nic, &frame);
    return true;
}

void raw_flush(void) {
    struct nic *nic = nic_card();

    if (nic != NULL) {
        nic->ops->tx_flush(nic);
    }
}

void raw_poll(void) {
    struct nic *nic = nic_card();

    if (nic != NULL) {
        (void)nic->ops->rx_poll(nic, POLL_FRAMES);
        nic->ops->tx_flush(nic);
    }
}

bool raw_pending(void) {
    struct nic *nic = nic_card();

    return nic != NULL && nic->ops->pending(nic);
}
