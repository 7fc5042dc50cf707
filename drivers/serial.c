/* Two 16550s. The interrupt handler moves bytes between UART and rings and never more than a
 * FIFO's worth in a turn; a line that is full or unplugged therefore never holds anybody up.
 * Both handlers run with interrupts off, like everything in the kernel, so the rings need no
 * locks. Source: [16550] 8.0. */
#include "drivers/serial.h"

#include <stddef.h>

#include "kernel/cpu.h"

/* Registers, as offsets from the port's base [16550 table II]. */
enum {
    DATA = 0, /* RBR, THR; divisor low with DLAB */
    IER = 1,  /* interrupt enable; divisor high with DLAB */
    IER_RX = 1 << 0,
    IER_TX = 1 << 1,
    IER_LINE = 1 << 2,
    IIR_FCR = 2, /* read: cause; write: FIFO control */
    IIR_NONE = 1 << 0,
    FCR_ON_CLEAR = 0x87, /* FIFOs on, cleared, interrupt at 8 of 16 bytes */
    LCR = 3,
    LCR_8N1 = 0x03,
    LCR_DLAB = 0x80,
    MCR = 4,
    MCR_DTR_RTS_OUT2 = 0x0B, /* OUT2 connects the interrupt on a PC */
    MCR_LOOP = 0x1E,         /* loopback, RTS, OUT1, OUT2: for the presence test */
    LSR = 5,
    LSR_DATA = 1 << 0,
    LSR_OVERRUN = 1 << 1,
    LSR_ROOM = 1 << 5, /* transmit FIFO empty: 16 bytes may be written */
    MSR = 6,
    SCRATCH = 7,
    FIFO_BYTES = 16,
    DIVISOR_115200 = 1, /* 1.8432 MHz / 16 / 115200 */
    RX_TURN_MAX = 64,   /* bytes of one look at the UART */
    TX_TURNS_MAX = 4,   /* FIFOs of one look: a virtual UART empties at once */
    INTERRUPT_LOOKS_MAX = 8,
    POLLS_MAX = 20000, /* about 1 us each; 16 bytes take 1.4 ms */
};
_Static_assert((SERIAL_RX_BYTES & (SERIAL_RX_BYTES - 1)) == 0, "ring indices wrap by mask");
_Static_assert((SERIAL_TX_BYTES & (SERIAL_TX_BYTES - 1)) == 0, "ring indices wrap by mask");

/* Indices count bytes for ever (modulo 2^32); head - tail is what the ring holds. */
struct uart {
    uint16_t base; /* 0: not there */
    uint8_t ier;
    struct serial_counters counters;
    uint32_t rx_head, rx_tail, tx_head, tx_tail;
    uint8_t rx[SERIAL_RX_BYTES], tx[SERIAL_TX_BYTES];
};
static struct uart uarts[SERIAL_PORTS];

static uint8_t reg_read(const struct uart *u, uint16_t offset) {
    return cpu_in8((uint16_t)(u->base + offset));
}

static void reg_write(const struct uart *u, uint16_t offset, uint32_t value) {
    cpu_out8((uint16_t)(u->base + offset), (uint8_t)value);
}

/* ---- moving bytes ---------------------------------------------------------------------------- */

static void uart_receive(struct uart *u) {
    for (uint32_t i = 0; i < RX_TURN_MAX; i++) {
        uint8_t status = reg_read(u, LSR);
        if (status & LSR_OVERRUN) {
            u->counters.rx_overrun++;
        }
        if (!(status & LSR_DATA)) {
            return;
        }
        uint8_t byte = reg_read(u, DATA);
        if (u->rx_head - u->rx_tail == SERIAL_RX_BYTES) {
            u->counters.rx_dropped++;
            continue;
        }
        u->rx[u->rx_head++ % SERIAL_RX_BYTES] = byte;
        u->counters.rx_bytes++;
    }
}

/* Fill the FIFO if it is empty, and ask for an interrupt when more is waiting. The UART of a
 * virtual machine empties at once: so go on, but not for long. */
static void uart_transmit(struct uart *u) {
    for (uint32_t turn = 0; turn < TX_TURNS_MAX; turn++) {
        if (u->tx_head == u->tx_tail || !(reg_read(u, LSR) & LSR_ROOM)) {
            break;
        }
        for (uint32_t i = 0; i < FIFO_BYTES && u->tx_head != u->tx_tail; i++) {
            reg_write(u, DATA, u->tx[u->tx_tail++ % SERIAL_TX_BYTES]);
            u->counters.tx_bytes++;
        }
    }
    uint8_t ier = IER_RX | IER_LINE | (u->tx_head != u->tx_tail ? IER_TX : 0);
    if (ier != u->ier) {
        u->ier = ier;
        reg_write(u, IER, ier);
    }
}

/* The interrupt controller sees edges only, so the UART must have nothing left to say when we
 * leave, or its line never rises again. If it has after several looks, switching its interrupts
 * off and on makes a new edge, and others get a turn before we go on. */
static void uart_interrupt(struct uart *u) {
    for (uint32_t look = 0; look < INTERRUPT_LOOKS_MAX; look++) {
        if (reg_read(u, IIR_FCR) & IIR_NONE) { /* reading it also clears "transmitter empty" */
            return;
        }
        uart_receive(u);
        uart_transmit(u);
    }
    reg_write(u, IER, 0);
    reg_write(u, IER, u->ier);
}

void serial_com1_interrupt(void) {
    uart_interrupt(&uarts[SERIAL_COM1]);
}

void serial_com2_interrupt(void) {
    uart_interrupt(&uarts[SERIAL_COM2]);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* A UART keeps what is written to its scratch register, and in loopback its modem outputs come
 * back as modem inputs: RTS, OUT1, OUT2 as CTS, RI, DCD. Nothing at an empty port does both. */
static bool uart_answers(const struct uart *u) {
    reg_write(u, SCRATCH, 0x5A);
    if (reg_read(u, SCRATCH) != 0x5A) {
        return false;
    }
    reg_write(u, MCR, MCR_LOOP);
    bool loops = (reg_read(u, MSR) & 0xF0) == 0xD0;
    reg_write(u, MCR, MCR_DTR_RTS_OUT2);
    return loops;
}

static void uart_start(struct uart *u, uint16_t base) {
    u->base = base;
    if (!uart_answers(u)) {
        u->base = 0;
        return;
    }
    reg_write(u, IER, 0);
    reg_write(u, LCR, LCR_DLAB);
    reg_write(u, DATA, DIVISOR_115200);
    reg_write(u, IER, 0);
    reg_write(u, LCR, LCR_8N1);
    reg_write(u, IIR_FCR, FCR_ON_CLEAR);
    reg_write(u, MCR, MCR_DTR_RTS_OUT2);
    u->ier = IER_RX | IER_LINE;
    reg_write(u, IER, u->ier);
}

void serial_start(void) {
    uart_start(&uarts[SERIAL_COM1], 0x3F8); /* where PCs have them since the PC/AT */
    uart_start(&uarts[SERIAL_COM2], 0x2F8);
}

bool serial_present(enum serial_port port) {
    return uarts[port].base != 0;
}

/* ---- use ------------------------------------------------------------------------------------- */

uint32_t serial_rx(enum serial_port port, uint8_t *buf, uint32_t n) {
    struct uart *u = &uarts[port];
    uint32_t count = 0;
    while (count < n && u->rx_tail != u->rx_head) {
        buf[count++] = u->rx[u->rx_tail++ % SERIAL_RX_BYTES];
    }
    return count;
}

uint32_t serial_tx_room(enum serial_port port) {
    const struct uart *u = &uarts[port];
    return SERIAL_TX_BYTES - (u->tx_head - u->tx_tail);
}

uint32_t serial_tx(enum serial_port port, const uint8_t *buf, uint32_t n) {
    struct uart *u = &uarts[port];
    if (u->base == 0) {
        return n;
    }
    uint32_t room = serial_tx_room(port);
    uint32_t count = n < room ? n : room;
    for (uint32_t i = 0; i < count; i++) {
        u->tx[u->tx_head++ % SERIAL_TX_BYTES] = buf[i];
    }
    uart_transmit(u);
    return count;
}

/* The clock may not run yet (or any more), so time is counted in port reads of about 1 us. */
void serial_flush(enum serial_port port, uint32_t max_us) {
    struct uart *u = &uarts[port];
    for (uint32_t i = 0; i < max_us && u->tx_head != u->tx_tail; i++) {
        uart_transmit(u);
    }
}

void serial_tx_polled(enum serial_port port, const uint8_t *buf, uint32_t n) {
    struct uart *u = &uarts[port];
    if (u->base == 0) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t polls = 0;
        while (!(reg_read(u, LSR) & LSR_ROOM) && polls < POLLS_MAX) {
            polls++;
        }
        reg_write(u, DATA, buf[i]);
    }
}

void serial_count_dropped(enum serial_port port, uint32_t n) {
    uarts[port].counters.tx_dropped += n;
}

struct serial_counters serial_counters(enum serial_port port) {
    return uarts[port].counters;
}
