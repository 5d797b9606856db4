"""SIPp at both ends of hairpin: what phones do not do by themselves, and a small load."""
import os
import re

import hairpin
from net import LabError
from suite import scenario

PBX, CALLER = "203.0.113.10", "203.0.113.30"
CALLEE, OTHER = "203.0.113.40", "203.0.113.41"
XML = os.path.join(hairpin.HERE, "sipp")

PJSIP = """
[udp]
type=transport
protocol=udp
bind=0.0.0.0
[side](!)
type=endpoint
context=default
disallow=all
allow=ulaw
direct_media=no
[caller](side)
[caller]
type=identify
endpoint=caller
match=%(caller)s
[callee](side)
aors=callee
[callee]
type=aor
contact=sip:%(callee)s
[other](side)
aors=other
[other]
type=aor
contact=sip:%(other)s
[nowhere](side)
aors=nowhere
[nowhere]
type=aor
contact=sip:%(callee)s:5999
""" % {"caller": CALLER, "callee": CALLEE, "other": OTHER}

EXTENSIONS = """
[default]
exten => 1000,1,Dial(PJSIP/callee)
exten => 1001,1,Dial(PJSIP/callee&PJSIP/other)
exten => 1002,1,Dial(PJSIP/nowhere)
exten => 600,1,Answer()
 same => n,Echo()
exten => 1003,1,Ringing()
 same => n,Wait(1)
 same => n,Answer()
 same => n,Echo()
exten => 602,1,Ringing()
 same => n,Wait(10)
"""


class Bench:
    """hairpin, a caller and two callees, on one wire."""

    def __init__(self, lab):
        self.lab = lab
        self.pbx = lab.host("pbx", PBX)
        self.caller = lab.host("caller", CALLER)
        self.callee = lab.host("callee", CALLEE)
        self.other = lab.host("other", OTHER)
        folder = lab.path("conf")
        os.makedirs(folder, exist_ok=True)
        for name, text in (("pjsip.conf", PJSIP), ("extensions.conf", EXTENSIONS)):
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        self.hairpin = hairpin.Hairpin(self.pbx, folder)

    def answers(self, node, scenario_file=None):
        """A SIPp that answers calls there."""
        what = ["-sf", os.path.join(XML, scenario_file)] if scenario_file else ["-sn", "uas"]
        return self.lab.start(node, "sipp-" + node.name, ["sipp", *what, "-i", node.address, "-p", "5060",
                                                         "-nostdin"], cwd=self.lab.out)

    def call(self, number, scenario_file=None, count=1, rate=10, idle=True):
        """Calls; returns how many were good. SIPp's own check of each message decides."""
        what = ["-sf", os.path.join(XML, scenario_file)] if scenario_file else ["-sn", "uac", "-d", "200"]
        done = self.caller.run("sipp", *what, "-i", CALLER, "-p", "5060", "-s", number, "-m", str(count), "-r",
                               str(rate), "-nostdin", "-timeout", "40", "-timeout_error", "-trace_err",
                               "-error_file", self.lab.path("sipp-errors.txt"), PBX, check=False, timeout=60)
        good = re.findall(r"Successful call\s*\|\s*\d+\s*\|\s*(\d+)", done)
        good = int(good[-1]) if good else 0
        if good != count:
            raise LabError("SIPp: %d of %d calls good\n%s" % (good, count, self.errors()))
        if idle:
            self.hairpin.wait_idle()

    def errors(self):
        try:
            with open(self.lab.path("sipp-errors.txt")) as f:
                return f.read()[-1500:]
        except OSError:
            return ""


@scenario("sipp.load")
def load(lab):
    """Four hundred calls, forty a second: each one good, none left behind."""
    b = Bench(lab)
    b.answers(b.callee)
    b.call("1000", count=400, rate=40)
    shown = b.hairpin.rx("core show channels")
    assert "400 calls processed" in shown, shown


@scenario("sipp.late-offer")
def late_offer(lab):
    """An INVITE without SDP, to the echo and to a callee."""
    b = Bench(lab)
    b.answers(b.callee)
    b.call("600", "uac_late.xml")
    b.call("1000", "uac_late.xml")


@scenario("sipp.cancel")
def cancel(lab):
    """The caller gives up while it rings."""
    Bench(lab).call("602", "uac_cancel.xml")


@scenario("sipp.changes")
def changes(lab):
    """Hold by re-INVITE, resume by UPDATE, OPTIONS within the dialog."""
    Bench(lab).call("600", "uac_changes.xml")


@scenario("sipp.timer")
def timer(lab):
    """A session timer: 422, the larger interval, a refresh."""
    Bench(lab).call("600", "uac_timer.xml")


@scenario("sipp.reliable")
def reliable(lab):
    """Reliable ringing towards the caller, reliable early media from the callee, changed before the answer."""
    b = Bench(lab)
    b.answers(b.callee, "uas_reliable.xml")
    b.call("1000")
    b.call("1003", "uac_reliable.xml")


@scenario("sipp.busy")
def busy(lab):
    """Busy goes through to the caller."""
    b = Bench(lab)
    b.answers(b.callee, "uas_busy.xml")
    b.call("1000", "uac_busy.xml")


@scenario("sipp.fork")
def fork(lab):
    """One of two is busy, the other answers: the call stands."""
    b = Bench(lab)
    b.answers(b.callee, "uas_busy.xml")
    b.answers(b.other)
    b.call("1001")


@scenario("sipp.unreachable")
def unreachable(lab):
    """Nobody listens at the contact: 480 within 3 seconds, by the ICMP error."""
    Bench(lab).call("1002", "uac_unreachable.xml")


@scenario("sipp.refer")
def refer(lab):
    """REFER to nowhere, with and without a subscription, then to the echo: each NOTIFY, and BYE after the last."""
    b = Bench(lab)
    b.answers(b.callee)
    b.call("1000", "uac_refer.xml", idle=False)
    assert "Echo" in b.hairpin.rx("core show channels"), b.hairpin.rx("core show channels")
