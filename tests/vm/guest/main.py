"""check-vm inside the guest: the chapters of this boot, claim by claim. See ../check-vm."""
import os
import subprocess
import sys

import kit

PORT = "/dev/ttyS1"
BOOT_FILE = "/var/lib/vmtest/boot"
# The chapters of each boot; the machine is started anew between them.
BOOTS = (("install", "services", "restarts", "typing", "activation", "bypass",
          "uart", "powercut"),
         ("boot", "reader", "power", "checkout", "serial", "removal"))
ALWAYS = ("install", "services", "boot")  # the others stand on them


def this_boot():
    try:
        with open(BOOT_FILE, encoding="ascii") as f:
            return int(f.read())
    except FileNotFoundError:
        return 0


def play(report, name):
    """One chapter: a module with CLAIMS, pairs of a sentence and a function. A claim stands on
    those before it, so the first that fails ends the chapter."""
    chapter = __import__("chapter_" + name)
    report.line("note " + chapter.__doc__.split("\n")[0].rstrip("."))
    claims = list(chapter.CLAIMS)
    while claims:
        text, function = claims.pop(0)
        if not report.claim(text, function):
            if claims:
                report.detail("not tried after that: " + "; ".join(t for t, _ in claims))
            return False
    return True


def main():
    subprocess.run(["stty", "-F", PORT, "raw", "-echo"], check=True)
    report = kit.Report(PORT)
    boot = this_boot()
    os.makedirs(kit.LOGS, exist_ok=True)
    more = boot + 1 < len(BOOTS)
    for name in BOOTS[boot]:
        if not kit.ONLY or name in kit.ONLY or name in ALWAYS:
            if not play(report, name) and name in ALWAYS:
                more = False
                break
    kit.write(BOOT_FILE, str(boot + 1))
    report.line("boot" if more else "end")
    # The host ends the machine at its reset; one that has slept does not switch off under QEMU 7.2.
    subprocess.run(["systemctl", "reboot"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
