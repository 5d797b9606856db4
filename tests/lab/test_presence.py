"""Lamps: a phone that has subscribed to what an extension is doing, behind a NAT of its own."""
import re

import calls
from hairpin import phone_block, read_conf
from net import wait_for
from suite import scenario
from worlds import PLAIN_TRANSPORT, Two

HINTS = "\n[from-internal]\nexten => _600X,hint,PJSIP/${EXTEN}\n"


def statuses(phone):
    """What it was told, one after the other: Online, Busy, Offline."""
    return re.findall(r"changed status from .* to \x1b\[\d+m(\w+)", phone.program.text())


def wait_status(phone, status):
    wait_for(lambda: statuses(phone)[-1:] == [status], 10,
             "%s sees %s (it saw %s)" % (phone.name, status, statuses(phone)))


@scenario("presence.baresip")
def baresip(lab):
    """Free, talking, free, gone: by NOTIFY through the phone's NAT."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"),
                 files={"extensions.conf": read_conf("extensions.conf") + HINTS})
    one = w.phone_a(watches="6002")
    wait_for(lambda: "6002@" in w.hairpin.rx("pjsip show subscriptions inbound"), 10, "6001 has subscribed")
    two = w.phone_b()
    wait_status(one, "Online")
    marks = calls.connect(two, one, "6001")
    wait_status(one, "Busy")
    hints = w.hairpin.rx("core show hints")
    assert "_600X@from-internal" in hints and "Watchers 1" in hints, hints
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    wait_status(one, "Online")
    two.program.stop()
    w.hairpin.rx("pjsip qualify 6002")
    wait_status(one, "Offline")
