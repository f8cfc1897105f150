#include "bio/usb/usb_find.h"

#include "base/plain/str.h"
#include "bio/sysfs_text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SYSFS_DEVICES "/sys/bus/usb/devices"
#define SYSFS_PATH_BYTES 512u
#define PORTS_MAX 7u /* depth of hubs that USB allows */
#define INTERFACE_CLASS 0xffu

int
usb_find_errno(int usb_error)
{
	switch (usb_error) {
	case LIBUSB_ERROR_NO_DEVICE:
		return -ENODEV;
	case LIBUSB_ERROR_NO_MEM:
		return -ENOMEM;
	case LIBUSB_ERROR_ACCESS:
		return -EACCES;
	case LIBUSB_ERROR_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

static void
attribute(const char *device, const char *name, char *buf, size_t bytes)
{
	char path[SYSFS_PATH_BYTES];

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", device, name) <
	    (int)sizeof(path))
		(void)sysfs_text(path, buf, bytes); /* missing is empty */
}

/* Four hex digits, as sysfs writes an id. */
static bool
id_attribute(const char *device, const char *name, uint16_t *ret_id)
{
	char text[8];
	uint8_t id[2];

	attribute(device, name, text, sizeof(text));
	if (hex_decode(id, sizeof(id), str_of(text)) < 0)
		return false;
	*ret_id = (uint16_t)(id[0] << 8 | id[1]);
	return true;
}

bool
usb_find_model(const struct usb_device_driver *const drivers[], size_t count,
	       uint16_t vendor, uint16_t product, struct usb_found *ret_found)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < drivers[i]->models_count; k++)
			if (drivers[i]->models[k].vendor == vendor &&
			    drivers[i]->models[k].product == product) {
				ret_found->driver = drivers[i];
				ret_found->model = &drivers[i]->models[k];
				return true;
			}
	return false;
}

/* Bus and ports as sysfs writes them: "1-4.2". */
static int
path_of(libusb_device *dev, char *buf, size_t bytes)
{
	uint8_t ports[PORTS_MAX];
	int n = libusb_get_port_numbers(dev, ports, (int)sizeof(ports));
	struct strbuf b;

	strbuf_init(&b, buf, bytes);
	if (n <= 0)
		return -ENODEV; /* a root hub */
	strbuf_addf(&b, "%u", libusb_get_bus_number(dev));
	for (int i = 0; i < n; i++)
		strbuf_addf(&b, "%c%u", i == 0 ? '-' : '.', ports[i]);
	return b.truncated ? -ENOSPC : 0;
}

bool
usb_find_device(libusb_device *dev, const struct usb_device_driver *const drivers[],
		size_t count, struct usb_found *ret_found)
{
	struct libusb_device_descriptor d;
	struct usb_found f = { .bus = libusb_get_bus_number(dev),
			       .address = libusb_get_device_address(dev) };

	if (libusb_get_device_descriptor(dev, &d) < 0 ||
	    !usb_find_model(drivers, count, d.idVendor, d.idProduct, &f) ||
	    path_of(dev, f.path, sizeof(f.path)) < 0)
		return false;
	/* Asking the device itself would block. */
	attribute(f.path, "serial", f.serial, sizeof(f.serial));
	*ret_found = f;
	return true;
}

static bool
has_endpoint(const struct libusb_interface_descriptor *i, uint8_t address)
{
	for (uint8_t e = 0; e < i->bNumEndpoints; e++)
		if (i->endpoint[e].bEndpointAddress == address)
			return true;
	return false;
}

int
usb_find_interface(libusb_device *dev, const struct usb_device_driver *driver)
{
	struct libusb_config_descriptor *c = NULL;
	int rc = libusb_get_active_config_descriptor(dev, &c);
	int found = -ENXIO;

	if (rc == LIBUSB_ERROR_NOT_FOUND)
		return -ENXIO; /* no configuration: the hub cannot power it */
	if (rc < 0)
		return usb_find_errno(rc);
	for (uint8_t i = 0; i < c->bNumInterfaces && found < 0; i++) {
		const struct libusb_interface_descriptor *a = c->interface[i].altsetting;

		if (c->interface[i].num_altsetting > 0 &&
		    a->bInterfaceClass == INTERFACE_CLASS &&
		    has_endpoint(a, driver->bulk_in) &&
		    has_endpoint(a, driver->interrupt_in))
			found = a->bInterfaceNumber;
	}
	libusb_free_config_descriptor(c);
	return found;
}

size_t
usb_find_attached(const struct usb_device_driver *const drivers[], size_t count,
		  struct reader_device *found, size_t max)
{
	DIR *d = opendir(SYSFS_DEVICES);
	const struct dirent *e;
	size_t n = 0;

	if (d == NULL)
		return 0; /* a kernel without USB */
	while (n < max && (e = readdir(d)) != NULL) {
		struct usb_found f = { 0 };
		uint16_t vendor, product;

		/* Not the interfaces, such as 1-4:1.0. */
		if (e->d_name[0] == '.' || strchr(e->d_name, ':') != NULL ||
		    !id_attribute(e->d_name, "idVendor", &vendor) ||
		    !id_attribute(e->d_name, "idProduct", &product) ||
		    !usb_find_model(drivers, count, vendor, product, &f) ||
		    str_copy(f.path, sizeof(f.path), str_of(e->d_name)) < 0)
			continue;
		attribute(f.path, "serial", f.serial, sizeof(f.serial));
		usb_find_describe(&f, &found[n++]);
	}
	(void)closedir(d); /* read only */
	return n;
}

void
usb_find_describe(const struct usb_found *found, struct reader_device *ret_device)
{
	struct reader_device *r = ret_device;
	struct strbuf b;

	memset(r, 0, sizeof(*r));
	strbuf_init(&b, r->model, sizeof(r->model));
	strbuf_add(&b, str_of(found->model->name));
	strbuf_init(&b, r->id, sizeof(r->id));
	strbuf_addf(&b, "%04x:%04x", found->model->vendor, found->model->product);
	strbuf_init(&b, r->port, sizeof(r->port));
	strbuf_add(&b, str_of(found->path));
	strbuf_init(&b, r->serial, sizeof(r->serial));
	strbuf_add(&b, str_of(found->serial));
}
