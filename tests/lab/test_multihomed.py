"""A host with a second network (a VPN) that local_net does not name: each phone is told the address that it can reach."""
import calls
import capture
from hairpin import phone_block
from net import Node, Switch
from peers import Phone
from suite import scenario
from worlds import PASSWORD, ROUTER, One

VPN, VPN_PHONE = "10.8.0.1", "10.8.0.21"


def world(lab, files=None):
    w = One(lab, provider=False)
    vpn = Switch(lab._add(Node(lab, "vpn")), "sv")
    vpn.plug(w.pbx, [VPN + "/24"], "tun0")
    node = lab._add(Node(lab, "roadwarrior"))
    vpn.plug(node, [VPN_PHONE + "/24"], gateway=VPN)
    node.address = VPN_PHONE
    w.tunnel = capture.Capture(vpn.node, "sv", "vpn")
    w.hairpin_in(w.pbx, phone_block("scenario1", "6002"), files=files)
    phone = Phone(node, "c", "6002", VPN, PASSWORD)
    phone.wait_registered()
    w.phones[phone.name] = phone
    return w, w.phone_a(), phone


def told(w):
    """What the phone on the VPN reads of hairpin's addresses."""
    return [m for m in w.tunnel.messages(dst=VPN_PHONE) if ROUTER in m.text]


@scenario("multihomed.vpn")
def vpn(lab):
    w, lan, road = world(lab)
    calls.short_call(road, lan, "6001", w.hairpin)
    calls.short_call(lan, road, "6002", w.hairpin)
    assert w.tunnel.messages(dst=VPN_PHONE) and not told(w), "the VPN is told the address outside"


@scenario("multihomed.asterisk")
def asterisk(lab):
    """compat=asterisk: the phone on the VPN is told the public address as our Contact; its ACK goes there."""
    w, _, road = world(lab, {"hairpin.conf": "[general]\ncompat=asterisk\n"})
    since = road.dial("6001")
    road.wait("CALL_ESTABLISHED", since, 10)
    assert any(ROUTER in value for m in told(w) for value in m.values("Contact")), "the VPN is told an address of its own"
