"""miniupnpd in a router: it opens ports for its LAN by PCP, NAT-PMP, UPnP."""
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
