/* Registers and descriptors of Intel's 8254x and 82574 network controllers, as far as we use them.
 * No code. Offsets from BAR 0, in the manual's order; bits are indented under their register.
 * [E1000 n]   "PCI/PCI-X Family of Gigabit Ethernet Controllers SDM", Intel 317453
 * [82574 n]   "82574 GbE Controller Family Datasheet": the same layout, but for what is said here
 * Access: R read, W write, RC cleared by reading, SC clears itself. */
#pragma once

#include <stdint.h>

#define E1000_CTRL       0x0000u      /* RW  device control                       [E1000 13.4.1] */
#define   E1000_CTRL_LRST   (1u << 3)    /*   hold the link in reset (fibre)                      */
#define   E1000_CTRL_ASDE   (1u << 5)    /*   take the speed from the PHY                         */
#define   E1000_CTRL_SLU    (1u << 6)    /*   set link up                                         */
#define   E1000_CTRL_ILOS   (1u << 7)    /*   invert loss of signal                               */
#define   E1000_CTRL_FRCSPD (1u << 11)   /*   force speed                                         */
#define   E1000_CTRL_FRCDPX (1u << 12)   /*   force duplex                                        */
#define   E1000_CTRL_RST    (1u << 26)   /*   SC: reset all but the PHY; EEPROM is read again     */
#define   E1000_CTRL_PHYRST (1u << 31)   /*   hold the PHY in reset                               */
#define E1000_STATUS     0x0008u      /* R   device status                        [E1000 13.4.2] */
#define   E1000_STATUS_FD   (1u << 0)    /*   full duplex                                         */
#define   E1000_STATUS_LU   (1u << 1)    /*   link up                                             */
#define   E1000_STATUS_SPEED(s) ((s) >> 6 & 3u) /* 0: 10, 1: 100, 2 and 3: 1000 Mb/s              */
#define E1000_FCAL       0x0028u      /* RW  flow control address low (0: none)   [E1000 13.4.8] */
#define E1000_FCAH       0x002Cu      /* RW  flow control address high                            */
#define E1000_FCT        0x0030u      /* RW  flow control type                                    */
#define E1000_ICR        0x00C0u      /* RC  interrupt cause                     [E1000 13.4.17] */
#define   E1000_ICR_LSC     (1u << 2)    /*   link status changed                                 */
#define   E1000_ICR_RXO     (1u << 6)    /*   receiver overrun: no descriptor was free            */
#define   E1000_ICR_RXT0    (1u << 7)    /*   receive timer: frames wait in the ring              */
#define E1000_ITR        0x00C4u      /* RW  interrupt spacing, 256 ns units     [E1000 13.4.18] */
#define E1000_IMS        0x00D0u      /* RW  set interrupt mask; bits as in ICR  [E1000 13.4.20] */
#define E1000_IMC        0x00D8u      /* W   clear interrupt mask                [E1000 13.4.21] */
#define E1000_RCTL       0x0100u      /* RW  receive control                     [E1000 13.4.22] */
#define   E1000_RCTL_EN     (1u << 1)    /*   receive                                             */
#define   E1000_RCTL_MPE    (1u << 4)    /*   all multicast frames                                */
#define   E1000_RCTL_BAM    (1u << 15)   /*   broadcast frames                                    */
#define   E1000_RCTL_SECRC  (1u << 26)   /*   leave the Ethernet CRC away                         */
                                         /*   BSIZE (17:16) = 0: buffers of 2048 bytes            */
#define E1000_FCTTV      0x0170u      /* RW  flow control transmit timer                          */
#define E1000_TCTL       0x0400u      /* RW  transmit control                    [E1000 13.4.33] */
#define   E1000_TCTL_EN     (1u << 1)    /*   transmit                                            */
#define   E1000_TCTL_PSP    (1u << 3)    /*   pad short frames                                    */
#define   E1000_TCTL_CT     (0x0Fu << 4) /*   collision threshold: 15 tries                       */
#define   E1000_TCTL_COLD   (0x40u << 12) /*  collision distance: 64 byte times, full duplex      */
#define E1000_TIPG       0x0410u      /* RW  inter-packet gap                    [E1000 13.4.34] */
#define   E1000_TIPG_COPPER (10u | 8u << 10 | 6u << 20) /* IPGT, IPGR1, IPGR2: the manual's */
#define E1000_RDBAL      0x2800u      /* RW  receive ring base, low              [E1000 13.4.25] */
#define E1000_RDBAH      0x2804u      /* RW  receive ring base, high             [E1000 13.4.26] */
#define E1000_RDLEN      0x2808u      /* RW  receive ring bytes, times 128       [E1000 13.4.27] */
#define E1000_RDH        0x2810u      /* RW  receive ring head: the device's     [E1000 13.4.28] */
#define E1000_RDT        0x2818u      /* RW  receive ring tail: ours             [E1000 13.4.29] */
#define E1000_RDTR       0x2820u      /* RW  receive interrupt delay             [E1000 13.4.30] */
#define E1000_RADV       0x282Cu      /* RW  longest receive interrupt delay     [E1000 13.4.31] */
#define E1000_TDBAL      0x3800u      /* RW  transmit ring base, low             [E1000 13.4.36] */
#define E1000_TDBAH      0x3804u      /* RW  transmit ring base, high            [E1000 13.4.37] */
#define E1000_TDLEN      0x3808u      /* RW  transmit ring bytes, times 128      [E1000 13.4.38] */
#define E1000_TDH        0x3810u      /* RW  transmit ring head: the device's    [E1000 13.4.39] */
#define E1000_TDT        0x3818u      /* RW  transmit ring tail: ours            [E1000 13.4.40] */
#define E1000_TIDV       0x3820u      /* RW  transmit interrupt delay            [E1000 13.4.41] */
#define E1000_TXDCTL     0x3828u      /* RW  transmit descriptor control                          */
#define   E1000_TXDCTL_ONE  (1u << 22)   /*   must be 1 on the 82574              [82574 10.2.6] */
#define E1000_CRCERRS    0x4000u      /* RC  frames with a bad CRC                  [E1000 13.7] */
#define E1000_MPC        0x4010u      /* RC  frames missed: the device's buffer was full          */
#define E1000_RNBC       0x40A0u      /* RC  frames that came while no descriptor was free        */
#define E1000_MTA        0x5200u      /* RW  multicast filter, 128 words          [E1000 13.5.1] */
#define   E1000_MTA_WORDS   128u
#define E1000_RAL0       0x5400u      /* RW  own address, bytes 0 … 3            [E1000 13.5.2] */
#define E1000_RAH0       0x5404u      /* RW  own address, bytes 4 and 5           [E1000 13.5.3] */
#define   E1000_RAH_AV      (1u << 31)   /*   the address is valid                                */
#define E1000_BAR_BYTES  0x20000u     /* size of BAR 0: 128 KB                   [E1000 4.1]     */

/* Receive descriptor [E1000 3.2.3]: we write address and clear status, the device the rest. */
struct e1000_rx_desc {
    uint64_t address;
    uint16_t length;
    uint16_t checksum;
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};
_Static_assert(sizeof(struct e1000_rx_desc) == 16, "[E1000 3.2.3]");
#define E1000_RXD_DD     (1u << 0)    /* status: done, the slot is ours        [E1000 3.2.3.1] */
#define E1000_RXD_EOP    (1u << 1)    /* status: last descriptor of a frame                       */
#define E1000_RXD_IXSM   (1u << 2)    /* status: checksum bits mean nothing                       */
#define E1000_RXD_BAD    0x97u        /* errors: CE, SE, SEQ, CXE, RXE         [E1000 3.2.3.2] */

/* Transmit descriptors: TCP/IP context [E1000 3.3.6] and data [E1000 3.3.7]. */
struct e1000_tx_desc {
    uint64_t address;                 /* context: checksum offsets, E1000_CONTEXT_*               */
    uint32_t command;                 /* length 19:0, type 23:20, command bits                    */
    uint32_t status;                  /* DD (the device writes it), options 15:8                  */
};
_Static_assert(sizeof(struct e1000_tx_desc) == 16, "[E1000 3.3.7]");
#define E1000_TXD_DATA   (1u << 20)   /* command: a data descriptor; 0 with DEXT: a context       */
#define E1000_TXD_EOP    (1u << 24)   /* command: last descriptor of a frame                      */
#define E1000_TXD_IFCS   (1u << 25)   /* command: append the Ethernet CRC                         */
#define E1000_TXD_RS     (1u << 27)   /* command: report status, that is set DD                   */
#define E1000_TXD_DEXT   (1u << 29)   /* command: extended layout (context or data)               */
#define E1000_TXD_TXSM   (1u << 9)    /* status, option: insert the context's TCP/UDP checksum    */
#define E1000_TXD_DD     (1u << 0)    /* status: done                                             */
#define E1000_CONTEXT_START(n)  ((uint64_t)(n) << 32) /* TUCSS: first byte that is summed         */
#define E1000_CONTEXT_STORE(n)  ((uint64_t)(n) << 40) /* TUCSO: where it goes; TUCSE 0: to end */
