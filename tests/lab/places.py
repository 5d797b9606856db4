"""The places of the NAT matrix, built of namespaces: where the server is, where the phones are, who the provider is.

Names, numbers and addresses are those of the matrix (docs/nat-matrix.md), so that its configurations serve here.
"""
import os

import hairpin
import provider
from net import Node, Switch
from peers import Phone
from stun import stun_server

EXTERNAL, LAN, SERVER_V6 = "198.51.100.5", "192.168.1.", "2001:db8:1::10"
HOMES = ("203.0.113.77", "203.0.113.88")
PASSWORD = "your_password"
LINK = "10.20.0."

ALL_PORTS = """
table ip everyport {
    chain pre {
        type nat hook prerouting priority -101;
        iifname "wan" meta l4proto { tcp, udp } dnat to %s
    }
}
"""

# Each destination gets the same inner port as another port.
BY_ADDRESS = """
table ip byaddress {
    chain post {
        type nat hook postrouting priority 99;
        oifname "wan" ip daddr 198.51.100.0/24 udp sport 1-65535 masquerade to :41000-41999
        oifname "wan" ip daddr 203.0.113.10 udp sport 1-65535 masquerade to :42000-42999
    }
}
"""

# The kernel's own ALG: it rewrites addresses inside SIP as it translates them outside.
SIP_ALG = """
table ip alg {
    ct helper sip {
        type "sip" protocol udp;
    }
    chain pre {
        type filter hook prerouting priority -150;
        iifname "lan" udp dport 5060 ct helper set "sip"
    }
}
"""

TAYGA = """
tun-device nat64
ipv4-addr 192.0.0.%d
ipv6-addr 2001:db8:464::%d
prefix 2001:db8:6464::/96
data-dir %s
map 192.0.0.4 2001:db8:464::4
"""


def router(lab, name, address, inside, **options):
    return lab.router(name, address, inside, **options)


# --- the server --------------------------------------------------------------

class Ground:
    """A lab with the server of a cell; phones and the provider come when they are asked for."""

    def __init__(self, lab, where):
        self.lab, self.where = lab, where
        self.near = None            # the router whose LAN the server is in
        self.routers = []
        lab.name_server()
        getattr(self, "at_" + where.replace("-", "_"))()

    def at_public(self):
        self.pbx = self.lab.host("pbx", EXTERNAL)
        self.pbx.ip("addr", "add", SERVER_V6 + "/64", "dev", "eth0", "nodad")

    def _behind(self, inside="192.168.1.", last=10, **options):
        self.near = router(self.lab, "near", EXTERNAL, inside + "1", ports="keep", **options)
        self.pbx = self.lab.behind(self.near, "pbx", inside + str(last))

    def at_behind_router(self):
        self._behind(forward=LAN + "10")

    def at_behind_closed_router(self):
        self._behind()

    def at_cloud(self):
        self._behind()
        self.near.run("nft", "-f", "-", stdin=ALL_PORTS % (LAN + "10"))

    def at_container(self):
        self._behind("172.17.0.", 2, forward="172.17.0.2")

    def at_cgnat(self):
        carrier = router(self.lab, "carrier", EXTERNAL, "100.64.7.1", ports="random")
        self.near = router(self.lab, "near", "100.64.7.7", "192.168.1.1", ports="keep", forward=LAN + "10",
                           outer=(carrier.lan, "100.64.7.1"))
        self.pbx = self.lab.behind(self.near, "pbx", LAN + "10")

    def at_two_uplinks(self):
        self.at_behind_router()
        self.link = Switch(self.lab._add(Node(self.lab, "link")), "sw")
        self.link.plug(self.pbx, [LINK + "10/24"], "eth1")
        self.pbx.names({"gw1.example.com": LINK + "1"})

    def start(self, conf):
        with open(os.path.join(conf, "pjsip.conf")) as f:
            if "=auto" in f.read():
                stun_server(self.lab)
        self.hairpin = hairpin.Hairpin(self.pbx, conf)

    # --- phones --------------------------------------------------------------

    def dial_address(self, party):
        if party == "ipv6":
            return SERVER_V6
        return self.pbx.address if party == "lan" else EXTERNAL

    def home(self, party, second):
        """The router of a phone's network; two in one kind of shared network share it."""
        name, address = ("home2" if second else "home"), HOMES[second]
        if party == "double-nat":
            isp = router(self.lab, "isp2" if second else "isp", address, "100.64.9.1")
            r = router(self.lab, name, "100.64.9.9", "192.168.1.1", outer=(isp.lan, "100.64.9.1"))
            self.routers.append(isp)
        else:
            r = router(self.lab, name, address, "192.168.1.1",
                       ports="random" if party in ("symmetric", "sip-alg") else "keep")
        if party == "address-nat":
            r.run("nft", "-f", "-", stdin=BY_ADDRESS)
        if party == "sip-alg":
            r.run("nft", "-f", "-", stdin=SIP_ALG)
        self.routers.append(r)
        return r

    def node_in(self, party, second, shared):
        name = "phoneb" if second else "phone"
        if party == "lan":
            if self.near is None:
                return self.lab.host(name, "198.51.100.2%d" % second)
            return self.lab.behind(self.near, name, self.near.lan_gateway[:-1] + "2%d" % second)
        if party == "public":
            return self.lab.host(name, "203.0.113.6%d" % second)
        if party == "ipv6":
            return self.lab.host(name, "2001:db8:1::2%d" % second)
        if party == "464xlat":
            return self.handset(name, second)
        r = self.routers[0] if shared else self.home(party, second)
        return self.lab.behind(r, name, LAN + ("21" if shared else "20"))

    def handset(self, name, second):
        """IPv4 through two translators, with nothing but IPv6 between them."""
        suffix = "2" if second else ""
        plat = router(self.lab, "plat" + suffix, HOMES[second], "192.0.0.1")
        clat = self.lab._add(Node(self.lab, "clat" + suffix))
        access = Switch(self.lab._add(Node(self.lab, "access" + suffix)), "sw")
        phone = self.lab._add(Node(self.lab, name))
        local = Switch(clat, "lan", ["192.0.0.3/29"])
        access.plug(plat, ["2001:db8:64::1/64"], "access")
        access.plug(clat, ["2001:db8:64::2/64"], "access")
        local.plug(phone, ["192.0.0.4/29"], gateway="192.0.0.3")
        for node, last in ((plat, 6), (clat, 2)):
            self.translator(node, last)
        clat.ip("route", "add", "default", "dev", "nat64")
        clat.ip("-6", "route", "add", "2001:db8:6464::/96", "via", "2001:db8:64::1")
        clat.ip("-6", "route", "add", "2001:db8:464::4", "dev", "nat64")
        plat.ip("route", "del", "192.0.0.0/24", "dev", "lan")
        plat.ip("route", "add", "192.0.0.4", "dev", "nat64")
        plat.ip("-6", "route", "add", "2001:db8:6464::/96", "dev", "nat64")
        plat.ip("-6", "route", "add", "2001:db8:464::4", "via", "2001:db8:64::2")
        plat.run("nft", "add", "rule", "ip", "filter", "forward", "iifname", "nat64", "accept")
        self.routers.append(plat)
        phone.address = "192.0.0.4"
        return phone

    def translator(self, node, last):
        state = self.lab.path("tayga-" + node.name)
        os.makedirs(state, exist_ok=True)
        conf = state + "/tayga.conf"
        with open(conf, "w") as f:
            f.write(TAYGA % (last, last + 100, state))
        node.run("tayga", "-c", conf, "--mktun")
        node.ip("link", "set", "nat64", "up")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            node.sysctl(key, 1)
        node.start("tayga-" + node.name, ["tayga", "-c", conf, "-d"])

    def phone(self, party, transport, second=False, shared=False, answer="auto"):
        node = self.node_in(party, second, shared)
        return Phone(node, "c" if second else "a", "6002" if second else "6001", self.dial_address(party), PASSWORD,
                     transport=transport, answer=answer)

    # --- the provider --------------------------------------------------------

    def host(self, name, public, link):
        """A machine of the provider: on the second link, where there is one."""
        if self.where != "two-uplinks":
            return self.lab.host(name, public)
        node = self.lab._add(Node(self.lab, name))
        self.link.plug(node, [LINK + str(link) + "/24"])
        node.address = LINK + str(link)
        return node

    def provider_address(self):
        return LINK + "1" if self.where == "two-uplinks" else provider.GW1

    def kamailio(self, answer):
        """It believes Contact and SDP."""
        self.provider = provider.Provider(self.lab, place=self.host)
        return Phone(self.host("pstn", provider.PSTN, 20), "b", provider.NUMBER, answer=answer)

    def sbc(self, answer):
        """It answers to where packets come from: another hairpin, with the options that say so."""
        node = self.host("itsp", provider.GW1, 1)
        folder = self.lab.path("sbc")
        os.makedirs(folder, exist_ok=True)
        for name, text in (("pjsip.conf", SBC), ("extensions.conf", SBC_EXTEN)):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        node.start("sbc", [hairpin.BINARY, "--conf", folder, "--run", folder, "--state", folder])
        phone = Phone(self.host("pstn", provider.PSTN, 20), "b", provider.NUMBER, node.address, PASSWORD, answer=answer)
        phone.wait_registered()
        return phone


SBC = """
[udp]
type=transport
protocol=udp
bind=0.0.0.0

[tcp]
type=transport
protocol=tcp
bind=0.0.0.0

[1112223333]
type=endpoint
context=customer
allow=!all,ulaw
auth=1112223333
aors=1112223333
rtp_symmetric=yes
rewrite_contact=yes

[1112223333]
type=auth
username=1112223333
password=your_password
realm=gw1.example.com

[1112223333]
type=aor
max_contacts=1
remove_existing=yes

[customer]
type=identify
endpoint=1112223333
match=198.51.100.5
match=10.20.0.10

[12125550123]
type=endpoint
context=subscriber
allow=!all,ulaw
auth=12125550123
aors=12125550123

[12125550123]
type=auth
username=12125550123
password=your_password

[12125550123]
type=aor
max_contacts=1
"""

SBC_EXTEN = """
[customer]
exten => _X.,1,Dial(PJSIP/12125550123,60)
[subscriber]
exten => _X.,1,Dial(PJSIP/1112223333,60)
"""
