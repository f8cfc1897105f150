#!/usr/bin/python3
"""laned-bypass: with no host at all, a POS that connects to the dead port pays through the real
terminal; by nftables, in network namespaces of this test's own. Nothing of laned runs here: neither
laned nor laned-adapter need to be there."""
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SRCDIR = os.path.abspath(os.environ.get("SRCDIR", "."))
SCRIPT = os.path.join(SRCDIR, "systemd", "laned-bypass")
PATIENCE_S = 20.0  # a limit for a hang, never waited for when all is well
NOTHING = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+net_admin",
           "--ambient-caps=-all,+net_admin", "--bounding-set=-all,+net_admin"]


def skip(why):
    print("the redirect was NOT tried: " + why)
    sys.exit(77)


def enter():
    """This program again, in a network namespace of its own."""
    for tool in ("nft", "ip", "unshare", "nsenter", "setpriv"):
        if shutil.which(tool) is None:
            skip("%s is missing" % tool)
    for how in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run(how + ["sh", "-c", "ip link set lo up && nft add table inet try"],
                          capture_output=True, check=False).returncode == 0:
            os.execvp(how[0], how + [sys.executable, os.path.abspath(__file__), "--inside"])
    skip("no namespaces, or no nftables in them, are allowed here")


def sh(*command, ok=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                          **more)
    if ok and done.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(command), done.stderr))
    return done


class Space:
    """A machine: a network namespace, held by a process that waits for its end."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo up; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"up\n"
        self.pid = str(self.holder.pid)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command):
        return sh("nsenter", "-t", self.pid, "-n", *command)

    def python(self, text, *arguments):
        return subprocess.Popen(["nsenter", "-t", self.pid, "-n", sys.executable, "-c", text,
                                 *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait(PATIENCE_S)


# A terminal: answers each payment with its approval, and says who connected.
TERMINAL = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print('up', flush=True)
while True:
    c, who = s.accept()
    print(who[0], flush=True)
    while data := c.recv(100):
        c.sendall(b'approved ' + data)
"""


def terminal(space, address, port):
    command = [sys.executable, "-c", TERMINAL, address, str(port)]
    if space is not None:
        command = ["nsenter", "-t", space.pid, "-n"] + command
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    return process


def pay(connection, text=b"payment 12.99"):
    connection.sendall(text)
    connection.settimeout(PATIENCE_S)
    got = b""
    while len(got) < len(text) + 9:
        more = connection.recv(100)
        assert more, "the connection ended after %r" % got
        got += more
    assert got == b"approved " + text, got


def connect(address, port):
    return socket.create_connection((address, port), PATIENCE_S)


def refused(address, port):
    try:
        connect(address, port).close()
    except ConnectionRefusedError:
        return True
    return False


class Case:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="laned-bypass-")
        os.chmod(self.dir, 0o755)
        self.ends = []

    def endpoints(self, text):
        path = os.path.join(self.dir, "endpoints")
        with open(path, "w", encoding="latin-1") as f:
            f.write(text)
        os.chmod(path, 0o644)
        return path

    def good(self, pos, to):
        return self.endpoints("laned-endpoints = 1\npos = tcp://%s\nterminal = tcp://%s\n"
                              "framing = zvt\n" % (pos, to))

    def end(self):
        for process in self.ends:
            if isinstance(process, Space):
                process.end()
            else:
                process.kill()
                process.wait()
        for name in ("to-pos", "to-terminal"):  # the kernel takes its time with those of dead spaces
            sh("ip", "link", "delete", name, ok=False)
        for name in ("drop", "zvt-2"):
            sh("sh", SCRIPT, "remove", name)
        shutil.rmtree(self.dir)

    def keep(self, thing):
        self.ends.append(thing)
        return thing


def tables():
    return sh("nft", "list", "ruleset").stdout


def setting(name):
    with open("/proc/sys/net/ipv4/" + name, encoding="ascii") as f:
        return f.read().strip()


def a_payment_to_the_dead_port_is_made_at_the_terminal(case):
    case.keep(terminal(None, "127.0.0.1", 20009))
    path = case.good("127.0.0.1:20007", "127.0.0.1:20009")
    assert refused("127.0.0.1", 20007)
    for _ in range(2):  # twice is once
        sh("sh", SCRIPT, "add", "drop", path)
    assert tables().count("table inet laned_bypass_drop") == 1
    assert sh("sh", SCRIPT, "status", "drop").stdout == "on: to 127.0.0.1:20009\n"
    with connect("127.0.0.1", 20007) as pos:
        pay(pos)
    sh("sh", SCRIPT, "remove", "drop")
    assert refused("127.0.0.1", 20007)
    assert "laned" not in tables()
    done = sh("sh", SCRIPT, "status", "drop", ok=False)
    assert done.returncode == 1 and done.stdout == "off\n"


def what_was_begun_ends_when_the_host_is_back(case):
    """Drained: the next connection is the host's again, and nothing that goes on is cut."""
    case.keep(terminal(None, "127.0.0.1", 20009))
    sh("sh", SCRIPT, "add", "drop", case.good("127.0.0.1:20007", "127.0.0.1:20009"))
    begun = connect("127.0.0.1", 20007)
    pay(begun)
    with socket.create_server(("127.0.0.1", 20007)) as host:  # it is back
        for _ in range(2):
            sh("sh", SCRIPT, "drain", "drop")
        assert sh("sh", SCRIPT, "status", "drop", ok=False).stdout == "drained\n"
        with connect("127.0.0.1", 20007):
            assert select.select([host], [], [], PATIENCE_S)[0], "the host gets no connection"
        pay(begun)
    begun.close()
    sh("sh", SCRIPT, "add", "drop", case.good("127.0.0.1:20007", "127.0.0.1:20009"))
    with connect("127.0.0.1", 20007) as pos:
        pay(pos)


def rests(process):
    """Whether the script has looked and now sleeps until it looks again."""
    path = "/proc/%d/task/%d/children" % (process.pid, process.pid)
    with open(path, encoding="ascii") as f:
        for child in f.read().split():
            try:
                with open("/proc/%s/comm" % child, encoding="ascii") as name:
                    if name.read() == "sleep\n":
                        return True
            except OSError:
                pass  # it has ended meanwhile
    return False


def what_is_drained_ends_by_itself(case):
    """While anything flows it stays; after minutes of silence it is gone, and what it has set is put back."""
    pos, real = wire(case)
    before = setting("ip_forward"), setting("conf/all/route_localnet")
    case.keep(terminal(real, "10.2.0.2", 20008))
    path = case.good("0.0.0.0:20007?allow=127.0.0.0/8+10.1.0.0/24", "10.2.0.2:20008")
    sh("sh", SCRIPT, "add", "drop", path)
    sh("sh", SCRIPT, "finish", "drop")  # not drained: nothing to wait for
    assert ask(pos, "10.1.0.1") == "approved payment 12.99"
    begun = connect("127.0.0.1", 20007)
    pay(begun)
    sh("sh", SCRIPT, "drain", "drop")
    port = str(begun.getsockname()[1])
    live = sh("nft", "list", "set", "inet", "laned_bypass_drop", "live").stdout
    assert port in live and "timeout 3m" in live, live
    finish = case.keep(subprocess.Popen(["sh", SCRIPT, "finish", "drop"]))
    end = time.monotonic() + PATIENCE_S
    while not rests(finish):
        assert finish.poll() is None and time.monotonic() < end, "it does not wait"
        time.sleep(0.01)
    assert setting("ip_forward") == "1"
    pay(begun)
    begun.close()
    sh("nft", "flush", "set", "inet", "laned_bypass_drop", "live")  # as three minutes do
    assert finish.wait(PATIENCE_S) == 0
    assert "laned" not in tables()
    assert (setting("ip_forward"), setting("conf/all/route_localnet")) == before
    sh("sh", SCRIPT, "finish", "drop")  # nothing is there


def what_was_begun_outlives_a_host_that_comes_and_goes(case):
    """Drained, redirected again and drained again, with a payment under way: its end is waited for still."""
    case.keep(terminal(None, "127.0.0.1", 20009))
    path = case.good("127.0.0.1:20007", "127.0.0.1:20009")
    sh("sh", SCRIPT, "add", "drop", path)
    begun = connect("127.0.0.1", 20007)
    pay(begun)
    for _ in range(2):
        sh("sh", SCRIPT, "drain", "drop")
        sh("sh", SCRIPT, "add", "drop", path)
    sh("sh", SCRIPT, "drain", "drop")
    finish = case.keep(subprocess.Popen(["sh", SCRIPT, "finish", "drop"]))
    end = time.monotonic() + PATIENCE_S
    while not rests(finish):
        assert finish.poll() is None and time.monotonic() < end, "it does not wait"
        time.sleep(0.01)
    pay(begun)
    begun.close()


# A terminal that says something on its own when it is told to, and is told nothing by the POS.
CHATTY = """
import socket, sys
s = socket.create_server(('10.2.0.2', 20008))
print('up', flush=True)
c, who = s.accept()
c.recv(100)
print('heard', flush=True)
sys.stdin.readline()
c.sendall(b'please wait')
sys.stdin.readline()
"""


def a_terminal_that_only_tells_is_under_way(case):
    pos, real = wire(case)
    path = case.good("0.0.0.0:20007?allow=127.0.0.0/8+10.1.0.0/24", "10.2.0.2:20008")
    sh("sh", SCRIPT, "add", "drop", path)
    peer = case.keep(real.python(CHATTY))
    assert peer.stdout.readline() == b"up\n"
    with connect("127.0.0.1", 20007) as begun:
        begun.sendall(b"payment 12.99")
        assert peer.stdout.readline() == b"heard\n"
        sh("nft", "flush", "set", "inet", "laned_bypass_drop", "live")  # as three minutes do
        peer.stdin.write(b"\n")
        peer.stdin.flush()
        begun.settimeout(PATIENCE_S)
        assert begun.recv(100) == b"please wait"
        live = sh("nft", "list", "set", "inet", "laned_bypass_drop", "live").stdout
        assert str(begun.getsockname()[1]) in live, live


def what_cannot_be_set_up_redirects_nothing(case):
    """A redirect that leads nowhere would outlive the service that has failed."""
    case.keep(terminal(None, "127.0.0.1", 20009))
    nowhere = case.good("127.0.0.1:20007", "10.2.0.2:20009")
    read_only = ["unshare", "-m", "sh", "-c", 'mount -o bind,ro /proc/sys /proc/sys && exec sh "$@"', "sh"]
    if sh(*read_only, "-c", ":", ok=False).returncode != 0:
        print("  (not tried: nothing can be mounted here)")
        return
    done = sh(*read_only, SCRIPT, "add", "drop", nowhere, ok=False)
    assert done.returncode == 1 and "cannot be set" in done.stderr, done
    assert "laned_bypass" not in tables()
    sh("sh", SCRIPT, "add", "drop", case.good("127.0.0.1:20007", "127.0.0.1:20009"))
    with connect("127.0.0.1", 20007) as begun:
        pay(begun)
        nowhere = case.good("127.0.0.1:20007", "10.2.0.2:20009")
        assert sh(*read_only, SCRIPT, "add", "drop", nowhere, ok=False).returncode == 1
        assert sh("sh", SCRIPT, "status", "drop", ok=False).stdout == "drained\n"
        pay(begun)


def the_right_to_set_the_network_is_enough(case):
    if os.path.exists("/proc/self/uid_map"):
        with open("/proc/self/uid_map", encoding="ascii") as f:
            if int(f.read().split()[2]) < 65535:
                print("  (not tried with a user of its own: there is only one here)")
                return
    case.keep(terminal(None, "127.0.0.1", 20009))
    path = case.good("127.0.0.1:20007", "127.0.0.1:20009")
    shutil.copy(SCRIPT, os.path.join(case.dir, "laned-bypass"))
    for action in (["add", "drop", path], ["drain", "drop"], ["finish", "drop"], ["add", "drop", path]):
        sh("setpriv", *NOTHING, "sh", os.path.join(case.dir, "laned-bypass"), *action, cwd="/")
    with connect("127.0.0.1", 20007) as pos:
        pay(pos)


def wire(case):
    """A POS at 10.1.0.2, the lane (this namespace) between, a terminal at 10.2.0.2."""
    pos, real = case.keep(Space()), case.keep(Space())
    for space, net, name in ((pos, "10.1.0", "to-pos"), (real, "10.2.0", "to-terminal")):
        sh("ip", "link", "add", name, "type", "veth", "peer", "name", "lane", "netns", space.pid)
        sh("ip", "address", "add", net + ".1/24", "dev", name)
        sh("ip", "link", "set", name, "up")
        space.run("ip", "address", "add", net + ".2/24", "dev", "lane")
        space.run("ip", "link", "set", "lane", "up")
    return pos, real


POS = """
import socket, sys
try:
    c = socket.create_connection((sys.argv[1], 20007), 20)
    c.sendall(b'payment 12.99')
    print(c.recv(100).decode(), flush=True)
except OSError as e:
    print(type(e).__name__, flush=True)
"""


def ask(space, address):
    process = space.python(POS, address)
    said = process.communicate(timeout=60)[0].decode().strip()
    return said


def reaches(space, address, port):
    """With the patience of one lost packet."""
    process = space.python("import socket,sys\ntry:\n"
                           " socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.5)\n"
                           " print('yes')\nexcept OSError:\n print('no')\n", address, str(port))
    return process.communicate(timeout=60)[0] == b"yes\n"


def another_machines_pos_pays_at_another_machines_terminal(case):
    pos, real = wire(case)
    before = setting("ip_forward"), setting("conf/all/route_localnet")
    peer = case.keep(terminal(real, "10.2.0.2", 20008))
    path = case.good("0.0.0.0:20007?allow=127.0.0.0/8+10.1.0.0/24", "10.2.0.2:20008")
    assert ask(pos, "10.1.0.1") == "ConnectionRefusedError"
    sh("sh", SCRIPT, "add", "drop", path)
    assert ask(pos, "10.1.0.1") == "approved payment 12.99"
    assert peer.stdout.readline().strip() == b"10.2.0.1", "the terminal knows the lane only"
    with connect("127.0.0.1", 20007) as own:  # and a POS on the lane itself
        pay(own)
    # Nothing else: the POS reaches the terminal's net through the redirect only, although the lane
    # forwards by now; without the chain for that it would.
    pos.run("ip", "route", "add", "10.2.0.0/24", "via", "10.1.0.1")
    real.run("ip", "route", "add", "10.1.0.0/24", "via", "10.2.0.1")
    assert setting("ip_forward") == "1" and not reaches(pos, "10.2.0.2", 20008), "it is a router"
    sh("nft", "delete", "chain", "inet", "laned_bypass_drop", "forward")
    assert reaches(pos, "10.2.0.2", 20008), "this test shows nothing"
    assert 'iifname != "lo" ip daddr 127.0.0.0/8 drop' in tables(), "loopback is not guarded"
    sh("sh", SCRIPT, "remove", "drop")
    assert (setting("ip_forward"), setting("conf/all/route_localnet")) == before
    assert ask(pos, "10.1.0.1") == "ConnectionRefusedError"


def whose_connections_are_not_taken_are_not_redirected(case):
    pos, real = wire(case)
    case.keep(terminal(real, "10.2.0.2", 20008))
    sh("sh", SCRIPT, "add", "drop", case.good("0.0.0.0:20007?allow=10.9.0.0/16", "10.2.0.2:20008"))
    assert ask(pos, "10.1.0.1") == "ConnectionRefusedError"
    assert refused("127.0.0.1", 20007)
    sh("sh", SCRIPT, "add", "drop", case.good("10.1.0.1:20007", "10.2.0.2:20008"))
    assert ask(pos, "10.1.0.1") == "ConnectionRefusedError", "without allow: this machine's only"


def two_adapters_keep_out_of_each_others_way(case):
    case.keep(terminal(None, "127.0.0.1", 20009))
    case.keep(terminal(None, "127.0.0.1", 20019))
    sh("sh", SCRIPT, "add", "drop", case.good("127.0.0.1:20007", "127.0.0.1:20009"))
    sh("sh", SCRIPT, "add", "zvt-2", case.good("127.0.0.1:20017", "127.0.0.1:20019"))
    sh("sh", SCRIPT, "remove", "drop")
    assert refused("127.0.0.1", 20007)
    with connect("127.0.0.1", 20017) as pos:
        pay(pos)


GOOD = ("laned-endpoints = 1", "pos = tcp://127.0.0.1:20007", "terminal = tcp://10.2.0.2:20007",
        "framing = zvt")
BAD_POS = ("tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:20007 drop",
           "tcp://127.0.0.1:20007;reboot", "tcp://127.0.0.1", "tcp://127.0.0:20007",
           "tcp://127.0.0.256:20007", "tcp://1.2.3.4.5:20007", "tcp://01.2.3.4:20007",
           "tcp://[::1]:20007", "tls://127.0.0.1:20007", "serial:///dev/ttyS0", "unix:/x",
           "tcp://pos.example:20007", "tcp://127.0.0.1:20007?allow=", "tcp://127.0.0.1:020007",
           "tcp://127.0.0.1:20007?allow=10.0.0.0/33", "tcp://127.0.0.1:20007?allow=10.0.0.0/8+",
           "tcp://127.0.0.1:20007?allow=1.2.3.4 }; flush ruleset", "tcp://127.0.0.1:20007?name=x",
           "tcp://127.0.0.1:20007?allow=::/0", "tcp://$(reboot):20007", "tcp://`reboot`:1",
           "tcp://127.0.0.1:20007\ttcp dport 1", "tcp://127.0.0.1:9999999999999999999", "")
BAD_TERMINAL = ("tcp://127.0.0.1:20007", "tcp://10.2.0.2:20007?allow=10.0.0.0/8", "tcp://-x:1",
                "tcp://10.2.0.2:1 }", "tcp://{ 1.2.3.4 }:1", "tcp://no such:1", "tcp://:20007",
                "tls://10.2.0.2:20007", "tcp://no-such-terminal.invalid:20007", "tcp://x.:1",
                "tcp://10.2.0.2:-1", "tcp://10.2.0.2:+1", "tcp://10.2.0.2:1e3", "")


def what_an_adapter_may_have_written_is_checked(case):
    def must_refuse(text):
        path = case.endpoints(text)
        done = sh("sh", SCRIPT, "add", "drop", path, ok=False)
        assert done.returncode == 1 and done.stderr.startswith("laned-bypass: "), (text, done)
        assert "laned_bypass" not in tables(), text
    for i in range(3):
        must_refuse("\n".join(GOOD[:i] + GOOD[i + 1:]) + "\n")
        must_refuse("\n".join(GOOD + (GOOD[i],) if i else ("laned-endpoints = 2",) + GOOD[1:]))
    for bad in BAD_POS:
        must_refuse("\n".join((GOOD[0], "pos = " + bad) + GOOD[2:]))
    for bad in BAD_TERMINAL:
        must_refuse("\n".join(GOOD[:2] + ("terminal = " + bad, GOOD[3])))
    must_refuse("\n".join(GOOD) + "\nelement = x\n")
    must_refuse("\n".join(GOOD) + "\n" + "framing = x\n" * 100)
    must_refuse("")
    for name in ("", "A", "a b", "a;b", "../x", "-x", "x" * 33, "a.b", "$(x)"):
        done = sh("sh", SCRIPT, "add", name, case.endpoints("\n".join(GOOD)), ok=False)
        assert done.returncode == 1 and "laned_bypass" not in tables(), name
    assert sh("sh", SCRIPT, "add", "drop", case.dir + "/none", ok=False).returncode == 1
    assert sh("sh", SCRIPT, ok=False).returncode == 64
    assert sh("sh", SCRIPT, "make", "drop", ok=False).returncode == 64


def main():
    if sys.argv[1:] != ["--inside"]:
        enter()
    sh("ip", "link", "set", "lo", "up")
    sh("nft", "flush", "ruleset")
    failed = 0
    cases = (a_payment_to_the_dead_port_is_made_at_the_terminal,
             what_was_begun_ends_when_the_host_is_back, what_is_drained_ends_by_itself,
             what_was_begun_outlives_a_host_that_comes_and_goes,
             a_terminal_that_only_tells_is_under_way,
             what_cannot_be_set_up_redirects_nothing, the_right_to_set_the_network_is_enough,
             another_machines_pos_pays_at_another_machines_terminal,
             whose_connections_are_not_taken_are_not_redirected,
             two_adapters_keep_out_of_each_others_way, what_an_adapter_may_have_written_is_checked)
    for run in cases:
        case = Case()
        try:
            run(case)
            print("  " + run.__name__, flush=True)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
            failed += 1
            print("FAILED %s: %s: %s\n%s" % (run.__name__, type(e).__name__, e, tables()), flush=True)
        finally:
            case.end()
    print("%d cases, %d failed" % (len(cases), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
