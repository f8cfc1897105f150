"""Removing it, as docs/install.md says."""
import os

import kit
from chapter_install import CONFIGURATION_FILE, PLACES


def disable():
    kit.run("systemctl", "disable", "--now", "laned.target", "laned-adapter@drop")
    for unit in kit.UNITS:
        kit.equal(kit.show(unit, "ActiveState"), "inactive", unit)
    links = kit.run("find", "/etc/systemd/system", "-type", "l", "-name", "laned*")
    kit.equal(links, "", "what is still enabled")


def uninstall():
    source = os.path.join(kit.PAYLOAD, "source")
    kit.run("make", "-C", source, "prefix=/usr", "uninstall")
    kit.run("systemctl", "daemon-reload")
    left = [p for p in PLACES if os.path.exists(p)]
    kit.equal(left, ["/etc/laned/laned.conf", "/etc/laned/conf.d"], "left over")
    kit.expect(os.path.exists(CONFIGURATION_FILE) and os.path.exists("/var/lib/laned/journal.db"),
               "configuration or state are gone with the programs")


def no_remains():
    kit.equal(kit.failed_units(), "", "failed units")
    units = kit.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "laned*")
    kit.equal([u for u in units.splitlines() if "not-found" not in u], [], "units")
    kit.expect(not os.path.exists("/run/laned/control.sock"), "a socket is left")


CLAIMS = (
    ("removal: systemctl disable --now stops everything", disable),
    ("removal: make uninstall leaves configuration and state, and nothing else", uninstall),
    ("removal: no unit has failed, none is left", no_remains),
)
