"""RTP bleed: somebody sends audio to our ports who is no party of the call.  Nothing may be redirected to them, and
nothing of theirs may be heard."""
import struct
import time

import calls
from attacker import PORTS, RTP_CONF, TONE, Attacker
from capture import PcapReader
from hairpin import phone_block
from suite import scenario
from worlds import NAT_A, PLAIN_TRANSPORT, Two


def ssrc_of(w, source):
    """The SSRC that this address sends to hairpin with, from the wire."""
    found = [struct.unpack_from(">I", p.data, 8)[0] for p in PcapReader(w.wan.path).packets()
             if p.src == source and p.dport in PORTS and len(p.data) == 172]
    assert found, "no RTP from %s" % source
    return found[-1]


def attacked(lab, ssrc):
    """A call that is attacked from its first moment to its end, in talk, in silence and in hold."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"), files={"rtp.conf": RTP_CONF})
    one, two = w.phone_a(), w.phone_b()
    evil = Attacker(lab.host("evil", "203.0.113.66"))
    marks = one.mark(), two.mark()
    here, there = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two, 2.0)
    attackers = [evil, Attacker(lab.behind(w.nat_a, "near", "192.0.2.66"))]
    if ssrc:
        attackers.append(Attacker(lab.host("knows", "203.0.113.67"), ssrc_of(w, NAT_A)))
    calls.hear_each_other(one, two, 2.0)
    one.command("mute")
    time.sleep(4)
    one.command("mute")
    calls.hold_and_resume(one, two, 4.0)
    calls.hear_each_other(one, two, 2.0)
    w.hairpin.program.wait_output("audio from 203.0.113.66", 1)
    for a in attackers:
        got = a.stop()
        assert got == 0, "an attacker received %d packets" % got
    for phone, mark in zip((one, two), marks):
        heard = phone.tones_since(mark).get(TONE, 0)
        assert heard == 0, "%s hears %g s of the attacker" % (phone.name, heard)
    calls.end(one, two, (here, there))
    w.hairpin.wait_idle()


@scenario("bleed.strangers")
def strangers(lab):
    """From elsewhere, before and after; from behind the phone's own router, after."""
    attacked(lab, ssrc=False)


@scenario("bleed.ssrc")
def knows_ssrc(lab):
    """One more, who knows the phone's SSRC, but not its sequence."""
    attacked(lab, ssrc=True)


@scenario("bleed.moved")
def moved(lab):
    """A router forgets its mappings in the call: audio is back from the new port within seconds."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"), files={"rtp.conf": RTP_CONF})
    one, two = w.phone_a(), w.phone_b()
    here, there = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two, 6.0, 10)
    w.nat_b.restart()
    calls.hear_each_other(one, two, 1.5, 8)
