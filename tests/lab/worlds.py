"""The guide's networks, with hairpin and its phones in place.

Addresses are the guide's: PBX 192.0.2.10 behind 198.51.100.5 (scenario 1 and
double NAT) or public at 203.0.113.10 (scenario 2); phones at 192.0.2.20.
"""
import os

import capture
import hairpin
from peers import Phone
from provider import Provider, pstn_phone

ROUTER, LAN = "198.51.100.5", "192.0.2."
PBX, PBX_PUBLIC = "192.0.2.10", "203.0.113.10"
NAT_A, NAT_B = "203.0.113.77", "203.0.113.88"
PASSWORD = "your_password"

PLAIN_TRANSPORT = """
[transport-udp]
type=transport
protocol=udp
bind=0.0.0.0
"""

# Scenario 2 of the guide has no provider; this is scenario 1's without NAT.
TRUNK = """
[sipus_reg]
type=registration
transport=transport-udp
outbound_auth=sipus_auth
server_uri=sip:gw1.example.com
client_uri=sip:1112223333@gw1.example.com
contact_user=19998887777
retry_interval=60
max_random_initial_delay=1

[sipus_auth]
type=auth
auth_type=userpass
password=your_password
username=1112223333
realm=gw1.example.com

[sipus_endpoint]
type=endpoint
transport=transport-udp
context=from-external
disallow=all
allow=ulaw
outbound_auth=sipus_auth
aors=sipus_aor
direct_media=no
from_domain=gw1.example.com

[sipus_aor]
type=aor
contact=sip:gw1.example.com
contact=sip:gw2.example.com

[sipus_identify]
type=identify
endpoint=sipus_endpoint
match=203.0.113.1
match=203.0.113.2
"""


class World:
    """A lab with the internet, the provider, one hairpin, and phones."""

    guide = None

    def __init__(self, lab, provider=True, records=()):
        self.lab = lab
        self.phones = {}
        lab.name_server(records=records)
        if provider:
            self.provider = Provider(lab)
            self.pstn = pstn_phone(lab)
        self.wan = capture.Capture(lab.nodes["wan"], "sw", "wan")
        lab.closing.append(self.save)
        self.place()

    def hairpin_in(self, node, extra="", change=None, files=None, wrap=(), without=()):
        conf = hairpin.make_conf(self.lab, self.guide, extra, change, files)
        for name in without:
            os.remove(os.path.join(conf, name))
        self.hairpin = hairpin.Hairpin(node, conf, wrap=wrap)

    def phone(self, node, tone, user="6001", **options):
        phone = Phone(node, tone, user, self.server, PASSWORD, **options)
        phone.wait_registered()
        self.phones[phone.name] = phone
        return phone

    def save(self):
        for phone in self.phones.values():
            phone.save_ears()
        if hasattr(self, "pstn"):
            self.pstn.save_ears()


class One(World):
    """Scenario 1: PBX and phones behind one router with port forwards."""

    guide, server = "scenario1", PBX

    def place(self):
        self.router = self.lab.router("router", ROUTER, "192.0.2.1",
                                      ports="keep", forward=PBX)
        self.pbx = self.lab.behind(self.router, "pbx", PBX)
        self.lan = capture.Capture(self.router, "lan", "lan")

    def phone_a(self, **options):
        node = self.lab.behind(self.router, "phone", "192.0.2.20")
        return self.phone(node, "a", **options)

    def phone_b(self, **options):
        node = self.lab.behind(self.router, "phoneb", "192.0.2.21")
        return self.phone(node, "c", "6002", **options)

    def check_wires(self):
        """Outside nothing private, inside nothing external."""
        capture.check_outside(self.wan.messages(src=ROUTER), LAN, ROUTER)
        for phone in self.phones.values():
            address = phone.node.address
            capture.check_inside(self.lan.messages(dst=address), ROUTER)


class Two(World):
    """Scenario 2: the PBX is public, each phone is behind a NAT of its own."""

    guide, server = "scenario2", PBX_PUBLIC

    def place(self):
        self.pbx = self.lab.host("pbx", PBX_PUBLIC)

    def nat(self, name, address, **options):
        return self.lab.router(name, address, "192.0.2.1", **options)

    def phone_a(self, **options):
        self.nat_a = self.nat("nata", NAT_A)
        node = self.lab.behind(self.nat_a, "phone", "192.0.2.20")
        return self.phone(node, "a", **options)

    def phone_b(self, **options):
        self.nat_b = self.nat("natb", NAT_B)
        node = self.lab.behind(self.nat_b, "phoneb", "192.0.2.20")
        return self.phone(node, "c", "6002", **options)

    def check_wires(self):
        capture.check_public(self.wan.messages(src=PBX_PUBLIC), LAN)


class Double(Two):
    """Both: the PBX behind a router, the phones behind other ones.

    All three private networks have the same numbers, which is the hard case.
    """

    guide, server = "double", ROUTER

    def place(self):
        self.router = self.lab.router("router", ROUTER, "192.0.2.1",
                                      ports="keep", forward=PBX)
        self.pbx = self.lab.behind(self.router, "pbx", PBX)

    def check_wires(self):
        capture.check_public(self.wan.messages(src=ROUTER), LAN)
