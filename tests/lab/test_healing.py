"""What heals by itself, with peers that do what hurts: who vanishes, who waits for others to speak first."""
import os
import re
import signal
import time

import calls
import hairpin
from net import LabError
from suite import scenario
from worlds import One, PBX, PLAIN_TRANSPORT, ROUTER, Two

ASTERISK = {"hairpin.conf": "[general]\ncompat=asterisk\n"}
CALLEE = "203.0.113.40"
TRUNK = """
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
""" % CALLEE
EARLY = "[from-internal]\nexten => 1000,1,Dial(PJSIP/callee)\n"


def heard_early(lab, files):
    """How many packets came back through the closed router before the answer, of a callee who echoes what it hears,
    while the caller says nothing."""
    w = One.__new__(One)
    w.lab = lab
    w.router = lab.router("router", ROUTER, "192.0.2.1")
    pbx = lab.behind(w.router, "pbx", PBX)
    caller, callee = lab.behind(w.router, "caller", "192.0.2.30"), lab.host("callee", CALLEE)
    conf = hairpin.make_conf(lab, "scenario1", TRUNK, files=dict(files, **{"extensions.conf": EARLY}))
    server = hairpin.Hairpin(pbx, conf)
    xml = os.path.join(hairpin.HERE, "sipp", "uas_early.xml")
    lab.start(callee, "sipp-callee", ["sipp", "-sf", xml, "-i", CALLEE, "-p", "5060", "-rtp_echo", "-nostdin"],
              cwd=lab.out)
    lab.start(caller, "sipp-caller", ["sipp", "-sn", "uac", "-d", "500", "-i", "192.0.2.30", "-p", "5060", "-s", "1000",
                                      "-m", "1", "-nostdin", PBX], cwd=lab.out)
    try:
        return count_of(server.wait_rx("pjsip show channelstats", lambda out: count_of(out) > 0, 3, "early audio"))
    except LabError:
        return 0


def count_of(stats):
    """Packets received on the callee's leg."""
    m = re.search(r"callee-\S+\s+\S+\s+\S+\s+(\d+)", stats)
    return int(m[1]) if m else 0


@scenario("healing.early-media")
def early_media(lab):
    assert heard_early(lab, {}) > 0, "nothing came back before the answer"


@scenario("healing.early-media-asterisk")
def early_media_asterisk(lab):
    assert heard_early(lab, ASTERISK) == 0, "audio came back although nobody opened the way"


@scenario("healing.vanished")
def vanished(lab):
    """A phone stops without a word: its caller is told within seconds, not after 32; it is back as soon as it speaks."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + hairpin.phone_block("scenario2", "6002"))
    one, two = w.phone_a(), w.phone_b()
    calls.short_call(one, two, "6002", w.hairpin)
    two.program.signal(signal.SIGSTOP)
    began = time.monotonic()
    here = one.dial("6002")
    closed = one.wait("CALL_CLOSED", here, 10)
    print("told after %.1f s: %s" % (time.monotonic() - began, closed["param"]))
    assert closed["param"].startswith("480"), closed["param"]
    two.program.signal(signal.SIGCONT)
    time.sleep(1)
    calls.short_call(one, two, "6002", w.hairpin)


@scenario("healing.register")
def register(lab):
    """hairpin starts without a network; as soon as there is one it registers, whatever retry_interval=60 says."""
    w = One(lab)
    w.pbx.link(False)
    w.hairpin_in(w.pbx)
    w.hairpin.wait_rx("pjsip show registrations", lambda out: "Rejected" in out, 20, "the registration fails")
    w.pbx.link(True)
    w.pbx.ip("route", "replace", "default", "via", "192.0.2.1")
    w.hairpin.wait_registered(15)
