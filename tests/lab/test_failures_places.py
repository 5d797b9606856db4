"""How calls fail by where hairpin and its phones are, and by what is asked of audio; as in test_failures_media.py."""
import os

import attacker
import calls
import capture
from failures import deaf_call, deaf_echo, place, without
from hairpin import phone_block
from net import wait_for
from provider import FROM_OUTSIDE, NUMBER
from stun import STUN, stun_server
from suite import scenario
from test_address import automatic
from test_check import check
from test_multihomed import told, world
from test_sipp import CALLER, PBX, XML, Bench
from verdict import ASTERISK, doctor, edit, good_call, heal, wait_verdict
from worlds import NAT_A, NAT_B, One, PBX_PUBLIC, PLAIN_TRANSPORT, ROUTER, Two

NOBODY = "203.0.113.250"
AUTO = "bind=0.0.0.0\nexternal_media_address=auto\nexternal_signaling_address=auto\n"


@scenario("f13.multihomed")
def multihomed(lab):
    """A phone on a VPN that local_net does not name is told the address outside: its BYE goes nowhere."""
    w, _, road = world(lab, ASTERISK)
    since = road.dial("600")
    road.wait("CALL_ESTABLISHED", since, 10)
    road.hangup()
    road.wait("CALL_CLOSED", since, 4)
    assert told(w), "the VPN is told an address of its own"
    calls.time.sleep(2)
    shown = w.hairpin.rx("core show channels")
    assert "\n1 active channel\n" in "\n" + shown, "the call ended with the phone's BYE: " + shown
    w.hairpin.stop()
    since = len(told(w))
    heal(w.hairpin, start=True)
    calls.echo_call(road, w.hairpin)
    assert len(told(w)) == since, "the VPN is told the address outside"


@scenario("f14.container")
def container(lab):
    """A container with published ports; local_net names the host's network, and not the bridge's."""
    g = place(lab, "container", files=ASTERISK)
    phone = g.phone("public", "udp").wait_registered()
    finding = deaf_echo(g, phone, "NAT001")
    assert "172.17.0.2" in finding["evidence"] and finding["fix"]["value"] == "172.17.0.0/24", finding
    heal(g.hairpin)
    calls.echo_call(phone, g.hairpin)


EXTERNAL = ("external_media_address=" + ROUTER, "external_signaling_address=" + ROUTER)


@scenario("f15.cloud")
def cloud(lab):
    """The public address is the cloud's, outside of the machine, and nothing is written; `auto` finds it."""
    stun_server(lab)
    g = place(lab, "cloud", change=without(*EXTERNAL), files=dict(ASTERISK, **{
        "rtp.conf": "[general]\nrtpstart=10000\nrtpend=20000\nstunaddr=%s\n" % STUN}))
    phone = g.phone("public", "udp").wait_registered()
    phone.node.ip("route", "add", "default", "via", lab.DNS)        # what is private gets lost on the Internet
    since = phone.dial("600")
    phone.wait("CALL_ESTABLISHED", since, 10)
    calls.silent(phone, phone.frequency, since, 1.5)
    finding = wait_verdict(g.hairpin, "NAT042")
    assert "192.168.1.10" in finding["evidence"], finding
    phone.hangup()                  # its BYE goes to a private address
    phone.wait("CALL_CLOSED", since, 4)
    g.hairpin.stop()
    heal(g.hairpin, lambda text: text.replace("bind=0.0.0.0\n", AUTO, 1), start=True)
    wait_for(lambda: ROUTER in g.hairpin.rx("doctor json"), 10, "the address outside is known")
    calls.echo_call(phone, g.hairpin)


WEBSOCKET = """
[ws]
type=transport
protocol=ws
bind=0.0.0.0
local_net=192.0.2.0/24
external_media_address=198.51.100.5
external_signaling_address=198.51.100.5
"""


@scenario("f16.websocket")
def websocket(lab):
    """Asterisk does not use external_* on WebSocket: the check says so. hairpin serves no WebSocket yet, and says that,
    too; nothing listens there, and the other transports are none the worse."""
    w = One(lab, provider=False)
    w.hairpin_in(w.pbx, WEBSOCKET)
    status, said, _ = check(w.pbx, "--conf", w.hairpin.conf, "--asterisk")
    assert status == 1 and "error: transport ws" in said and "[NAT006]" in said, said
    status, said, _ = check(w.pbx, "--conf", w.hairpin.conf)
    assert "warning: transport ws: protocol=ws is not served yet" in said, said
    assert "transport ws: protocol=ws is not served yet" in w.hairpin.program.text()
    assert not w.pbx.run("ss", "-Hltn").strip(), "something listens by TCP"
    assert "NAT073" in doctor(w.hairpin, "doctor", 1)
    calls.echo_call(w.phone_a(), w.hairpin)


def setup_time(w):
    """Seconds from the last INVITE that is answered with 200 to that answer, as the wire has them."""
    def same(m):
        return m.values("Call-ID") + m.values("CSeq")
    answer = [m for m in w.wan.messages(src=PBX_PUBLIC, dst=NAT_A) if m.status == 200 and m.method == "INVITE"][-1]
    asked = [m for m in w.wan.messages(src=NAT_A, dst=PBX_PUBLIC) if m.first.startswith("INVITE ")
             and same(m) == same(answer)]
    return answer.packet.when - asked[0].packet.when


@scenario("f17.ice")
def ice(lab):
    """A STUN server that does not answer, and ice_support=yes: Asterisk's calls take 9 s and more to come up."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    phone = w.phone_a()
    calls.echo_call(phone, w.hairpin)
    plain = setup_time(w)
    edit(w.hairpin, "pjsip.conf", lambda text: text.replace("direct_media=no", "direct_media=no\nice_support=yes"))
    edit(w.hairpin, "rtp.conf", lambda text: text + "icesupport=yes\nstunaddr=%s\n" % NOBODY)
    w.hairpin.rx("pjsip reload")
    calls.echo_call(phone, w.hairpin)
    assert setup_time(w) < plain + 1, "%g s, and %g s without" % (setup_time(w), plain)
    edit(w.hairpin, "pjsip_lab.conf", lambda text: text.replace("bind=0.0.0.0\n", AUTO))
    w.hairpin.rx("pjsip reload")
    calls.echo_call(phone, w.hairpin)
    assert setup_time(w) < plain + 1, "%g s, and %g s without" % (setup_time(w), plain)


@scenario("f18.hairpin")
def loopback(lab):
    """No local_net, so nobody is local: two phones of one network are told the public address, and the router does not
    turn their packets back."""
    g = place(lab, "behind-router", change=without("local_net=192.0.2.0/24", "local_net=127.0.0.1/32"), files=ASTERISK,
              extra=phone_block("double", "6002"))
    one, two = (g.phone("lan", "udp", second).wait_registered() for second in (False, True))
    marks = calls.connect(one, two, "6002")
    for phone, other, mark in ((one, two, marks[0]), (two, one, marks[1])):
        calls.silent(phone, other.frequency, mark, 1)
        phone.hangup()
        phone.wait("CALL_CLOSED", mark, 4)
    g.hairpin.stop()                # a BYE to the public address never came
    heal(g.hairpin, start=True)
    good_call(g.hairpin, one, two, "6002")


@scenario("f24.srtp")
def srtp(lab):
    """media_encryption=no refuses an offer of SRTP alone, and the doctor says what to set; keys in SDP without TLS are
    noted."""
    b = Bench(lab)
    b.call("600", "uac_savp.xml")
    assert "NAT070" in b.hairpin.rx("why"), b.hairpin.rx("why")
    b.call("600", "uac_changes.xml")
    edit(b.hairpin, "pjsip.conf", lambda text: text.replace("allow=ulaw", "allow=ulaw\nmedia_encryption=sdes"))
    status, said, _ = check(b.pbx, "--conf", b.hairpin.conf)
    assert "[NAT086]" in said, said


SHIFT = """
table ip shift {
    chain post {
        type nat hook postrouting priority 90;
        oifname "wan" udp sport { 5060, 10000-10099 } snat ip to %s : udp sport map { %s }
    }
}
"""
SHIFTED = [5060] + list(range(10000, 10100))


@scenario("f26.ports-moved")
def ports_moved(lab):
    """Our router gives every port another number and forwards nothing; Asterisk's external_* have no place for that."""
    w = One(lab)
    w.router.rules("keep")
    w.router.run("nft", "-f", "-", stdin=SHIFT % (ROUTER, ", ".join("%d : %d" % (p, p + 20000) for p in SHIFTED)))
    stun_server(lab, two=True)
    w.hairpin_in(w.pbx, files=dict(ASTERISK, **{"rtp.conf": "[general]\nrtpstart=10000\nrtpend=10099\n"}))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    deaf_call(w, phone, w.pstn, NUMBER, "NAT064")
    assert "NAT064" in doctor(w.hairpin, "doctor", 1)
    heal(w.hairpin, automatic("stun:" + STUN))
    w.hairpin.program.wait_output("the NAT's mapping: endpoint-independent", 15)
    wait_for(lambda: any(":25060" in m.values("Contact")[0] for m in w.wan.messages(src=ROUTER)
                         if m.is_request and m.method == "REGISTER"), 10, "the provider is told the port outside")
    good_call(w.hairpin, phone, w.pstn, NUMBER)
    good_call(w.hairpin, w.pstn, phone, FROM_OUTSIDE)


@scenario("f27.464xlat")
def xlat(lab):
    """A handset on an IPv6-only network: its SDP names the address of its own translator."""
    g = place(lab, "public", "scenario2", without("rtp_symmetric=yes"), ASTERISK, PLAIN_TRANSPORT)
    phone = g.phone("464xlat", "udp").wait_registered()
    finding = deaf_echo(g, phone, "NAT065")
    assert "192.0.0.4" in finding["evidence"], finding
    heal(g.hairpin)
    calls.echo_call(phone, g.hairpin)


@scenario("f28.direct-media")
def direct_media(lab):
    """direct_media=yes on both phones: Asterisk's re-INVITE gives each the private address of the other."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002").replace(
        "direct_media=no", "direct_media=yes"), lambda text: text.replace("direct_media=no", "direct_media=yes"))
    one, two = w.phone_a(), w.phone_b()
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two, 3.0)
    calls.hear_each_other(one, two, 1.0)
    calls.end(one, two, marks)
    ours = w.wan.messages(src=PBX_PUBLIC)
    assert not [m for m in ours if m.is_request and m.method in ("INVITE", "UPDATE") and "tag=" in m.values("To")[0]]
    assert all("c=IN IP4 " + PBX_PUBLIC in m.sdp() for m in ours if m.sdp())
    assert len([m for m in ours if m.sdp()]) >= 2
    between = [p for p in w.wan.packets() if {p.src, p.dst} == {NAT_A, NAT_B}]
    assert not between, "%d packets went from phone to phone" % len(between)


@scenario("f29.t38")
def t38(lab):
    """A fax in mid-call: hairpin has no T.38; the offer is refused, and audio goes on."""
    b = Bench(lab)
    tone, script = lab.path("tone.ul"), lab.path("uac_t38.xml")
    with open(tone, "wb") as f:
        for payload in attacker.payloads():
            f.write(payload)
    with open(os.path.join(XML, "uac_t38.xml")) as f, open(script, "w") as out:
        out.write(f.read().replace("tone.ul", tone))
    wire = capture.Capture(lab.nodes["wan"], "sw", "wan")
    b.call("600", script)
    refused = [m for m in wire.messages(src=PBX, dst=CALLER) if m.status == 488]
    assert refused, "no 488 was seen"
    after = [p for p in wire.packets() if (p.src, p.dst) == (PBX, CALLER) and p.when > refused[0].packet.when
             and p.data[:1] == b"\x80" and len(p.data) == 172]
    assert len(after) > 75, "%d packets of audio came after the refusal" % len(after)
    assert "T.38" in wait_verdict(b.hairpin, "NAT074")["evidence"]
