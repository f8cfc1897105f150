#ifndef LANED_TESTS_USB_LIVE_PRIVATE_H
#define LANED_TESTS_USB_LIVE_PRIVATE_H

/* What the files of the live bus share: live_bus.c and live_usbfs.c. */
#include "usb/live_bus.h"

#include <pthread.h>

#include <umockdev.h>

#define NODE_BYTES 64u
#define INTERFACES 2u

/* A transfer of a client's. */
struct live_urb {
	struct uru_urb u;
	struct live_urb *next;
	UMockdevIoctlData *urb, *buffer; /* the client's memory */
	gulong address;                  /* where its urb is, there */
	UMockdevIoctlClient *client;     /* borrowed */
};

struct live_client {
	struct live_client *next;
	UMockdevIoctlClient *client; /* a reference */
};

/* One stay of a device on the bus; lives on after it for the clients that still hold it open. */
struct live_plug {
	struct live_bus *bus;
	struct live_plug *next;
	struct bench_port *port; /* NULL once it was unplugged */
	UMockdevIoctlBase *handler;
	char node[NODE_BYTES], sysfs[128], place[8];
	char terminal[64]; /* the node's other name */
	int master, slave;
	bool gate_open, gone, removed;
	int64_t remove_us;
	struct live_client *clients;
	UMockdevIoctlClient *claimed[INTERFACES];
	struct live_urb *pending, *done;
};

struct live_bus {
	UMockdevTestbed *testbed;
	pthread_mutex_t lock;
	struct live_plug *plugs;
	struct live_plug
		*past;    /* kept: the library may still hand one to a late client */
	unsigned address; /* the last one given */
	int wake_fd;
};

/* Stops or lets go what makes a node ready to be written to, which is how usbfs says "reap". */
void live_set_gate(struct live_plug *p, bool open);
/* Lets clients in: to be called before udev is told of the device. */
void live_serve(struct live_plug *p);
/* Forgets the clients that have closed the node. */
void live_sweep(struct live_plug *p);
/* Forgets all of them, and their transfers, at the end of a plug. */
void live_forget(struct live_plug *p);

#endif
