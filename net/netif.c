/* The glue to lwIP: frames from the ring go in, frames of lwIP go out, its timers run. Runs in the
 * one loop; lwIP's state is global and belongs to this file.
 *
 * A cluster datagram is handed to lwIP where it lies, in the driver's buffer: it comes back out of
 * on_datagram() and is freed before nic_rx() returns. That is safe because such a frame is whole
 * UDP: lwIP keeps frames only to reassemble fragments or to wait for a neighbour. All other frames
 * are copied into lwIP's pool. Sources: lwIP 2.1.3's headers. */
#include "net/netif.h"

#include <string.h>

#include "kernel/panic.h"
#include "kernel/print.h"
#include "lwip/ethip6.h"
#include "lwip/init.h"
#include "lwip/nd6.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/stats.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "net/port/port.h"
#include "net/raw.h"
#include "netif/ethernet.h"

static struct netif netif;
static struct udp_pcb *pcb;
static struct pbuf_custom in_place; /* wraps the one frame that is being received */
static bool in_place_busy;
static uint32_t kinds[FRAME_KINDS];
static uint32_t no_pbuf, misplaced, tx_frames, tx_lost;

/* ---- out ----------------------------------------------------------------------------------- */

/* lwIP's own frames (neighbour discovery, ICMPv6): rare, copied, sent with the next flush. */
static err_t output(struct netif *to, struct pbuf *p) {
    struct nic *nic = to->state;
    uint8_t *buffer = p->tot_len <= NIC_FRAME_MAX ? nic->ops->tx_buffer(nic) : NULL;
    if (buffer == NULL) {
        tx_lost++;
        return ERR_BUF;
    }
    struct nic_tx frame = {.bytes = pbuf_copy_partial(p, buffer + NIC_PAD, p->tot_len, 0)};
    nic->ops->tx_queue(nic, &frame);
    tx_frames++;
    return ERR_OK;
}

/* ---- in ------------------------------------------------------------------------------------ */

static void in_place_free(struct pbuf *p) {
    (void)p;
    in_place_busy = false;
}

static void receive_in_place(const uint8_t *frame, uint32_t bytes) {
    in_place.custom_free_function = in_place_free;
    in_place_busy = true;
    struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, (u16_t)bytes, PBUF_REF, &in_place,
                                         (void *)(uintptr_t)frame, (u16_t)bytes);
    (void)netif.input(p, &netif);
    PANIC_UNLESS(!in_place_busy); /* ours: see the head of this file */
}

static void receive_copy(const uint8_t *frame, uint32_t bytes) {
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)bytes, PBUF_POOL);
    if (p == NULL) {
        no_pbuf++;
        return;
    }
    (void)pbuf_take(p, frame, (u16_t)bytes);
    (void)netif.input(p, &netif);
}

void nic_rx(struct nic *nic, const uint8_t *frame, uint32_t bytes) {
    (void)nic;
    enum frame_kind kind = heads_frame_kind(frame, bytes);
    kinds[kind]++;
    if (kind == FRAME_CLUSTER) {
        receive_in_place(frame, bytes);
    } else if (kind == FRAME_IPV6) {
        receive_copy(frame, bytes);
    } else if (kind == FRAME_OTHER) {
        raw_receive(frame, bytes);
    }
}

/* From lwIP, for our port. A datagram that took the other way (extension heads before UDP) may lie
 * in pieces or unaligned: nobody of us sends such ones. */
static void on_datagram(void *arg, struct udp_pcb *from_pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port) {
    (void)arg;
    (void)from_pcb;
    (void)port;
    if (p->len != p->tot_len || p->len == 0 || ((uintptr_t)p->payload & 3) != 0) {
        misplaced++;
    } else {
        udp_receive((const uint16_t *)from->addr, p->payload, p->len);
    }
    pbuf_free(p);
}

/* ---- start, link, timers --------------------------------------------------------------------- */

static err_t describe(struct netif *n) {
    struct nic *nic = n->state;
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->mtu = NIC_FRAME_MAX - SIZEOF_ETH_HDR;
    n->hwaddr_len = sizeof(nic->mac);
    memcpy(n->hwaddr, nic->mac, sizeof(nic->mac));
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHERNET;
    n->linkoutput = output;
    n->output_ip6 = ethip6_output;
    return ERR_OK;
}

void netif_start(struct nic *nic) {
    lwip_init();
    PANIC_UNLESS(netif_add_noaddr(&netif, nic, describe, ethernet_input) != NULL);
    netif_create_ip6_linklocal_address(&netif, 1);
    netif_set_default(&netif);
    netif_set_up(&netif);
    pcb = udp_new();
    PANIC_UNLESS(pcb != NULL && udp_bind(pcb, IP6_ADDR_ANY, HEADS_PORT) == ERR_OK);
    udp_recv(pcb, on_datagram, NULL);
}

void netif_set_link(bool up) {
    if (up == netif_is_link_up(&netif)) {
        return;
    }
    if (up) {
        netif_set_link_up(&netif);
    } else {
        netif_set_link_down(&netif);
    }
}

uint64_t netif_timers(uint64_t now_us) {
    port_set_now(now_us);
    sys_check_timeouts();
    return now_us + (uint64_t)sys_timeouts_sleeptime() * 1000;
}

void netif_hint(const uint16_t address[8]) {
    ip6_addr_t to;
    memcpy(to.addr, address, sizeof(to.addr));
    ip6_addr_clear_zone(&to);
    nd6_reachability_hint(&to);
}

/* ---- for people ------------------------------------------------------------------------------ */

void netif_print(struct print_sink *out) {
    char address[40];
    ip6addr_ntoa_r(netif_ip6_addr(&netif, 0), address, sizeof(address));
    print_to(out, "address  %s, UDP port %d\n", address, HEADS_PORT);
    print_to(out, "kinds    cluster %u, other IPv6 %u, other %u, short %u, short ARP %u\n",
             kinds[FRAME_CLUSTER], kinds[FRAME_IPV6], kinds[FRAME_OTHER], kinds[FRAME_SHORT],
             kinds[FRAME_ARP_SHORT]);
    print_to(out, "lwip     sent %u, not sent %u, no buffer %u, misplaced %u\n", tx_frames, tx_lost,
             no_pbuf, misplaced);
    print_to(out, "lwip     dropped: IPv6 %u, UDP %u, ICMPv6 %u, ND %u\n",
             (unsigned)lwip_stats.ip6.drop, (unsigned)lwip_stats.udp.drop,
             (unsigned)lwip_stats.icmp6.drop, (unsigned)lwip_stats.nd6.drop);
}
