"""Transfers by baresip's transfer key: three phones, each behind a NAT router of its own."""
import re

import calls
from hairpin import phone_block
from linphone import Linphone
from net import LabError
from suite import scenario
from worlds import PASSWORD, PBX_PUBLIC, PLAIN_TRANSPORT, Two


class Three(Two):
    """Scenario 2 with a third phone."""

    def __init__(self, lab):
        super().__init__(lab, provider=False)
        self.hairpin_in(self.pbx, PLAIN_TRANSPORT + "".join(phone_block("scenario2", n) for n in ("6002", "6003", "6004")),
                        files={"extensions.conf": EXTENSIONS})
        self.one, self.two = self.phone_a(), self.phone_b()
        self.nat("natc", "203.0.113.99")
        node = lab.behind(lab.nodes["natc"], "phonec", "192.0.2.20")
        self.three = self.phone(node, "b", "6003")

    def transfer(self, who, target):
        """Presses the key; the phone's call is over when it has heard how that went."""
        since = who.mark()
        who.command("transfer", target)
        who.wait("CALL_CLOSED", since, 10)

    def dialog_of(self, caller, number):
        """The names of the dialog of a call that the phone made: Call-ID, our tag, its own."""
        for m in reversed(list(self.wan.messages(src=PBX_PUBLIC))):
            if m.status == 200 and m.method == "INVITE" and "sip:%s@" % number in m.values("To")[0] and \
                    "sip:%s@" % caller.user in m.values("From")[0]:
                return m.values("Call-ID")[0], m.values("To")[0].split("tag=")[1], m.values("From")[0].split("tag=")[1]
        raise LabError("no 200 to %s's call to %s on the wire" % (caller.name, number))


EXTENSIONS = """
[from-internal]
exten => _600X,1,Dial(PJSIP/${EXTEN})
exten => 600,1,Answer()
 same => n,Echo()
exten => 610,1,Answer()
 same => n,Transfer(sip:6003@203.0.113.10)
 same => n,NoOp(${TRANSFERSTATUS})
"""


def hold(phone):
    since = phone.mark()
    phone.hold()
    phone.wait("CALL_REMOTE_SDP", since)


def remain(w, one, two):
    """They hear each other, and nobody else is in a call; one hangs up."""
    calls.hear_each_other(one, two)
    marks = one.mark(), two.mark()
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    w.check_wires()


@scenario("transfer.blind")
def blind(lab):
    """The caller sends the callee on, then a callee the caller."""
    w = Three(lab)
    calls.connect(w.one, w.two, "6002")
    calls.hear_each_other(w.one, w.two)
    w.transfer(w.one, "sip:6003@" + PBX_PUBLIC)
    remain(w, w.two, w.three)
    calls.connect(w.two, w.one, "6001")
    calls.hear_each_other(w.one, w.two)
    w.transfer(w.one, "sip:6003@" + PBX_PUBLIC)
    remain(w, w.three, w.two)


@scenario("transfer.held")
def held(lab):
    """The transferer holds the call first."""
    w = Three(lab)
    calls.connect(w.one, w.two, "6002")
    hold(w.one)
    w.transfer(w.one, "sip:6003@" + PBX_PUBLIC)
    remain(w, w.two, w.three)


@scenario("transfer.echo")
def echo(lab):
    """To an application: the party hears itself."""
    w = Three(lab)
    calls.connect(w.one, w.two, "6002")
    w.transfer(w.one, "sip:600@" + PBX_PUBLIC)
    since = w.two.mark()
    w.two.wait_tone(w.two.frequency, since, 1.5)
    w.two.hangup()
    w.hairpin.wait_idle()


@scenario("transfer.attended")
def attended(lab):
    """Two calls of one phone; its parties are joined, and both its calls end."""
    w = Three(lab)
    calls.connect(w.one, w.two, "6002")
    calls.hear_each_other(w.one, w.two)
    hold(w.one)
    calls.connect(w.one, w.three, "6003")
    calls.hear_each_other(w.one, w.three)
    call_id, ours, its = w.dialog_of(w.one, "6002")
    replaces = "%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s" % (call_id.replace("@", "%40"), ours, its)
    w.transfer(w.one, "<sip:6002@%s?Replaces=%s>" % (PBX_PUBLIC, replaces))
    remain(w, w.two, w.three)


@scenario("transfer.linphone")
def linphone(lab):
    """linphone transfers, blind and attended, as its own console does; it speaks of Replaces by itself."""
    w = Three(lab)
    w.nat("natd", "203.0.113.111")
    node = lab.behind(lab.nodes["natd"], "phoned", "192.0.2.20")
    other = Linphone(node, "d", "6004", w.server, PASSWORD)
    other.wait_registered()
    w.phones[node.name] = other
    calls.connect(other, w.one, "6001")
    calls.hear_each_other(other, w.one)
    since = other.mark()
    other.command("transfer sip:6003@" + PBX_PUBLIC)
    other.wait("CALL_CLOSED", since)
    remain(w, w.one, w.three)
    calls.connect(other, w.one, "6001")
    hold(other)
    calls.connect(other, w.three, "6003")
    calls.hear_each_other(other, w.three)
    ids = re.findall(r"Call (\d+) with", other.program.text())
    since = other.mark()
    other.command("transfer %s --to-call %s" % (ids[-2] if ids[-2] != ids[-1] else str(int(ids[-1]) - 1), ids[-1]))
    other.wait("CALL_CLOSED", since)
    remain(w, w.one, w.three)


@scenario("transfer.refer")
def refer(lab):
    """Transfer() of the dialplan: baresip is asked to call somebody else, and does."""
    w = Three(lab)
    since, there = w.one.mark(), w.three.mark()
    w.one.dial("610")
    w.three.wait("CALL_ESTABLISHED", there)
    calls.hear_each_other(w.one, w.three)
    w.three.hangup()
    w.one.wait("CALL_CLOSED", since)
    w.hairpin.wait_idle()
    w.check_wires()
