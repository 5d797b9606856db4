"""miniupnpd in a router: it opens ports for its LAN by PCP, NAT-PMP, UPnP."""
import re
import select
import socket
import threading
import time

from net import wait_for

# It refuses the documentation's networks as addresses outside; this one is
# nobody's, and miniupnpd knows no better.
OPENER = "192.0.1.5"

TABLE = """
table inet miniupnpd {
    chain forward {
        type filter hook forward priority -5; policy accept;
        jump miniupnpd
    }
    chain pre {
        type nat hook prerouting priority -105;
        jump prerouting_miniupnpd
    }
    chain post {
        type nat hook postrouting priority 95;
        jump postrouting_miniupnpd
    }
    chain miniupnpd {
    }
    chain prerouting_miniupnpd {
    }
    chain postrouting_miniupnpd {
    }
}
"""

CONF = """
ext_ifname=wan
listening_ip=lan
http_port=5000
enable_upnp=%(upnp)s
enable_natpmp=%(pmp)s
secure_mode=yes
system_uptime=no
min_lifetime=60
max_lifetime=86400
lease_file=%(leases)s
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
uuid=11111111-2222-3333-4444-555555555555
allow 1024-65535 192.0.2.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


class Opener:
    """`speaks`: pcp (and NAT-PMP), upnp."""

    def __init__(self, lab, router, speaks):
        self.lab, self.router = lab, router
        self.conf = lab.path("miniupnpd.conf")
        with open(self.conf, "w") as f:
            f.write(CONF % {"upnp": "yes" if speaks == "upnp" else "no",
                            "pmp": "no" if speaks == "upnp" else "yes",
                            "leases": lab.path("miniupnpd.leases")})
        router.run("nft", "-f", "-", stdin=TABLE)
        self.start()

    def start(self):
        self.program = self.router.start("miniupnpd", [
            "miniupnpd", "-d", "-f", self.conf,
            "-P", self.lab.path("miniupnpd.pid")])
        wait_for(lambda: self.router.run("ss", "-Hlun"), 5,
                 "miniupnpd listens")

    def ports(self):
        """The ports outside that lead to somebody inside."""
        found = set()
        for line in self.router.run(
                "nft", "list", "chain", "inet", "miniupnpd",
                "prerouting_miniupnpd").splitlines():
            words = line.split()
            if "dnat" in words:
                at = words.index("dport")
                found.add(int(words[at + 1]))
        return found

    def restart(self):
        """The router loses its power: no mapping, no lease is left."""
        self.program.stop()
        for chain in ("miniupnpd", "prerouting_miniupnpd",
                      "postrouting_miniupnpd"):
            self.router.run("nft", "flush", "chain", "inet", "miniupnpd", chain)
        open(self.lab.path("miniupnpd.leases"), "w").close()
        self.router.restart()
        time.sleep(1)
        self.start()


class Stuck:
    """Something on the LAN that says to be such a router, and describes itself a byte a second, for ever."""
    HERE, SSDP = "192.0.2.1", "239.255.255.250"

    def __init__(self, router):
        self.ssdp = router.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ssdp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.ssdp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             socket.inet_aton(self.SSDP) + socket.inet_aton(self.HERE))
        self.ssdp.bind(("", 1900))
        self.web = router.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.web.bind((self.HERE, 0))
        self.web.listen()
        self.asked = []
        self.over = False
        router.lab.closing.append(self.stop)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over:
            ready = select.select([self.ssdp, self.web], [], [], 1)[0]
            if self.ssdp in ready:
                self._found()
            if self.web in ready:
                self.asked.append(self.web.accept()[0])
                self.asked[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 60000\r\n\r\n<")
            if not ready:
                for client in self.asked:
                    self._drip(client)

    def _found(self):
        question, source = self.ssdp.recvfrom(2048)
        what = re.search(rb"(?mi)^ST:\s*(\S+)", question)
        if question.startswith(b"M-SEARCH") and what:
            self.ssdp.sendto(b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nST: %s\r\nUSN: uuid:stuck\r\n"
                             b"EXT:\r\nSERVER: stuck\r\nLOCATION: http://%s:%d/\r\nContent-Length: 0\r\n\r\n"
                             % (what[1], self.HERE.encode(), self.web.getsockname()[1]), source)

    @staticmethod
    def _drip(client):
        try:
            client.sendall(b" ")
        except OSError:
            pass

    def stop(self):
        self.over = True
        self.thread.join(3)
        for s in [self.ssdp, self.web] + self.asked:
            s.close()
