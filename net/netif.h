/* lwIP as the rest of net/ sees it: one interface, IPv6 link-local, frames in and out of struct
 * nic. Only netif.c knows lwIP's types. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/heads.h"
#include "net/nic.h"

struct print_sink;

/* Set lwIP up on that card; its address is valid at once (no duplicate address detection). Once. */
void netif_start(struct nic *nic);

/* Tell lwIP about the link; only a change does anything. */
void netif_set_link(bool up);

/* A cluster datagram that lwIP has accepted: in udp.c. source: an address as on the wire. */
void udp_receive(const uint16_t source[8], const uint8_t *bytes, uint32_t size);

/* Run what is due at now_us; -> when to call again (same clock). */
uint64_t netif_timers(uint64_t now_us);

/* nd6_reachability_hint() for a link-local address. */
void netif_hint(const uint16_t address[8]);

void netif_print(struct print_sink *out);
