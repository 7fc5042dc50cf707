/* Two 16550 UARTs, interrupt driven, 115200 8N1. COM1 is the console, COM2 the launcher's
 * channel. Reception goes into a ring (full: bytes are counted and dropped); transmission from a
 * ring, so nothing blocks. Called from the pump; the interrupt handler only moves bytes. Source:
 * [16550] National Semiconductor PC16550D. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum serial_port { SERIAL_COM1, SERIAL_COM2, SERIAL_PORTS };
enum {
    SERIAL_RX_BYTES = 8192, /* 0.7 s at 115200 baud */
    SERIAL_TX_BYTES = 16384,
};

struct serial_counters {
    uint32_t rx_bytes, tx_bytes;
    uint32_t rx_dropped; /* our ring was full */
    uint32_t rx_overrun; /* the UART's FIFO was full before we came */
    uint32_t tx_dropped; /* text that print() gave up because the ring stayed full */
};

/* Find and set up both ports: they can send from now on. kernel/main.c registers the interrupts. */
void serial_start(void);
enum { SERIAL_COM1_IRQ = 4, SERIAL_COM2_IRQ = 3 }; /* since the PC/AT */
void serial_com1_interrupt(void);
void serial_com2_interrupt(void);
bool serial_present(enum serial_port port);

/* Up to n received bytes into buf; returns how many. */
uint32_t serial_rx(enum serial_port port, uint8_t *buf, uint32_t n);

/* Bytes accepted for sending, 0 … n. An absent port accepts and forgets all. */
uint32_t serial_tx(enum serial_port port, const uint8_t *buf, uint32_t n);
uint32_t serial_tx_room(enum serial_port port);

/* Wait until everything is out, at most max_us. */
void serial_flush(enum serial_port port, uint32_t max_us);

/* Panic: send by polling, past the ring; bounded. */
void serial_tx_polled(enum serial_port port, const uint8_t *buf, uint32_t n);

void serial_count_dropped(enum serial_port port, uint32_t n);
struct serial_counters serial_counters(enum serial_port port);
