"""How registrations and calls fail behind NAT, though nobody has heard anything yet; as in test_failures_media.py."""
import re
import socket
import time

import calls
from alg import Alg
from failures import deaf_echo, two_phones, without
from hairpin import phone_block
from net import LabError, wait_for
from provider import DID, FROM_OUTSIDE, GW2, NUMBER
from suite import scenario
from test_address import MOVED, automatic, bindings
from test_transports import TCP
from verdict import ASTERISK, edit, good_call, heal, wait_verdict
from worlds import (NAT_A, PBX_PUBLIC, PLAIN_TRANSPORT, ROUTER, TRUNK,
                    One, Two)

MOVED_AGAIN = "198.51.100.78"
UNKEPT = "qualify_frequency=0"


def refused(caller, callee, number, within=10):
    """The call ends without the callee having rung; returns what the caller is told."""
    there, here = callee.mark(), caller.dial(number)
    closed = caller.wait("CALL_CLOSED", here, within)
    assert "CALL_INCOMING" not in [e["type"] for e in callee.events[there[0]:]], "%s rang" % callee.name
    return closed["param"]


@scenario("f03.address-changed")
def address_changed(lab):
    """The router's address changes in a call: what is written stays wrong; `auto` follows, in the call, too."""
    w = One(lab)
    w.hairpin_in(w.pbx, files=ASTERISK, change=lambda text: text.replace(
        "contact=sip:gw2.example.com", "qualify_frequency=2"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    w.router.move(MOVED)
    time.sleep(0.5)
    calls.silent(phone, w.pstn.frequency, phone.mark(), 2)
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    wait_for(lambda: "NAT029" in w.hairpin._rx("doctor json").stdout, 8, "the doctor says that the address is wrong")
    heal(w.hairpin, automatic("auto"))
    wait_for(lambda: bindings(w) and MOVED in bindings(w)[-1], 10, "the provider knows the new address")
    marks = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    w.router.move(MOVED_AGAIN)
    since = phone.mark()
    phone.wait_tone(w.pstn.frequency, since, 0.5, 10)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, marks)


@scenario("f05.sip-alg")
def sip_alg(lab):
    """The phone's router writes its own address into SDP, and ports that are not open there."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT, without("rtp_symmetric=yes"), ASTERISK)
    nat = w.nat("nata", NAT_A)
    Alg(nat, "192.0.2.20", PBX_PUBLIC)
    phone = w.phone(lab.behind(nat, "phone", "192.0.2.20"), "a")
    finding = deaf_echo(w, phone, "NAT052")
    assert NAT_A in finding["evidence"], finding
    heal(w.hairpin)
    calls.echo_call(phone, w.hairpin)


@scenario("f06.mapping-expired")
def mapping_expired(lab):
    """The routers forget after 30 s without a packet. Who is asked nothing cannot be called any more; where nothing is
    written about it, hairpin keeps the way open."""
    w = two_phones(lab, lambda text: text.replace("qualify_frequency=60", "qualify_frequency=0"))
    edit(w.hairpin, "pjsip_lab.conf", without("qualify_frequency=60"))
    w.hairpin.rx("pjsip reload")
    one, two = w.phone_a(expires=600), w.phone_b(expires=600)
    for nat in (w.nat_a, w.nat_b):
        nat.udp_timeouts(30, 30)
    time.sleep(35)
    calls.short_call(one, two, "6002", w.hairpin)
    assert refused(two, one, "6001").startswith("480")
    finding = wait_verdict(w.hairpin, "NAT013")
    assert NAT_A in finding["evidence"] and finding["fix"]["option"] == "qualify_frequency", finding


@scenario("f11.private-contact")
def private_contact(lab):
    """The BYE goes to the private address in the phone's Contact: the call is over, and the phone does not know it."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, without("rewrite_contact=yes"), ASTERISK)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    here, there = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    w.pstn.hangup()
    try:
        phone.wait("CALL_CLOSED", here, 3)
        raise AssertionError("the BYE reached the phone")
    except LabError:
        phone.hangup()
    heal(w.hairpin)
    here, there = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    calls.end(w.pstn, phone, (there, here))
    w.hairpin.wait_idle()


def again(phone):
    """The phone is switched off and on."""
    phone.stop()
    phone.start()


@scenario("f12.tcp-connection")
def tcp_connection(lab):
    """The phone opened a connection; the call opens one of its own, to a private address. Healed, a phone that comes
    back by another connection has one contact still."""
    w = two_phones(lab, without("rewrite_contact=yes"), ASTERISK, TCP)
    one, two = w.phone_a(transport="tcp"), w.phone_b()
    w.hairpin.wait_contact("6001", host="192.0.2.20")
    w.hairpin.wait_contact("6001", "Unavail")
    refused(two, one, "6001", 40)
    finding = wait_verdict(w.hairpin, "NAT045")
    assert "192.0.2.20" in finding["evidence"], finding
    heal(w.hairpin)
    again(one)
    w.hairpin.wait_contact("6001", host=NAT_A)
    good_call(w.hairpin, two, one, "6001")
    before = of_6001(w.hairpin)
    w.nat_a.restart()
    again(one)
    wait_for(lambda: of_6001(w.hairpin) and not before & of_6001(w.hairpin), 10, "the phone's new connection alone")
    assert len(of_6001(w.hairpin)) == 1, of_6001(w.hairpin)
    calls.short_call(two, one, "6001", w.hairpin)


def of_6001(hairpin):
    return {uri for aor, uri, _ in hairpin.contacts() if aor == "6001"}


NO_OPTIONS = """
table ip options {
    chain in {
        type filter hook input priority 0;
        udp dport 5060 @th,64,32 0x4f505449 drop
    }
}
"""


@scenario("f19.qualify")
def qualify(lab):
    """OPTIONS do not reach a phone that is there: it counts as unreachable, and Asterisk does not try to call it."""
    w = two_phones(lab, lambda text: text.replace(
        "qualify_frequency=60", "qualify_frequency=3\nqualify_timeout=1"), ASTERISK)
    one, two = w.phone_a(expires=600), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail")
    one.node.run("nft", "-f", "-", stdin=NO_OPTIONS)
    w.hairpin.wait_contact("6001", "Unavail", 8)
    refused(two, one, "6001", 4)
    heal(w.hairpin)
    w.hairpin.wait_contact("6001", "Unavail", 15)
    good_call(w.hairpin, two, one, "6001")


@scenario("f20.gives-up")
def gives_up(lab):
    """The line is down for longer than the attempts at registering last; when it is back, nobody tries any more."""
    limits = "retry_interval=1\nmax_retries=1"
    w = One(lab)
    w.pbx.link(False)
    w.hairpin_in(w.pbx, files=ASTERISK, change=lambda text: text.replace("retry_interval=60", limits))
    w.hairpin.program.wait_output("given up", 20)
    assert "sipus_reg has given up" in w.hairpin._rx("doctor json").stdout
    back(w)
    time.sleep(4)
    shown = w.hairpin.rx("pjsip show registrations")
    assert "Rejected" in shown and not re.search(r"\bRegistered\b", shown), shown
    w.pbx.link(False)
    w.hairpin.stop()
    heal(w.hairpin, lambda text: text.replace(limits, "retry_interval=60"), start=True)
    w.hairpin.wait_rx("pjsip show registrations", lambda out: "Rejected" in out, 20, "the registration fails")
    back(w)
    w.hairpin.wait_registered(15)


def back(w):
    """The line is up again."""
    w.pbx.link(True)
    w.pbx.ip("route", "replace", "default", "via", "192.0.2.1")


@scenario("f21.refresh")
def refresh(lab):
    """The provider grants 12 s where an hour was asked, and says so only beside the Contact that NAT handling wrote."""
    w = One(lab)
    w.provider.program.stop()
    edit_file(w.provider.cfg, '"max_expires", 3600', '"max_expires", 12')
    w.provider.start()
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    time.sleep(20)
    granted = bindings(w, ROUTER)
    assert re.search(r"expires=\d\d?(;|$)", granted[0]), granted
    good_call(w.hairpin, w.pstn, phone, FROM_OUTSIDE)


def edit_file(path, old, new):
    with open(path) as f:
        text = f.read()
    assert old in text, old
    with open(path, "w") as f:
        f.write(text.replace(old, new))


NEW_GATEWAY = "203.0.113.3"


def call_in(w, node):
    """A call from the provider's new gateway; true when the phone answered."""
    done = node.run("sipp", "-sn", "uac", "-d", "300", "-i", NEW_GATEWAY, "-p", "5060", "-s", DID, "-m", "1",
                    "-nostdin", "-timeout", "6", ROUTER, check=False, timeout=20)
    good = re.findall(r"Successful call\s*\|\s*\d+\s*\|\s*(\d+)", done)
    return bool(good) and good[-1] == "1"


@scenario("f22.provider-address")
def provider_address(lab):
    """The provider calls from a new address: with addresses in match= it is a stranger; a name is followed."""
    w = One(lab)
    w.hairpin_in(w.pbx)
    w.phone_a()
    w.hairpin.wait_registered()
    node = lab.host("gw3", NEW_GATEWAY)
    assert not call_in(w, node), "an unknown address was let in"
    edit(w.hairpin, "pjsip.conf", lambda text: text.replace(
        "match=203.0.113.1\nmatch=203.0.113.2", "match=gw1.example.com"))
    w.hairpin.rx("pjsip reload")
    assert not call_in(w, node), "an unknown address was let in"
    next(p for p in lab.programs if p.name == "dnsmasq").stop()
    lab.name_server(gw1=NEW_GATEWAY)
    wait_for(lambda: call_in(w, node), 30, "the name's new address is known", every=2)


@scenario("f23.failover")
def failover(lab):
    """The first of the trunk's contacts is dead: Asterisk dials no other."""
    w = One(lab)
    w.provider.block(GW2)
    w.hairpin_in(w.pbx, files=ASTERISK, change=lambda text: text.replace(
        "contact=sip:gw1.example.com\ncontact=sip:gw2.example.com",
        "contact=sip:gw2.example.com\ncontact=sip:gw1.example.com"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    calls.must_not_connect(phone, w.pstn, NUMBER, 8)
    w.hairpin.wait_idle()
    heal(w.hairpin)
    good_call(w.hairpin, phone, w.pstn, NUMBER)


NO_FRAGMENTS = """
table ip fragments {
    chain pre {
        type filter hook prerouting priority -450;
        ip frag-off & 0x3fff != 0 drop
    }
}
"""
TICKET = "Set(PJSIP_HEADER(add,X-Ticket)=%s)" % ("0123456789" * 150)


@scenario("f25.long-invite")
def long_invite(lab):
    """An INVITE of more than 1500 bytes goes in two fragments, and the phone's router drops fragments."""
    w = two_phones(lab, files={"extensions.conf": "[from-internal]\nexten => 6001,1,%s\n same => n,Dial(PJSIP/6001)\n"
                               % TICKET})
    one, two = w.phone_a(), w.phone_b()
    w.nat_a.run("nft", "-f", "-", stdin=NO_FRAGMENTS)
    refused(two, one, "6001")
    finding = wait_verdict(w.hairpin, "NAT027")
    assert "bytes over UDP" in finding["evidence"], finding
    edit(w.hairpin, "extensions.conf", lambda text: text.replace(TICKET, "NoOp()"))
    w.hairpin.rx("pjsip reload")
    one.command("uareg")
    good_call(w.hairpin, two, one, "6001")


class OldDevice:
    """It listens on port 5060, sends from another one, and knows no rport; there is no NAT before it."""

    ADDRESS = "203.0.113.60"

    def __init__(self, lab):
        node = lab.host("device", self.ADDRESS)
        self.listens, self.sends = (node.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one, port in ((self.listens, 5060), (self.sends, 50123)):
            one.bind((self.ADDRESS, port))
            one.settimeout(3)

    def register(self):
        self.sends.sendto((
            "REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"
            "From: <sip:6001@%s>;tag=1\r\nTo: <sip:6001@%s>\r\nCall-ID: old-device\r\nCSeq: %d REGISTER\r\n"
            "Contact: <sip:6001@%s:5060>\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n" % (
                PBX_PUBLIC, self.ADDRESS, time.monotonic_ns(), PBX_PUBLIC, PBX_PUBLIC, time.monotonic_ns() // 10**9,
                self.ADDRESS)).encode(), (PBX_PUBLIC, 5060))
        while not self.sends.recv(65536).startswith(b"SIP/2.0 200"):
            pass                    # an INVITE of the time before

    def invited(self):
        """Whether an INVITE comes to where it listens."""
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                if self.listens.recv(65536).startswith(b"INVITE "):
                    return True
            except TimeoutError:
                pass
        return False


@scenario("f30.not-behind-nat")
def not_behind_nat(lab):
    """An old device that sends from another port than it listens on: rewrite_contact=yes takes it for one behind NAT.
    Where it is not written, hairpin sees that there is none."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"), lambda text: text.replace(
        "auth=6001\n", "").replace("qualify_frequency=60", UNKEPT))
    device, phone = OldDevice(lab), w.phone_b()
    for rewrites in (True, False):
        if not rewrites:
            edit(w.hairpin, "pjsip.conf", without("rewrite_contact=yes"))
            w.hairpin.rx("pjsip reload")
        device.register()
        w.hairpin.wait_contact("6001", host="%s:%d" % (device.ADDRESS, 50123 if rewrites else 5060))
        phone.dial("6001")
        assert device.invited() != rewrites
        if rewrites:
            finding = wait_verdict(w.hairpin, "NAT075")
            assert finding["fix"] == {"option": "rewrite_contact", "value": "no"}, finding
        phone.hangup()
        w.hairpin.wait_idle()


@scenario("f31.reload")
def reload(lab):
    """A wrong external address is mended by a reload, without a restart, in mid-call; a file with a mistake changes
    nothing, and what is up stays up."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: text.replace("external_media_address=" + ROUTER,
                                                         "external_media_address=198.51.100.9"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    calls.silent(phone, w.pstn.frequency, marks[0], 1.5)
    edit(w.hairpin, "pjsip.conf", lambda text: text.replace("type=aor", "type=aorta"))
    done = w.hairpin._rx("pjsip reload")
    assert done.returncode == 1 and re.search(r"pjsip\.conf:\d+", done.stdout), done.stdout
    w.pstn.wait_tone(phone.frequency, w.pstn.mark(), 1.0)
    assert re.search(r"\bRegistered\b", w.hairpin.rx("pjsip show registrations"))
    edit(w.hairpin, "pjsip.conf", lambda text: text.replace("type=aorta", "type=aor").replace("198.51.100.9", ROUTER))
    w.hairpin.rx("pjsip reload")
    w.pstn.wait_tone(phone.frequency, w.pstn.mark(), 1.0)
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    good_call(w.hairpin, phone, w.pstn, NUMBER)
    assert re.search(r"\bRegistered\b", w.hairpin.rx("pjsip show registrations"))
