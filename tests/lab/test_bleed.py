"""RTP bleed: somebody sends audio to our ports who is no party of the call.  Nothing may be redirected to them, and
nothing of theirs may be heard."""
import math
import random
import socket
import struct
import threading
import time

import audio
import calls
from capture import PcapReader
from hairpin import phone_block
from suite import scenario
from worlds import NAT_A, PBX_PUBLIC, PLAIN_TRANSPORT, Two

PORTS = range(10000, 10012, 2)
RTP_CONF = "[general]\nrtpstart=%d\nrtpend=%d\n" % (PORTS[0], PORTS[-1] + 1)
TONE = audio.TONES["d"]


def _ulaw(sample):
    return min(range(256), key=lambda b: abs(audio._ulaw(b) - sample))


def _payloads():
    """50 frames of 20 ms: one second of the attacker's tone."""
    law = {}
    for n in range(50):
        pcm = (int(8000 * math.sin(2 * math.pi * TONE * (n * 160 + i) / audio.RATE)) for i in range(160))
        yield bytes(law.setdefault(x, _ulaw(x)) for x in pcm)


class Attacker:
    """Sends RTP at the pace of audio to every port of hairpin's, from one socket, and keeps what comes back."""

    def __init__(self, node, ssrc=None):
        self.socket = node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(0.01)
        self.ssrc = ssrc or random.getrandbits(32)
        self.seq = random.getrandbits(15)
        self.got, self.over = [], False
        self.payloads = list(_payloads())
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        began, n = time.monotonic(), 0
        while not self.over:
            head = struct.pack(">BBHII", 0x80, 0, self.seq + n & 0xffff, n * 160, self.ssrc)
            for port in PORTS:
                try:
                    self.socket.sendto(head + self.payloads[n % 50], (PBX_PUBLIC, port))
                except OSError:         # a port that nobody has, or the lab is being taken down
                    pass
            n += 1
            while time.monotonic() < began + n * 0.02:
                self._listen()

    def _listen(self):
        try:
            self.got.append(self.socket.recv(2000))
        except (TimeoutError, ConnectionError):
            pass

    def stop(self):
        self.over = True
        self.thread.join(2)
        self.socket.close()
        assert not self.got, "an attacker received %d packets" % len(self.got)


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
        a.stop()
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
