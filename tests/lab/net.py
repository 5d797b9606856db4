"""Networks for the lab: namespaces, switches, NAT routers, a name server.

Nothing here touches the host's own network.  Every link is made between two
namespaces that this run created, and no namespace has a route out, so test
traffic cannot leave the machine.  All namespaces of a scenario share a name
prefix (hp<pid>-), which is how they are found again and removed.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Something in the lab itself did not work."""


def sh(*args, check=True, timeout=20, stdin=None):
    """Runs a command and returns its output (stdout and stderr together)."""
    done = subprocess.run(args, input=stdin, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=timeout)
    if check and done.returncode != 0:
        raise LabError("%s: exit %d: %s" % (" ".join(args), done.returncode,
                                            done.stdout.strip()))
    return done.stdout


def wait_for(test, seconds, what, every=0.1):
    """Calls test() until it gives something true; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError("waited %g s in vain: %s" % (seconds, what))
        time.sleep(every)


class Node:
    """One machine of the lab: a network namespace with its own hosts file."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.ns = "%s-%s" % (lab.prefix, name)
        self.etc = "/etc/netns/" + self.ns
        sh("ip", "netns", "add", self.ns)
        os.makedirs(self.etc, exist_ok=True)
        self.names({})
        self.nameserver(None)
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        return sh("ip", "-n", self.ns, *args)

    def run(self, *args, check=True, timeout=20, stdin=None):
        return sh("ip", "netns", "exec", self.ns, *args, check=check,
                  timeout=timeout, stdin=stdin)

    def sysctl(self, key, value):
        self.run("sysctl", "-q", "-w", "%s=%s" % (key, value))

    def names(self, table):
        """Writes the hosts file of this machine: {name: address}."""
        with open(self.etc + "/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")
            for name, address in table.items():
                f.write("%s %s\n" % (address, name))

    def nameserver(self, address):
        with open(self.etc + "/resolv.conf", "w") as f:
            if address:
                f.write("nameserver %s\n" % address)
            f.write("options timeout:1 attempts:2\n")

    def start(self, name, args, env=None, cwd=None):
        """Starts a program here; its output goes to a log of that name."""
        return self.lab.start(self, name, args, env, cwd)

    def socket(self, family, kind):
        """A socket that lives in this namespace, usable from this program."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + self.ns, os.O_RDONLY)
        try:
            _enter(there)
            try:
                return socket.socket(family, kind)
            finally:
                _enter(here)
        finally:
            os.close(here)
            os.close(there)

    def link(self, up, interface="eth0"):
        self.ip("link", "set", interface, "up" if up else "down")

    def pids(self):
        out = sh("ip", "netns", "pids", self.ns, check=False)
        return [int(word) for word in out.split() if word.isdigit()]


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise LabError("setns: " + os.strerror(ctypes.get_errno()))


class Switch:
    """A bridge inside a node; other nodes are plugged into it."""

    def __init__(self, node, bridge, addresses=()):
        self.node = node
        self.bridge = bridge
        self.ports = 0
        # A bridge without an address of its own takes over that of a port, and
        # changes it when ports come: its neighbours would lose it for seconds.
        node.ip("link", "add", "name", bridge, "address", "02:00:00:00:00:01",
                "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        for address in addresses:
            node.ip("addr", "add", address, "dev", bridge)
        node.ip("link", "set", bridge, "up")

    def plug(self, node, addresses, interface="eth0", routes=(), gateway=None):
        """Connects a node; addresses carry their prefix length."""
        self.ports += 1
        port = "%s%d" % (self.bridge, self.ports)
        sh("ip", "link", "add", "name", interface, "netns", node.ns, "type", "veth",
           "peer", "name", port, "netns", self.node.ns)
        self.node.ip("link", "set", port, "master", self.bridge, "up")
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            node.ip("addr", "add", address, "dev", interface, *extra)
        node.ip("link", "set", interface, "up")
        for route in routes:
            node.ip("route", "add", route, "dev", interface)
        if gateway:
            node.ip("route", "add", "default", "via", gateway)


class Router(Node):
    """A NAT router: `wan` on the outside, the switch `lan` on the inside.

    ports="random"  every outgoing UDP or TCP flow gets a new port 40000-49999
    ports="keep"    the inner port is kept where it is free
    forward=ADDR    SIP 5060 and RTP 10000-20000 from outside go to ADDR
    outer           (switch, gateway): its outside, when that is not the internet
    """

    RULES = """
table ip nat {
    chain pre {
        type nat hook prerouting priority -100;
        %(dnat)s
    }
    chain post {
        type nat hook postrouting priority 100;
        oifname "wan" meta l4proto { tcp, udp } masquerade %(how)s
        oifname "wan" masquerade
    }
}
table ip filter {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "lan" accept
        iifname "wan" ct status dnat accept
    }
    chain input {
        type filter hook input priority 0; policy accept;
        iifname "wan" ct state new,invalid %(closed)s
    }
}
"""

    def __init__(self, lab, name, wan_address, lan_address, ports="random",
                 forward=None, closed="drop", outer=None):
        super().__init__(lab, name)
        self.wan_address = wan_address.split("/")[0]
        self.lan_gateway = lan_address.split("/")[0]
        self.sysctl("net.ipv4.ip_forward", 1)
        if outer:
            outer[0].plug(self, [wan_address], "wan", gateway=outer[1])
        else:
            lab.wan.plug(self, [wan_address], "wan", lab.wan_routes(wan_address))
        self.lan = Switch(self, "lan", [lan_address])
        self.lan_prefix = lan_address.split("/")[1]
        self.rules(ports, forward, closed)

    def rules(self, ports, forward=None, closed="drop"):
        dnat = ""
        if forward:
            dnat = ('iifname "wan" meta l4proto { tcp, udp } '
                    "th dport { 5060, 10000-20000 } dnat to " + forward)
        how = "to :40000-49999 fully-random" if ports == "random" else ""
        text = self.RULES % {"dnat": dnat, "how": how, "closed": closed}
        self.run("nft", "flush", "ruleset")
        self.run("nft", "-f", "-", stdin=text)

    def udp_timeouts(self, new, stream):
        """After so many seconds without traffic a UDP mapping is forgotten."""
        self.sysctl("net.netfilter.nf_conntrack_udp_timeout", new)
        self.sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", stream)

    def restart(self):
        """Forgets all mappings, as a router that lost its power does."""
        self.run("conntrack", "-F")

    GONE = """
table ip gone {
    chain out {
        type filter hook postrouting priority 200;
        oifname "wan" ip saddr %(old)s drop
    }
    chain in {
        type filter hook prerouting priority -400;
        iifname "wan" ip daddr %(old)s drop
    }
}
"""

    def move(self, wan_address):
        """The provider's DHCP gives another address; the old one is routed to
        somebody else, and nothing gets out with it."""
        old, self.wan_address = self.wan_address, wan_address
        self.ip("addr", "del", old + "/24", "dev", "wan")
        self.ip("addr", "add", wan_address + "/24", "dev", "wan")
        for route in self.lab.wan_routes(wan_address):
            self.ip("route", "replace", route, "dev", "wan")
        self.run("nft", "-f", "-", stdin=self.GONE % {"old": old})
        self.restart()

    def host(self, name, address):
        node = Node(self.lab, name)
        self.lan.plug(node, ["%s/%s" % (address, self.lan_prefix)],
                      gateway=self.lan_gateway)
        node.address = address
        node.nameserver(Lab.DNS)
        return node


class Lab:
    """Everything one scenario has: the internet, nodes, programs, files."""

    WAN = ("198.51.100.0/24", "203.0.113.0/24", "192.0.1.0/24")
    DNS = "203.0.113.53"

    def __init__(self, name, out):
        self.name = name
        self.out = out
        self.prefix = "hp%d" % os.getpid()
        self.nodes = {}
        self.programs = []
        self.closing = []
        internet = self._add(Node(self, "wan"))
        self.wan = Switch(internet, "sw", [self.DNS + "/24"])
        for net in self.wan_routes(self.DNS):
            internet.ip("route", "add", net, "dev", "sw")

    def _add(self, node):
        self.nodes[node.name] = node
        return node

    def wan_routes(self, address):
        """The rest of the internet is on the same wire; no default route."""
        mine = address.rsplit(".", 1)[0]
        return [net for net in self.WAN if not net.startswith(mine + ".")]

    def host(self, name, *addresses):
        """A machine with public addresses."""
        node = self._add(Node(self, name))
        v4 = [a for a in addresses if ":" not in a]
        routes = self.wan_routes(v4[0]) if v4 else []
        length = {True: "/64", False: "/24"}
        self.wan.plug(node, [a + length[":" in a] for a in addresses],
                      routes=routes)
        node.address = addresses[0]
        node.nameserver(self.DNS)
        return node

    def router(self, name, wan_address, lan_address, **options):
        return self._add(Router(self, name, wan_address + "/24",
                                lan_address + "/24", **options))

    def behind(self, router, name, address):
        return self._add(router.host(name, address))

    def path(self, *names):
        return os.path.join(self.out, *names)

    def start(self, node, name, args, env=None, cwd=None):
        program = Program(node, name, args, self.path(name + ".log"), env, cwd)
        self.programs.append(program)
        return program

    def name_server(self, gw1="203.0.113.1", gw2="203.0.113.2", records=()):
        """A, SRV and NAPTR records of the two gateways; `records`: more, in dnsmasq's words."""
        args = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
                "--log-facility=-", "--listen-address=" + self.DNS,
                "--bind-interfaces", "--local=/#/"]
        for name, address in (("gw1", gw1), ("gw2", gw2)):
            full = name + ".example.com"
            args += ["--host-record=%s,%s" % (full, address),
                     "--srv-host=_sip._udp.%s,%s,5060" % (full, full),
                     "--naptr-record=%s,10,10,s,SIP+D2U,,_sip._udp.%s"
                     % (full, full)]
        return self.nodes["wan"].start("dnsmasq", args + list(records))

    def close(self):
        """Ends all programs of this lab, then removes its namespaces."""
        for action in self.closing:
            action()
        for program in reversed(self.programs):
            program.stop(kill_after=1.5)
        remove_namespaces(namespaces_with(self.prefix))
        self.nodes = {}


def remove_namespaces(names):
    for ns in names:
        out = sh("ip", "netns", "pids", ns, check=False)
        for word in out.split():
            if word.isdigit():
                _kill(int(word), signal.SIGKILL)
        sh("ip", "netns", "del", ns, check=False)
        shutil.rmtree("/etc/netns/" + ns, ignore_errors=True)


def namespaces_with(prefix):
    out = sh("ip", "netns", "list", check=False)
    names = [line.split()[0] for line in out.splitlines() if line.strip()]
    return [name for name in names if name.startswith(prefix + "-")]


def _kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Program:
    """A program running in a node, with its output in a log file."""

    def __init__(self, node, name, args, log, env=None, cwd=None):
        self.node = node
        self.name = name
        self.log = log
        full = dict(os.environ, **(env or {}))
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", node.ns] + list(args), stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=full,
                cwd=cwd, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.alive():
            _kill(self.pid, number)

    def stop(self, kill_after=3.0):
        """TERM, then KILL; returns the exit status."""
        if self.alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(kill_after)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
        return self.process.wait(5)

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def wait_output(self, word, seconds=5):
        def there():
            if not self.alive():
                raise LabError("%s ended with status %s; see %s" % (
                    self.name, self.process.returncode, self.log))
            return word in self.text()
        wait_for(there, seconds, "%r in the output of %s" % (word, self.name))
