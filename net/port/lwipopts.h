/* What of lwIP 2.1.3 we use and how much memory it gets. One loop, no threads, IPv6 link-local only
 * [D 6]. All its memory is static: the sums stand beside the numbers (bytes on i386). */
#pragma once

/* ---- the world it runs in ---- */
#define NO_SYS                          1
#define SYS_LIGHTWEIGHT_PROT            0 /* one loop: nothing runs beside it */
#define LWIP_SINGLE_NETIF               1
#define LWIP_NETCONN                    0
#define LWIP_SOCKET                     0
#define LWIP_TIMERS                     1
#define LWIP_TIMEVAL_PRIVATE            0

/* ---- protocols ---- */
#define LWIP_IPV4                       0 /* only for people (DHCP, HTTP): not yet */
#define LWIP_ARP                        0
#define LWIP_ETHERNET                   1 /* frames with Ethernet heads; follows ARP otherwise */
#define LWIP_IPV6                       1
#define LWIP_UDP                        1
#define LWIP_TCP                        0 /* never for the cluster: its timers are 250 ms [D 6.7] */
#define LWIP_RAW                        0
#define LWIP_DNS                        0
#define LWIP_DHCP                       0
#define LWIP_ICMP6                      1 /* people ping nodes */
#define LWIP_MULTICAST_PING             1 /* ping ff02::1 lists the nodes of a LAN */

/* ---- IPv6 as D 6 wants it ---- */
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS   0 /* the address is valid at once */
#define LWIP_IPV6_SEND_ROUTER_SOLICIT   0
#define LWIP_IPV6_AUTOCONFIG            0
#define LWIP_ND6_ALLOW_RA_UPDATES       0
#define LWIP_IPV6_DHCP6                 0
#define LWIP_IPV6_MLD                   0 /* discovery goes to ff02::1, which needs no report */
#define LWIP_IPV6_FRAG                  0 /* datagrams fit the MTU */
#define LWIP_IPV6_REASS                 0
#define LWIP_IPV6_FORWARD               0
#define LWIP_IPV6_NUM_ADDRESSES         2
#define LWIP_ND6_TCP_REACHABILITY_HINTS 1 /* nd6_reachability_hint() */
/* Cluster datagrams need no neighbour (net/heads.h), so these serve only ping and the like; lwIP's
 * index is an s8_t, 127 at most. 64 x 60 + 64 x 40 = 6.4 KB. */
#define LWIP_ND6_NUM_NEIGHBORS          64
#define LWIP_ND6_NUM_DESTINATIONS       64
#define LWIP_ND6_NUM_PREFIXES           1
#define LWIP_ND6_NUM_ROUTERS            1
#define LWIP_ND6_QUEUEING               1
#define MEMP_NUM_ND6_QUEUE              8

/* ---- checksums ---- */
#define CHECKSUM_CHECK_UDP              0 /* the link's CRC-32 is the check [D 6.1, 14] */
#define CHECKSUM_CHECK_ICMP6            1
#define CHECKSUM_GEN_UDP                1
#define CHECKSUM_GEN_ICMP6              1

/* ---- memory ---- */
#define MEM_ALIGNMENT                   4
#define MEM_SIZE                        16384 /* echo replies of 1514 + head, 10 at a time */
#define PBUF_POOL_SIZE                  16    /* 16 x (1536 + 16) = 25 KB: other people's frames */
#define PBUF_POOL_BUFSIZE               1536
#define MEMP_NUM_PBUF                   16
#define MEMP_NUM_UDP_PCB                4
#define LWIP_SUPPORT_CUSTOM_PBUF        1     /* frames handed over where they lie */
#define MEMP_NUM_SYS_TIMEOUT            8

/* ---- counters for the console's `net` ---- */
#define LWIP_STATS                      1
#define LWIP_STATS_LARGE                1
#define LWIP_STATS_DISPLAY              0
#define LINK_STATS                      0
#define MEM_STATS                       0
#define MEMP_STATS                      0
#define SYS_STATS                       0
