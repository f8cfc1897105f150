#ifndef LANED_TESTS_USB_LIVE_BUS_H
#define LANED_TESTS_USB_LIVE_BUS_H

#include "usb/bench.h"

/*
 * A USB bus that exists for the children of this process only: umockdev's preloaded library takes
 * their calls for devices, sysfs and udev, and the ioctls of usbfs are answered here by the models.
 *
 * The library answers ioctls in a thread of its own. Everything of the bench is guarded by one lock,
 * which the main thread holds while it works and gives away while it waits.
 */
struct live_bus;

/* wake_fd: an eventfd, written to when the main thread has to work. NULL: said why on stderr. */
struct live_bus *live_bus_new(int wake_fd);
/* Removes the bus's folder. NULL is fine; returns NULL. */
struct live_bus *live_bus_free(struct live_bus *l);

void live_bus_lock(struct live_bus *l);
void live_bus_unlock(struct live_bus *l);

/* What struct bench_transport asks for. */
const char *live_bus_plug(struct live_bus *l, struct bench_port *p, char node[64]);
void live_bus_unplug(struct bench_port *p);
void live_bus_ended(struct bench_port *p, struct uru_urb *u);

/*
 * Tells udev of unplugged devices when their clients have seen it in their transfers, or after a
 * short while. When to call again, milliseconds for poll; -1 never.
 */
int live_bus_work(struct live_bus *l);

/* The folder for UMOCKDEV_DIR; to be freed. */
char *live_bus_folder(const struct live_bus *l);

#endif
