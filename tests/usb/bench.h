#ifndef LANED_TESTS_USB_BENCH_H
#define LANED_TESTS_USB_BENCH_H

/*
 * Test benches with models of readers on a bus that clients take for real: reader-live (libumockdev,
 * no root, no kernel USB) and reader-vhci (the kernel's vhci_hcd, root, for a virtual machine). This
 * file is what they share: the ports, and the protocol by which a test conducts them.
 *
 *	reader-live [--fd N | --control PATH] [--fast] [--wait] [--stay] CHILD ARGS...
 *	reader-vhci [--fd N | --control PATH] [--fast]
 *
 * --fd N          descriptor N is a connected stream socket
 * --control PATH  listen on a Unix stream socket there, one client at a time (a new one takes over);
 *                 events from before the first client are kept for it. Without both, commands come from
 *                 standard input and answers go to standard output (CHILD's then to standard error).
 * --fast          the readers answer at once; else in the times that were recorded (image 130 ms)
 * --wait          CHILD starts only at `start`
 * --stay          the bench outlives CHILD; `start` starts it again. Else it exits with CHILD's code.
 *
 * CHILD finds its bus by LD_PRELOAD and UMOCKDEV_DIR, which its own children inherit. It must not lead
 * a session (a node is a terminal underneath, and would become its own), and two processes that listen
 * to udev may take each other's messages (umockdev names their sockets by descriptor).
 *
 * Words are separated by blanks. Every command is answered by one line, `ok ...` or `error TEXT`;
 * each other line is an event. PORT is 1-1 to 1-8. Finger and faults belong to the port: they may be
 * set before `plug` and survive `unplug`.
 *
 *	plug [ID [PORT [SERIAL]]]     default 05ba:000a 1-1 {MODEL-0001}
 *	unplug PORT                   pull the cable
 *	finger PORT FILE              a PGM of any size lies on the glass, upright, on white ground
 *	finger PORT raster FILE       a PGM of 384x290, exactly what the sensor sees
 *	finger PORT synth N [M]       synthetic finger N, impression M (1)
 *	finger PORT card              a generated test card
 *	lift PORT
 *	fault PORT NAME[@REG] [COUNT [SKIP]]
 *	                              of its occasions let SKIP (0) pass, then strike COUNT (1) times;
 *	                              @REG (hexadecimal) looks at one register only
 *	fault PORT disconnect N       pull the cable when the N-th transfer since plug is submitted;
 *	                              disconnect-end: when it would end. Standard requests count.
 *	fault PORT none               disarm all of them
 *	busy PORT on|off              another program has claimed the reader (reader-live; off)
 *	suspend PORT [killed]         the system slept: transfers end with ESHUTDOWN, or ENOENT as if
 *	                              killed, without a word to udev; registers are lost, the device
 *	                              stays (reader-live)
 *	trace on|off                  an event for each transfer that ends (off)
 *	stats PORT                    ok submitted=N ended=N images=N messages=N faults=N clients=N
 *	                              plugs=N finger=0|1 mode=XX status=XX
 *	start                         see --wait and --stay
 *	quit                          end CHILD and the bench
 *
 * Faults, and what an occasion is:
 *	control requests (vendor's)   stall-control short-register empty-register long-register
 *	standard requests             stall-standard
 *	images                        stall-image empty-image (after message 0800) short-image
 *	                              long-image (babble) no-image headerless-image lying-rows
 *	                              lying-blocks clear-image (says scrambled) new-key (two key changes
 *	                              in the image) wrong-key
 *	messages                      stall-message late-message (1 s) lost-message double-message
 *	                              long-message (babble) short-message
 *	power-ups                     no-power refuse-answer
 *	plugs and bus resets          wrong-state (status 85) stale-message noise-message
 *	transfers                     silent (nothing ends any more until unplugged) disconnect
 *	                              disconnect-end
 *
 * Events:
 *	plugged PORT ID NODE          unplugged PORT [N] (by a fault, at transfer N)
 *	opened PORT / closed PORT     a client opened or closed the device (reader-live)
 *	powered, waiting (mode 10), touched (message delivered), capturing (mode 20),
 *	captured PORT BYTES (delivered), resting (mode 12), lifted, off (mode 70): each with PORT
 *	hit PORT NAME                 a fault struck
 *	transfer PORT N PIPE STATUS BYTES
 *	started PID / exited CODE     CHILD; 128 and the signal's number where one ended it
 */
#include "usb/uru_device.h"

#include <poll.h>

#define BENCH_PORTS 8u
#define BENCH_SERIAL_BYTES 64u
#define BENCH_POLLS 3u

struct bench;

/* A reader's place on the bus. */
struct bench_port {
	unsigned number; /* 0 is 1-1 */
	char name[8];
	char serial[BENCH_SERIAL_BYTES];
	bool plugged;
	bool busy;
	bool raw;        /* the finger is a raster, the same for every model */
	unsigned pulled; /* transfer at which a fault wants it unplugged; 0 none */
	unsigned clients;
	struct bench *bench;
	struct uru_device device; /* its model is set by the first plug */
	void *transport;          /* the transport's own */
};

/* What a transport does; texts are static and say what went wrong. */
struct bench_transport {
	/* The device is ready to be plugged. Fills node (a word for the event). NULL or an error. */
	const char *(*plug)(void *ctx, struct bench_port *p, char node[64]);
	/* The device was unplugged already: its transfers have ended. */
	void (*unplug)(void *ctx, struct bench_port *p);
	void (*ended)(void *ctx, struct bench_port *p, struct uru_urb *u);
	const char *(*start)(void *ctx); /* NULL where there is no child */
	bool plays_host;                 /* the host's part is the transport's, too */
	void *ctx;
};

struct bench_options {
	const char *control; /* path, or NULL */
	int fd;              /* or connected socket, or -1; taken over */
	bool fast;
};

/* Takes an option at argv; the number of words that were used, 0 it is none of these. */
int bench_option(struct bench_options *o, char **argv);

/* 0 or a negative errno. o is not kept. */
int bench_new(const struct bench_options *o, const struct bench_transport *t,
	      struct bench **ret_bench);
struct bench *bench_free(struct bench *b);

struct bench_port *bench_port(struct bench *b, unsigned number);
int64_t bench_now_us(void);

/* Unplugs a reader that is plugged, as the command does. */
void bench_unplug(struct bench_port *p);

void bench_say(struct bench *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What to wait for; returns how many of p are filled. */
size_t bench_polls(struct bench *b, struct pollfd p[BENCH_POLLS]);
/* Takes commands and sends answers, as far as p says. */
void bench_serve(struct bench *b, const struct pollfd p[], size_t n);
/* Moves the devices on; when to call again: milliseconds for poll, -1 never. */
int bench_work(struct bench *b);
bool bench_quits(const struct bench *b);

#endif
