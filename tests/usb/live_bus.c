#include "usb/live_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define HUB "/devices/pci0000:00/0000:00:14.0/usb1"
#define SYSFS_TEXT_BYTES 4096u
#define ADDRESS_FIRST 2u
#define ADDRESS_MAX 127u
/* The real kernel takes 1 to 90 ms from a transfer's end to its word to udev. */
#define REMOVE_US 50000
#define SWEEP_US 20000

/* ---- plugging ------------------------------------------------------------------------------ */

/* Makes the device's node: a link to a terminal of ours. */
static const char *
make_node(struct live_plug *p)
{
	struct termios t = { .c_cflag = CS8 | CREAD };
	char path[512];
	char *root;

	if (openpty(&p->master, &p->slave, p->terminal, &t, NULL) < 0)
		return "no terminal for the device's node";
	(void)fcntl(p->master, F_SETFD, FD_CLOEXEC); /* a descriptor of ours */
	(void)fcntl(p->slave, F_SETFD, FD_CLOEXEC);
	(void)fchmod(p->slave, 0666); /* as a udev rule would */
	p->gate_open = true;
	live_set_gate(p, false);
	root = umockdev_testbed_get_root_dir(p->bus->testbed);
	(void)snprintf(path, sizeof(path), "%s/dev/bus/usb/001", root);
	(void)g_mkdir_with_parents(path, 0755); /* the link tells */
	(void)snprintf(path, sizeof(path), "%s%s", root, p->node);
	g_free(root);
	(void)unlink(path); /* an address that was used before */
	return symlink(p->terminal, path) < 0 ? "no link for the device's node" : NULL;
}

static void
remove_node(struct live_plug *p)
{
	char *root = umockdev_testbed_get_root_dir(p->bus->testbed);
	char path[512];

	(void)snprintf(path, sizeof(path), "%s%s", root, p->node);
	g_free(root);
	(void)unlink(path); /* may be gone with the device */
}

static void
hex(char *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02X",
			       bytes[i]); /* the caller has room */
}

/* The device in umockdev's words; libfprint wants more of sysfs than libusb. */
static const char *
add_to_sysfs(struct live_plug *p, unsigned address)
{
	const struct uru_model *m = p->port->device.model;
	uint8_t bytes[URU_DEVICE_DESCRIPTOR_BYTES + URU_CONFIG_DESCRIPTOR_MAX];
	char text[SYSFS_TEXT_BYTES], descriptors[2 * sizeof(bytes) + 1];
	GError *e = NULL;
	size_t n;

	uru_device_descriptor(m, bytes);
	n = URU_DEVICE_DESCRIPTOR_BYTES;
	n += uru_config_descriptor(m, bytes + n);
	hex(descriptors, bytes, n);
	(void)snprintf(
		text, sizeof(text),
		"P: %s\nE: DEVNAME=%s\nE: DEVTYPE=usb_device\nE: DRIVER=usb\n"
		"E: SUBSYSTEM=usb\nE: BUSNUM=001\nE: DEVNUM=%03u\nE: MAJOR=189\n"
		"E: MINOR=%u\nE: PRODUCT=%x/%x/%x\nE: TYPE=0/0/0\n"
		"E: ID_VENDOR_ID=%04x\nE: ID_MODEL_ID=%04x\n"
		"A: authorized=1\\n\nA: bConfigurationValue=1\\n\nA: bDeviceClass=00\\n\n"
		"A: bDeviceProtocol=00\\n\nA: bDeviceSubClass=00\\n\n"
		"A: bNumConfigurations=1\\n\nA: bNumInterfaces= %u\\n\nA: busnum=1\\n\n"
		"A: devnum=%u\\n\nA: devpath=%u\\n\nA: dev=189:%u\\n\nA: maxchild=0\\n\n"
		"A: speed=12\\n\nA: version= 2.00\\n\nA: bcdDevice=%04x\\n\n"
		"A: idVendor=%04x\\n\nA: idProduct=%04x\\n\nA: manufacturer=%s\\n\n"
		"A: product=%s\\n\nA: serial=%s\\n\nA: power/control=auto\\n\n"
		"A: power/persist=0\\n\nA: removable=removable\\n\nH: descriptors=%s\n",
		p->sysfs, p->node, address, address - 1, m->vendor, m->product,
		m->release, m->vendor, m->product, uru_model_interface(m) + 1, address,
		p->port->number + 1, address - 1, m->release, m->vendor, m->product,
		m->maker, m->name, p->port->serial, descriptors);
	if (umockdev_testbed_add_from_string(p->bus->testbed, text, &e))
		return NULL;
	(void)fprintf(stderr, "reader-live: %s\n", e->message);
	g_error_free(e);
	return "umockdev does not take the device";
}

static struct live_plug *
plug_free(struct live_plug *p)
{
	live_forget(p);
	if (p->master >= 0)
		(void)close(p->master); /* a terminal: nothing to lose */
	if (p->slave >= 0)
		(void)close(p->slave); /* as above */
	free(p);
	return NULL;
}

static struct live_plug *
plug_new(struct live_bus *l, struct bench_port *port)
{
	struct live_plug *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->bus = l;
	p->port = port;
	p->master = -1;
	p->slave = -1;
	live_serve(p);
	return p;
}

static bool
address_used(const struct live_bus *l, unsigned address)
{
	char node[NODE_BYTES];

	(void)snprintf(node, sizeof(node), "/dev/bus/usb/001/%03u", address); /* fits */
	for (const struct live_plug *p = l->plugs; p != NULL; p = p->next)
		if (strcmp(p->node, node) == 0)
			return true;
	return false;
}

/* A device has another address after each plug, as on a real bus. 0: all are held open. */
static unsigned
next_address(struct live_bus *l)
{
	for (unsigned tries = 0; tries < ADDRESS_MAX; tries++) {
		l->address = l->address < ADDRESS_MAX ? l->address + 1 : ADDRESS_FIRST;
		if (!address_used(l, l->address))
			return l->address;
	}
	return 0;
}

static const char *
attach(struct live_plug *p)
{
	GError *e = NULL;

	/* The handler first: adding the device tells udev of it. */
	if (umockdev_testbed_attach_ioctl(p->bus->testbed, p->node, p->handler, &e))
		return NULL;
	(void)fprintf(stderr, "reader-live: %s\n", e->message);
	g_error_free(e);
	return "umockdev does not take the handler";
}

static void
remove_from_sysfs(struct live_plug *p)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "/sys%s", p->sysfs); /* fits */
	umockdev_testbed_uevent(p->bus->testbed, path, "remove");
	umockdev_testbed_remove_device(p->bus->testbed, path);
	(void)umockdev_testbed_detach_ioctl(p->bus->testbed, p->node,
					    NULL); /* was attached */
	remove_node(p);
	p->removed = true;
}

const char *
live_bus_plug(struct live_bus *l, struct bench_port *port, char node[64])
{
	struct live_plug *p;
	const char *why;
	unsigned address;

	for (p = l->plugs; p != NULL; p = p->next)
		if (p->gone && !p->removed && strcmp(p->place, port->name) == 0)
			remove_from_sysfs(p); /* before somebody else is there */
	address = next_address(l);
	if (address == 0)
		return "clients hold all addresses open";
	p = plug_new(l, port);
	if (p == NULL)
		return "no memory";
	(void)snprintf(p->place, sizeof(p->place), "%s", port->name);
	(void)snprintf(p->node, sizeof(p->node), "/dev/bus/usb/001/%03u", address);
	(void)snprintf(p->sysfs, sizeof(p->sysfs), HUB "/%s", port->name);
	why = make_node(p);
	if (why == NULL)
		why = attach(p);
	if (why != NULL) {
		plug_free(p);
		return why;
	}
	port->transport = p;
	port->clients = 0;
	p->next = l->plugs;
	l->plugs = p;
	(void)snprintf(node, 64, "%s", p->node); /* fits */
	return add_to_sysfs(p, address);
}

/* What a pulled cable does to the node: its clients see a hang-up. */
void
live_bus_unplug(struct bench_port *port)
{
	struct live_plug *p = port->transport;

	port->transport = NULL;
	port->clients = 0;
	p->port = NULL;
	p->gone = true;
	p->remove_us = bench_now_us() + REMOVE_US;
	(void)close(p->master); /* its last reference: nothing to lose */
	(void)close(p->slave);  /* as above */
	p->master = -1;
	p->slave = -1;
}

int
live_bus_work(struct live_bus *l)
{
	struct live_plug **at = &l->plugs, *p;
	int64_t now = bench_now_us(), next = URU_NEVER;

	while ((p = *at) != NULL) {
		live_sweep(p);
		if (p->gone && !p->removed &&
		    (p->done == NULL || p->clients == NULL || now >= p->remove_us))
			remove_from_sysfs(p);
		if (p->removed && p->clients == NULL) {
			*at = p->next;
			p->next = l->past;
			l->past = p;
			continue;
		}
		if (p->gone && !p->removed && p->remove_us < next)
			next = p->remove_us;
		if (p->clients != NULL && now + SWEEP_US < next)
			next = now + SWEEP_US;
		at = &p->next;
	}
	return next == URU_NEVER ? -1
	       : next <= now     ? 0
				 : (int)((next - now + 999) / 1000);
}

/* ---- the bus ------------------------------------------------------------------------------- */

void
live_bus_lock(struct live_bus *l)
{
	(void)pthread_mutex_lock(&l->lock); /* an error would be a bug of ours */
}

void
live_bus_unlock(struct live_bus *l)
{
	(void)pthread_mutex_unlock(&l->lock); /* as above */
}

/* The root hub, without which libfprint's libraries do not go on. */
static bool
add_hub(struct live_bus *l)
{
	static const char text[] =
		"P: " HUB "\n"
		"N: bus/usb/001/001=" /* its descriptors: USB 2.0, a hub of Linux */
		"12010002090001406B1D020013050302010109021900010100E000"
		"0904000001090000000705810304000C\n"
		"E: DEVNAME=/dev/bus/usb/001/001\nE: DEVTYPE=usb_device\nE: DRIVER=usb\n"
		"E: SUBSYSTEM=usb\nE: PRODUCT=1d6b/2/513\nE: TYPE=9/0/1\nE: BUSNUM=001\n"
		"E: DEVNUM=001\nE: MAJOR=189\nE: MINOR=0\n"
		"A: authorized=1\\n\nA: bConfigurationValue=1\\n\nA: bDeviceClass=09\\n\n"
		"A: bNumConfigurations=1\\n\nA: busnum=1\\n\nA: devnum=1\\n\nA: "
		"devpath=0\\n\n"
		"A: dev=189:0\\n\nA: idVendor=1d6b\\n\nA: idProduct=0002\\n\n"
		"A: maxchild=8\\n\nA: product=Host Controller of a test bench\\n\n"
		"A: serial=0000:00:14.0\\n\nA: speed=480\\n\nA: version= 2.00\\n\n"
		"H: descriptors="
		"12010002090001406B1D020013050302010109021900010100E000"
		"0904000001090000000705810304000C\n";
	GError *e = NULL;

	if (umockdev_testbed_add_from_string(l->testbed, text, &e))
		return true;
	(void)fprintf(stderr, "reader-live: %s\n", e->message);
	g_error_free(e);
	return false;
}

static void
free_plugs(struct live_plug *p)
{
	struct live_plug *next;

	for (; p != NULL; p = next) {
		next = p->next;
		plug_free(p);
	}
}

struct live_bus *
live_bus_free(struct live_bus *l)
{
	if (l == NULL)
		return NULL;
	for (struct live_plug *p = l->plugs; p != NULL; p = p->next)
		if (!p->removed)
			remove_from_sysfs(p);
	g_object_unref(l->testbed); /* ends the library's thread */
	free_plugs(l->plugs);
	free_plugs(l->past);
	(void)pthread_mutex_destroy(&l->lock); /* nobody waits for it any more */
	free(l);
	return NULL;
}

struct live_bus *
live_bus_new(int wake_fd)
{
	struct live_bus *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->wake_fd = wake_fd;
	l->address = ADDRESS_FIRST - 1;
	(void)pthread_mutex_init(&l->lock, NULL); /* cannot fail without attributes */
	l->testbed = umockdev_testbed_new();
	return add_hub(l) ? l : live_bus_free(l);
}

char *
live_bus_folder(const struct live_bus *l)
{
	return umockdev_testbed_get_root_dir(l->testbed);
}
