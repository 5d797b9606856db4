"""Transports other than UDP over IPv4."""
import calls
from hairpin import phone_block
from peers import Phone
from suite import scenario
from worlds import NAT_A, PASSWORD, PLAIN_TRANSPORT, Two

TCP = """
[transport-tcp]
type=transport
protocol=tcp
bind=0.0.0.0
"""

PBX6 = "2001:db8:1::10"

UDP6 = """
[transport-udp6]
type=transport
protocol=udp
bind=[::]
"""


@scenario("tcp")
def tcp(lab):
    """A phone registered by TCP behind NAT is called over its connection."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TCP
                 + phone_block("scenario2", "6002"))
    phone, other = w.phone_a(transport="tcp"), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail", host=NAT_A)
    calls.short_call(other, phone, "6001", w.hairpin)
    calls.short_call(phone, other, "6002", w.hairpin)
    rang = [m for m in w.wan.messages(dst=NAT_A)
            if m.is_request and m.method == "INVITE"]
    assert rang and all(m.packet.proto == "tcp" for m in rang), "not by TCP"
    w.check_wires()


@scenario("ipv6")
def ipv6(lab):
    """A phone with IPv6 only registers and hears itself."""
    w = Two(lab, provider=False)
    w.pbx.ip("addr", "add", PBX6 + "/64", "dev", "eth0", "nodad")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + UDP6)
    node = lab.host("phone6", "2001:db8:1::20")
    phone = Phone(node, "a", "6001", PBX6, PASSWORD)
    phone.wait_registered()
    w.phones["phone6"] = phone
    calls.echo_call(phone, w.hairpin)
