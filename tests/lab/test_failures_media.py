"""How audio fails behind NAT, one scenario for each failure: the symptom, as Asterisk has it, then the same without it.

The numbers are those of README.md. What is written in between is what compat=asterisk leaves as it is.
"""
import os
import re
import time

import calls
import hairpin
from attacker import RTP_CONF, Attacker
from failures import deaf_call, place, two_phones, without
from igd import OPENER, Opener
from net import LabError
from provider import NUMBER
from suite import scenario
from test_address import automatic
from test_router import Closed
from verdict import ASTERISK, good_call, heal, wait_verdict
from worlds import NAT_A, NAT_B, PBX, PLAIN_TRANSPORT, ROUTER, TRUNK, Two


@scenario("f01.external-address")
def external_address(lab):
    """external_* are written, but local_net does not cover our own address: the outside is told a private one."""
    g = place(lab, "behind-router", files=ASTERISK, provider=True)
    phone = g.phone("public", "udp").wait_registered()
    g.hairpin.wait_registered()
    finding = deaf_call(g, phone, g.pstn, NUMBER, "NAT001", heard=False)
    assert "192.168.1.10" in finding["evidence"], finding
    assert finding["fix"] == {"option": "local_net", "value": "192.168.1.0/24"}, finding
    heal(g.hairpin)
    good_call(g.hairpin, phone, g.pstn, NUMBER)


@scenario("f02.private-sdp")
def private_sdp(lab):
    """rtp_symmetric is not written: audio goes to the private address in the phone's SDP."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, without("rtp_symmetric=yes"), ASTERISK)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    finding = deaf_call(w, phone, w.pstn, NUMBER, "NAT009")
    assert "192.0.2.20" in finding["evidence"] and NAT_A in finding["evidence"], finding
    heal(w.hairpin)
    good_call(w.hairpin, phone, w.pstn, NUMBER)


@scenario("f04.range-not-forwarded")
def range_not_forwarded(lab):
    """The router forwards no port of audio; with `auto` hairpin has it open those of each call."""
    w = Closed(lab)
    opener = Opener(lab, w.router, "pcp")
    w.hairpin_in(w.pbx, files=ASTERISK, change=automatic(OPENER))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    deaf_call(w, phone, w.pstn, NUMBER, "NAT064")
    assert not opener.ports(), opener.ports()
    heal(w.hairpin, lambda text: text.replace("=" + OPENER, "=auto"))
    w.hairpin.program.wait_output("speaks PCP", 15)
    good_call(w.hairpin, phone, w.pstn, NUMBER)
    assert len(opener.ports()) == 3, opener.ports()


EARLY_CALLEE = "203.0.113.40"
EARLY_PJSIP = """
[callee]
type=endpoint
context=from-internal
disallow=all
allow=ulaw
aors=callee
[callee]
type=aor
contact=sip:%s
[silent]
type=endpoint
context=from-internal
disallow=all
allow=ulaw
[silent]
type=identify
endpoint=silent
match=192.0.2.30
""" % EARLY_CALLEE


class Early:
    """A callee who echoes what it hears before it answers, and a caller who says nothing; between them a router that is
    closed as long as nobody speaks first."""

    def __init__(self, lab):
        self.lab = lab
        router = lab.router("router", ROUTER, "192.0.2.1")
        pbx, callee = lab.behind(router, "pbx", PBX), lab.host("callee", EARLY_CALLEE)
        self.caller = lab.behind(router, "caller", "192.0.2.30")
        self.hairpin = hairpin.Hairpin(pbx, hairpin.make_conf(lab, "scenario1", EARLY_PJSIP, files=dict(
            ASTERISK, **{"extensions.conf": "[from-internal]\nexten => 1000,1,Dial(PJSIP/callee)\n"})))
        lab.start(callee, "sipp-callee", [
            "sipp", "-sf", os.path.join(hairpin.HERE, "sipp", "uas_early.xml"), "-i", EARLY_CALLEE, "-p", "5060",
            "-rtp_echo", "-nostdin"], cwd=lab.out)

    def heard(self):
        """How many packets came back in the first 3 s of a call, which has 4 before its answer."""
        caller = self.lab.start(self.caller, "sipp-caller", [
            "sipp", "-sn", "uac", "-d", "500", "-i", "192.0.2.30", "-p", "5060", "-s", "1000", "-m", "1", "-nostdin",
            PBX], cwd=self.lab.out)
        try:
            return self.count(self.hairpin.wait_rx("pjsip show channelstats", self.count, 3, "early audio"))
        except LabError:
            return 0
        finally:
            caller.process.wait(10)
            self.hairpin.wait_idle()

    @staticmethod
    def count(stats):
        """Packets received on the callee's leg."""
        m = re.search(r"callee-\S+\s+\S+\s+\S+\s+(\d+)", stats)
        return int(m[1]) if m else 0


@scenario("f07.early-media")
def early_media(lab):
    """Before the answer both sides wait for the other to speak first."""
    w = Early(lab)
    got = w.heard()
    assert got == 0, "%d packets came back although nobody opened the way" % got
    heal(w.hairpin)
    assert w.heard() > 0, "nothing came back before the answer"


@scenario("f08.strict-source")
def strict_source(lab):
    """The phone's router forgets its mappings in the call: its audio comes from a new port, and is dropped."""
    w = two_phones(lab, files=ASTERISK)
    one, two = w.phone_a(), w.phone_b()
    here, there = calls.connect(two, one, "6001")
    calls.hear_each_other(one, two, 6.0, 10)
    w.nat_b.restart()
    time.sleep(0.5)
    calls.silent(one, two.frequency, one.mark(), 3)
    finding = wait_verdict(w.hairpin, "NAT054")
    assert NAT_B in finding["evidence"], finding
    calls.end(two, one, (here, there))
    w.hairpin.wait_idle()
    heal(w.hairpin)
    here, there = calls.connect(two, one, "6001")
    calls.hear_each_other(one, two, 6.0, 10)
    w.nat_b.restart()
    time.sleep(0.5)
    calls.hear_each_other(one, two, 1.5, 8)
    calls.end(two, one, (here, there))


QUIET = """
table ip quiet {
    chain out {
        type filter hook output priority 0;
        udp sport 11000-11998 drop
    }
}
"""


def reinvited_in_silence(phone, other):
    """A call; the phone falls silent, as one with voice detection does, and offers its private address again.
    Returns the marks of the call, and one from which on only the new deal counts."""
    marks = calls.connect(phone, other, NUMBER)
    calls.hear_each_other(phone, other)
    phone.node.run("nft", "-f", "-", stdin=QUIET)
    for command in (phone.hold, phone.resume):
        since = phone.mark()
        command()
        phone.wait("CALL_REMOTE_SDP", since)
    time.sleep(0.3)
    return marks, phone.mark()


@scenario("f09.re-invite")
def re_invite(lab):
    """A re-INVITE repeats the private address of a phone that says nothing: it hears nothing until it speaks."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, files=ASTERISK)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks, since = reinvited_in_silence(phone, w.pstn)
    calls.silent(phone, w.pstn.frequency, since, 1.5)
    finding = wait_verdict(w.hairpin, "NAT055")
    assert "192.0.2.20" in finding["evidence"], finding
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    phone.node.run("nft", "delete", "table", "ip", "quiet")
    heal(w.hairpin)
    marks, since = reinvited_in_silence(phone, w.pstn)
    phone.wait_tone(w.pstn.frequency, since, 1.5)
    calls.end(phone, w.pstn, marks)


def attacked(w, phone, evil):
    """An echo call under attack from its beginning, by a phone that says nothing at first.
    Returns how many packets the attacker got, and for how long the phone hears itself when it speaks."""
    phone.node.run("nft", "-f", "-", stdin=QUIET)
    attacker = Attacker(evil)
    since = phone.dial("600")
    phone.wait("CALL_ESTABLISHED", since, 10)
    time.sleep(1.5)
    phone.node.run("nft", "delete", "table", "ip", "quiet")
    since = phone.mark()
    time.sleep(2)
    got = attacker.stop()
    phone.hangup()
    w.hairpin.wait_idle()
    return got, phone.tones_since(since).get(phone.frequency, 0)


@scenario("f10.bleed")
def bleed(lab):
    """Who sprays audio over all ports while a phone says nothing takes its place."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT, files=dict(ASTERISK, **{"rtp.conf": RTP_CONF}))
    phone, evil = w.phone_a(), lab.host("evil", "203.0.113.66")
    got, heard = attacked(w, phone, evil)
    assert got > 50 and heard == 0, (got, heard)
    heal(w.hairpin)
    got, heard = attacked(w, phone, evil)
    assert got == 0 and heard > 1, (got, heard)
