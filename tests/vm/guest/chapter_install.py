"""Installing, as docs/install.md tells an administrator."""
import json
import os
import pwd
import stat

import kit
import lab

CONFIGURATION = """[lane]
name = lane-4
store = tallinn-2
environment = test
currency = EUR
timezone = Europe/Tallinn
business_day_start = 240

[privacy]
profile = us_other

[reader:front]
driver = file
folder = /var/lib/laned-bio/present

[adapter:drop]
in = /srv/pos/in
out = /srv/pos/out
"""
CONFIGURATION_FILE = "/etc/laned/conf.d/10-lane.conf"
PLACES = ("/usr/sbin/laned", "/usr/bin/lanectl", "/usr/libexec/laned/laned-bio",
          "/usr/libexec/laned/laned-adapter", "/usr/lib/laned/adapters/drop.so",
          "/usr/lib/laned/adapters/drop.options.json", "/etc/laned/laned.conf",
          "/etc/laned/conf.d", "/usr/lib/systemd/system/laned.target",
          "/usr/lib/sysusers.d/laned.conf", "/usr/lib/tmpfiles.d/laned.conf",
          "/usr/lib/udev/rules.d/60-laned.rules", "/usr/include/laned/adapter.h",
          "/usr/lib/laned/libsdk.a", "/usr/share/man/man8/laned.8",
          "/usr/share/bash-completion/completions/lanectl", "/usr/share/doc/laned/install.md")


def put_files():
    kit.run("cp", "-a", os.path.join(kit.PAYLOAD, "stage", "."), "/")
    for path in PLACES:
        kit.expect(os.path.exists(path), path + " is not there")


def libraries():
    for path in PLACES[:6]:
        if not path.endswith(".json"):
            missing = [line for line in kit.run("ldd", path).splitlines() if "not found" in line]
            kit.expect(not missing, "%s: %s" % (path, missing))


def users_and_folders():
    kit.run("systemd-sysusers")
    kit.run("systemd-tmpfiles", "--create")
    kit.run("systemctl", "daemon-reload")
    for user in ("laned", "laned-bio"):
        folder = "/var/lib/" + user
        s = os.stat(folder)
        kit.equal((pwd.getpwuid(s.st_uid).pw_name, stat.S_IMODE(s.st_mode)), (user, 0o700), folder)
    groups = kit.run("getent", "group").split("\n")
    for group in ("laned-view", "laned-operate", "laned-admin", "laned-pos", "laned-display"):
        kit.expect(any(g.startswith(group + ":") for g in groups), "no group " + group)


def device_rule():
    kit.run("udevadm", "control", "--reload")
    kit.run("udevadm", "trigger", "--subsystem-match=usb")
    kit.run("udevadm", "settle")


def unset_profile():
    """The default configuration, before anybody has decided anything."""
    kit.expect(kit.fails("systemctl", "start", "laned-bio"), "laned-bio starts without a profile")
    values = kit.show("laned-bio", "ActiveState", "ExecMainStatus", "NRestarts")
    kit.equal(values, ["failed", "78", "0"], "laned-bio")
    kit.run("systemctl", "reset-failed", "laned-bio")


def configure():
    kit.write(CONFIGURATION_FILE, CONFIGURATION)
    kit.run("install", "-d", "-m", "0700", "-o", "laned-bio", "-g", "laned-bio",
            "/var/lib/laned-bio/present")
    kit.run("laned", "-t")
    kit.run("/usr/libexec/laned/laned-adapter", "-t", "--name", "drop")
    shown = json.loads(kit.run("lanectl", "--json", "config", "show").splitlines()[-1])
    kit.expect("lane-4" in json.dumps(shown), "lanectl config show does not know the lane's name")


def adapter_folders():
    kit.run("useradd", "--system", "--user-group", "pos")
    kit.run("install", "-d", "-m", "2770", "-g", "pos", "/srv/pos/in", "/srv/pos/out")
    kit.drop_in("laned-adapter@drop.service", "folders",
                "[Service]\nReadWritePaths=/srv/pos/in /srv/pos/out\nSupplementaryGroups=pos\n")


def exposure():
    told = []
    for unit, limit in (("laned-bio", 12), ("laned", 15), ("laned-adapter@drop", 15)):
        out = kit.run("systemd-analyze", "security", "--no-pager", "--threshold=%d" % limit,
                      unit + ".service")
        told.append(out.strip().splitlines()[-1].split(":")[1].split()[0])
    return " / ".join(told)


def members_file():
    return "".join(json.dumps(m) + "\n" for m in (
        lab.member("1001", greeting="Mari"), lab.member("1002", greeting="Jaan")))


CLAIMS = (
    ("install: make install puts everything where install.md says", put_files),
    ("install: the named packages are all the programs need", libraries),
    ("install: sysusers and tmpfiles make users, groups and folders", users_and_folders),
    ("install: udev takes the device rule", device_rule),
    ("install: without a profile laned-bio ends with 78 and is left alone", unset_profile),
    ("install: the configuration of configure.md is accepted", configure),
    ("install: the adapter's folders are opened by a drop-in", adapter_folders),
    ("install: systemd finds the units confined as promised", exposure),
)
