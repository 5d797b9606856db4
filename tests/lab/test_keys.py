"""Keys that hairpin presses, and records of calls, with real phones behind NAT."""
import csv
import os
import re

import calls
from hairpin import phone_block, read_conf
from net import wait_for
from suite import scenario
from worlds import PLAIN_TRANSPORT, Two

DIALPLAN = """
exten => 701,1,Dial(PJSIP/6002,20,D(12w*#))
exten => 702,1,Answer()
 same => n,Wait(1)
 same => n,SendDTMF(9A)
 same => n,Wait(30)
"""


def world(lab, extra="", files=None):
    w = Two(lab, provider=False)
    text = read_conf("extensions.conf")
    context = re.search(r"(?m)^context=(\S+)", phone_block("scenario2", "6002"))[1]
    files = dict(files or {}, **{"extensions.conf": text + "\n[%s](+)\n%s" % (context, DIALPLAN)})
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002") + extra, files=files)
    return w, w.phone_a(), w.phone_b()


def pressed(phone, since):
    return "".join(e.get("param", "") for e in phone.events[since[0]:] if e["type"] == "CALL_DTMF_START")


@scenario("keys.press")
def press(lab):
    """Dial's option D and SendDTMF: baresip hears each key once; the two are joined afterwards."""
    w, one, two = world(lab)
    marks = calls.connect(one, two, "701")
    wait_for(lambda: pressed(two, marks[1]) == "12*#", 6, "the callee hears 12*#, not %s" % pressed(two, marks[1]))
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    since = one.dial("702")
    one.wait("CALL_ESTABLISHED", since, 10)
    wait_for(lambda: pressed(one, since) == "9A", 6, "the caller hears 9A")
    one.hangup()
    w.hairpin.wait_idle()


@scenario("keys.records")
def records(lab):
    """cdr.conf: Master.csv has a line for each call, in Asterisk's order."""
    folder = lab.path("cdr-csv")
    w, one, two = world(lab, files={
        "cdr.conf": "[general]\n[csv]\nloguniqueid=yes\n", "hairpin.conf": "[general]\ncdr_dir=%s\n" % folder})
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    since = one.dial("702")
    one.wait("CALL_ESTABLISHED", since, 10)
    one.hangup()
    w.hairpin.wait_idle()
    path = os.path.join(folder, "Master.csv")

    def rows():
        if not os.path.exists(path):
            return []
        with open(path, newline="") as f:
            return list(csv.reader(f))
    wait_for(lambda: len(rows()) == 2, 4, "two records in Master.csv")
    first, second = rows()
    assert len(first) == 17, "fields: %s" % first
    assert first[1] == "6001" and first[7] == "Dial" and "PJSIP/6002" in first[6], first
    assert first[14:16] == ["ANSWERED", "DOCUMENTATION"] and int(first[12]) >= int(first[13]) >= 1, first
    assert second[2] == "702" and second[6] == "" and second[14] == "ANSWERED", second
    assert "Enabled" in w.hairpin.rx("cdr show status")
