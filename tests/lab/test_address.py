"""The router's address changes in mid-call: automatic mode follows it."""
import time

import calls
import capture
from net import wait_for
from provider import FROM_OUTSIDE, NUMBER
from stun import STUN, stun_server
from suite import scenario
from worlds import LAN, One, PBX_PUBLIC, PLAIN_TRANSPORT, ROUTER, TRUNK, Two

MOVED, OWN_NEW = "198.51.100.77", "203.0.113.11"


def automatic(how):
    """The guide's text with both external_* options set to `how`."""
    def change(text):
        for option in ("external_media_address", "external_signaling_address"):
            text = text.replace("%s=%s" % (option, ROUTER),
                                "%s=%s" % (option, how))
        return text
    return change


def bindings(w, address=MOVED):
    """The Contacts that the provider listed in its last 200 to REGISTER."""
    listed = [m.values("Contact") for m in w.wan.messages(dst=address)
              if not m.is_request and m.status == 200
              and "REGISTER" in m.values("CSeq")[0]]
    return listed[-1] if listed else []


def move_in_call(w, within):
    """A call is up, the address changes; audio is back both ways in time."""
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    w.router.move(MOVED)
    moved = time.monotonic()
    one, two = phone.mark(), w.pstn.mark()
    phone.wait_tone(w.pstn.frequency, one, 0.2, within)
    w.pstn.wait_tone(phone.frequency, two, 0.2, within)
    print("audio is back after %.1f s" % (time.monotonic() - moved))
    calls.hear_each_other(phone, w.pstn)
    wait_for(lambda: bindings(w) and all(MOVED in c for c in bindings(w)), 10,
             "the provider knows the new address alone")
    assert len(bindings(w)) == 1, bindings(w)
    gone = [m for m in w.wan.messages(src=MOVED)
            if m.is_request and m.method == "REGISTER"
            and ROUTER in m.values("Contact")[0]]
    assert gone and all("expires=0" in m.values("Contact")[0] for m in gone), \
        "the old binding is removed"
    told = [m for m in w.wan.messages(src=MOVED) if m.sdp()]
    assert told and all("c=IN IP4 " + MOVED in m.sdp() for m in told), "SDP"
    assert all(LAN not in m.sdp() for m in told), "private address in SDP"
    calls.end(w.pstn, phone, (marks[1], marks[0]))
    w.hairpin.wait_idle()


@scenario("address.stun")
def stun(lab):
    """STUN from the SIP socket finds the address, and finds the new one."""
    w = One(lab)
    stun_server(lab)
    w.hairpin_in(w.pbx, change=automatic("stun:" + STUN))
    # What is measured is seconds on a loaded machine; the aim is 3.
    move_in_call(w, 6)


@scenario("address.responses")
def responses(lab):
    """Without STUN the provider's responses tell; qualify asks every 2 s."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: automatic("auto")(text).replace(
        "contact=sip:gw2.example.com", "qualify_frequency=2"))
    move_in_call(w, 8)


@scenario("address.literal")
def literal(lab):
    """A literal is kept: the provider's audio is lost, and hairpin says why."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "contact=sip:gw2.example.com", "qualify_frequency=2"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    w.router.move(MOVED)
    time.sleep(1)
    calls.silent(phone, w.pstn.frequency, phone.mark(), 2)
    w.hairpin.program.wait_output(
        "external_media_address is %s, but 203.0.113.1:5060 sees us at %s"
        % (ROUTER, MOVED), 10)


ECHO = """
[from-external]
exten => 19998887777,1,Answer()
 same => n,Echo()
"""


@scenario("address.own")
def own(lab):
    """hairpin's own address changes: the kernel says so, and all follows."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK,
                 files={"extensions.conf": ECHO})
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    since = w.pstn.dial(FROM_OUTSIDE)
    w.pstn.wait("CALL_ESTABLISHED", since, 10)
    w.pstn.wait_tone(w.pstn.frequency, since, 1.0)
    w.pbx.ip("addr", "del", PBX_PUBLIC + "/24", "dev", "eth0")
    w.pbx.ip("addr", "add", OWN_NEW + "/24", "dev", "eth0")
    for route in lab.wan_routes(OWN_NEW):
        w.pbx.ip("route", "replace", route, "dev", "eth0")
    w.pstn.wait_tone(w.pstn.frequency, w.pstn.mark(), 1.0, 8)
    wait_for(lambda: bindings(w, OWN_NEW) and all(
        OWN_NEW in c for c in bindings(w, OWN_NEW)), 10,
        "the provider knows the new address alone")
    w.pstn.hangup()
    w.hairpin.wait_idle()


@scenario("address.no-forward", timeout=120)
def no_forward(lab):
    """A router that forwards nothing and forgets in 10 s: calls in and out."""
    w = One(lab)
    w.router.rules("keep")
    w.router.udp_timeouts(10, 30)
    w.hairpin_in(w.pbx, change=automatic("auto"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    calls.short_call(phone, w.pstn, NUMBER, w.hairpin)
    time.sleep(35)
    calls.short_call(w.pstn, phone, FROM_OUTSIDE, w.hairpin)
    # The very first request goes before anybody has told the address.
    capture.check_outside(w.wan.messages(src=ROUTER)[1:], LAN, ROUTER)


def measured(lab, ports, mapping):
    """What a STUN server with two addresses (RFC 5780) shows of the router."""
    w = One(lab)
    w.router.rules(ports)
    stun_server(lab, two=True)
    w.hairpin_in(w.pbx, change=automatic("stun:" + STUN))
    w.hairpin.program.wait_output(
        "the NAT's mapping: %s; its filter: address- and port-dependent"
        % mapping, 15)


@scenario("address.measured-random")
def measured_random(lab):
    measured(lab, "random", "address- and port-dependent")


@scenario("address.measured-keep")
def measured_keep(lab):
    measured(lab, "keep", "endpoint-independent")


SHIFT = """
table ip shift {
    chain post {
        type nat hook postrouting priority 90;
        oifname "wan" udp sport 10000-10099 snat ip to %s : udp sport map { %s }
    }
}
"""


@scenario("address.rtp-mapped")
def rtp_mapped(lab):
    """A router that forwards nothing and gives RTP ports other numbers, the
    same for everybody: SDP says what STUN saw from the RTP ports."""
    w = One(lab)
    w.router.rules("keep")
    w.router.run("nft", "-f", "-", stdin=SHIFT % (ROUTER, ", ".join(
        "%d : %d" % (p, p + 20000) for p in range(10000, 10100))))
    stun_server(lab, two=True)
    w.hairpin_in(w.pbx, change=automatic("stun:" + STUN), files={
        "rtp.conf": "[general]\nrtpstart=10000\nrtpend=10099\n"})
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.hairpin.program.wait_output("the NAT's mapping: endpoint-independent", 15)
    calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    told = [m for m in w.wan.messages(src=ROUTER) if m.sdp()]
    assert told and all("m=audio 30" in m.sdp() for m in told), told[0].sdp()
    w.pstn.hangup()
    w.hairpin.wait_idle()
