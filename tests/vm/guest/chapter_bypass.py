"""laned-adapter cannot run at all: systemd has the kernel join the POS to the real terminal."""
import os
import pwd
import socket
import subprocess
import threading

import kit

NAME = "pay"
UNIT = "laned-adapter@%s.service" % NAME
BYPASS = "laned-bypass@%s.service" % NAME
TIMER = "laned-bypass@%s.timer" % NAME
CONF = "/etc/laned/conf.d/90-bypass.conf"
END = "laned-bypass-end@%s.service" % NAME
ENDPOINTS = "/var/lib/private/laned-endpoints/%s/endpoints" % NAME
HOST = "/usr/libexec/laned/laned-adapter"
POS, TERMINAL = 20007, 20009
AGAIN_S = 150  # tried again once a minute
_terminal = []


def _serve(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while True:
                data = connection.recv(100)
                if not data:
                    break
                connection.sendall(b"approved " + data)


def pay():
    """What the POS gets; None: nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", POS), 5) as s:
            s.sendall(b"payment")
            s.settimeout(5)
            return s.recv(100)
    except OSError:
        return None


def prepare():
    """An adapter with a POS and a terminal, and the terminal; until removed()."""
    folders = "/srv/bypass/in", "/srv/bypass/out"
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o777)
    if os.path.exists(ENDPOINTS):  # of a chapter before
        os.unlink(ENDPOINTS)
    kit.write(CONF, "[adapter:%s]\nplugin = drop\nin = %s\nout = %s\n"
              "pos = tcp://127.0.0.1:%d\nterminal = tcp://127.0.0.1:%d\n" % (
                  (NAME, *folders, POS, TERMINAL)))
    kit.drop_in(UNIT, "peers", "[Service]\nPrivateNetwork=no\nIPAddressDeny=\n"
                "RestrictAddressFamilies=AF_INET AF_INET6\nReadWritePaths=/srv/bypass\n")
    _terminal.append(socket.create_server(("127.0.0.1", TERMINAL)))
    threading.Thread(target=_serve, args=_terminal, daemon=True).start()


def runs():
    for module in ("nf_tables", "nft_chain_nat", "nft_fib_inet", "nft_nat", "nft_masq", "nft_ct"):
        kit.run("modprobe", module)
    prepare()
    kit.run("systemctl", "start", UNIT)
    kit.until(lambda: os.path.exists(ENDPOINTS), ENDPOINTS)
    kit.equal(kit.show(BYPASS, "ActiveState"), "inactive", BYPASS)


def not_its_own():
    """Who may write that file says where strangers' payments go: not the adapter's user."""
    user = pwd.getpwnam("laned-a-" + NAME)
    kit.expect(os.stat(ENDPOINTS).st_uid != user.pw_uid, "it belongs to the adapter's user")
    code = "import os\ntry:\n os.setgroups([])\n os.setgid(%d)\n os.setuid(%d)\n open(%r, 'a')\n" \
        "except OSError:\n print('refused')\n" % (user.pw_gid, user.pw_uid, ENDPOINTS)
    said = subprocess.run(["python3", "-c", code], capture_output=True, text=True, timeout=60,
                          check=False).stdout
    kit.equal(said, "refused\n", "the adapter's user may open it for writing")


def one_host():
    """A second host by hand ends and says why."""
    done = subprocess.run([HOST, "--name", NAME], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    kit.equal(done.returncode, 1, "exit: " + done.stderr)
    kit.expect("runs already" in done.stderr, "it does not say why: " + done.stderr)
    kit.equal(kit.show(UNIT, "ActiveState"), "active", UNIT)


def switched_off():
    """enabled = no: the POS has its terminal, and nothing has failed."""
    with open(CONF, encoding="ascii") as f:
        text = f.read()
    kit.write(CONF, text + "enabled = no\n")
    kit.run("systemctl", "restart", UNIT)
    kit.equal(pay(), b"approved payment", "a payment")
    kit.equal(kit.show(UNIT, "ActiveState"), "active", UNIT)
    kit.equal(kit.show(BYPASS, "ActiveState"), "inactive", BYPASS)
    kit.equal(kit.failed_units(), "", "failed units")
    kit.write(CONF, "\n".join(line for line in text.splitlines()
                              if not line.startswith(("pos", "terminal"))) + "\nenabled = no\n")
    kit.run("systemctl", "restart", UNIT)  # and without a POS behind it, it waits
    kit.equal(kit.show(UNIT, "ActiveState"), "active", UNIT)
    kit.until(lambda: not os.path.exists(ENDPOINTS), "the end of what was kept")
    kit.equal(kit.failed_units(), "", "failed units")
    kit.write(CONF, text)
    kit.run("systemctl", "restart", UNIT)
    kit.until(lambda: os.path.exists(ENDPOINTS), ENDPOINTS)


def gone():
    os.rename(HOST, HOST + ".away")
    kit.run("systemctl", "kill", "-s", "KILL", UNIT)
    kit.until(lambda: kit.show(BYPASS, "ActiveState") == "active", "%s is active; %s is %s" % (
        BYPASS, UNIT, kit.show(UNIT, "ActiveState", "Result")))
    kit.equal(pay(), b"approved payment", "the stranger's payment")
    kit.expect("on: to 127.0.0.1:%d" % TERMINAL in kit.run("laned-bypass", "status", NAME), "status")
    kit.equal(kit.show(TIMER, "ActiveState"), "active", TIMER)


def back():
    begun = socket.create_connection(("127.0.0.1", POS), 5)
    begun.settimeout(5)
    os.rename(HOST + ".away", HOST)
    kit.until(lambda: kit.show(UNIT, "ActiveState") == "active" and
              kit.show(BYPASS, "ActiveState") == "inactive" and
              kit.show(TIMER, "ActiveState") == "inactive", "the host is back", AGAIN_S)
    kit.expect(kit.fails("laned-bypass", "status", NAME), "still redirected")
    begun.sendall(b"late")
    kit.equal(begun.recv(100), b"approved late", "what was begun before")
    begun.close()
    kit.until(lambda: kit.show(END, "ActiveState") == "active" or
              "laned_bypass" not in kit.run("nft", "list", "tables"), END)
    table = "laned_bypass_" + NAME
    if table in kit.run("nft", "list", "tables"):  # three minutes of silence, without the wait
        kit.run("nft", "flush", "set", "inet", table, "live")
    kit.until(lambda: table not in kit.run("nft", "list", "tables"), "the end of the redirect")
    kit.until(lambda: kit.show(END, "ActiveState") == "inactive", END)


def by_hand():
    kit.run("laned-bypass", "on", NAME)
    kit.equal(pay(), b"approved payment", "a payment")
    kit.run("laned-bypass", "off", NAME)
    kit.expect("laned_bypass" not in kit.run("nft", "list", "tables"), "a table is left")


def removed():
    kit.run("systemctl", "stop", UNIT)
    os.unlink(CONF)
    kit.remove_drop_in(UNIT, "peers")
    terminal = _terminal.pop()
    terminal.shutdown(socket.SHUT_RDWR)  # else an accept() under way keeps the port
    terminal.close()
    kit.equal(kit.failed_units(), "", "failed units")


CLAIMS = (
    ("bypass: an adapter with a POS and a terminal runs, and keeps its endpoints", runs),
    ("bypass: its user may not write where they are kept", not_its_own),
    ("bypass: a second host of it, started by hand, ends and says why", one_host),
    ("bypass: switched off by enabled = no: no failure, and the POS has its terminal", switched_off),
    ("bypass: its program deleted, a stranger's payment is made at the terminal", gone),
    ("bypass: the program is back: nothing under way is cut, and the redirect ends by itself", back),
    ("bypass: by one command, and gone without a trace", by_hand),
    ("bypass: what this chapter made is removed", removed),
)
