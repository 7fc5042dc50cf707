/* The glue to lwIP: frames from the ring go in, frames of lwIP go out, its timers run. Runs in the
 * one loop; lwIP's state is global and belongs to this file.
 *
 * Cluster datagrams do not pass through lwIP: nic_rx() reads their heads itself. All other IPv6
 * frames are copied into lwIP's pool. Sources: lwIP 2.1.3's headers. */
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
#include "net/port/port.h"
#include "net/raw.h"
#include "net/udp.h"
#include "netif/ethernet.h"

static struct netif netif;
static uint16_t own_address[8];
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

/* Where it lies, in the driver's buffer. Past lwIP, whose own way to a UDP port costs 400
 * instructions a frame, a page being three. */
static void receive_cluster(const uint8_t *frame, uint32_t bytes) {
    const uint16_t *source;
    uint32_t size;
    const uint8_t *data = heads_datagram(frame, bytes, own_address, &size, &source);

    if (data == NULL || size > NET_DATAGRAM_MAX) {
        misplaced++;
        return;
    }
    udp_receive(source, data, size);
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
        receive_cluster(frame, bytes);
    } else if (kind == FRAME_IPV6) {
        receive_copy(frame, bytes);
    } else if (kind == FRAME_OTHER) {
        raw_receive(frame, bytes);
    }
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
    heads_address_of(own_address, heads_mac_number(nic->mac));
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
