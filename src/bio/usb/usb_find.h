#ifndef LANED_BIO_USB_FIND_H
#define LANED_BIO_USB_FIND_H

#include "bio/usb/usb_port.h"

#include <libusb.h>

/* Which devices on the bus are readers, and where the kernel has put them. */

#define USB_PORT_PATH_BYTES 40u

struct usb_found {
	const struct usb_device_driver *driver;
	const struct usb_model *model;
	char path[USB_PORT_PATH_BYTES]; /* "1-4.2", as in sysfs */
	/* As the device says it; what is not printable ASCII is a question mark. */
	char serial[READER_TEXT_BYTES];
	uint8_t bus, address; /* another address at the same port: it was plugged anew */
};

/* The first of the drivers that knows the ids; false when none does. */
bool usb_find_model(const struct usb_device_driver *const drivers[], size_t count,
		    uint16_t vendor, uint16_t product, struct usb_found *ret_found);

/*
 * Whether a driver knows the device, with all that is to be known without opening it. Sleeping
 * devices go on sleeping: the kernel keeps what it once read.
 */
bool usb_find_device(libusb_device *dev, const struct usb_device_driver *const drivers[],
		     size_t count, struct usb_found *ret_found);

/*
 * The number of the vendor-specific interface with the driver's endpoints, which is not the first
 * one in a keyboard; -ENXIO there is none; -ENODEV, -ENOMEM, -EIO.
 */
int usb_find_interface(libusb_device *dev, const struct usb_device_driver *driver);

/* Fills found with the attached devices that a driver knows, from sysfs; how many, at most max. */
size_t usb_find_attached(const struct usb_device_driver *const drivers[], size_t count,
			 struct reader_device *found, size_t max);

/* What lanectl shows of it. */
void usb_find_describe(const struct usb_found *found, struct reader_device *ret_device);

/* A libusb error as a negative errno. */
int usb_find_errno(int usb_error);

#endif
