"""What the scenarios of the failure modes (test_failures_*.py) share."""
import calls
import hairpin
from hairpin import phone_block
from places import Ground
from verdict import wait_verdict
from worlds import PLAIN_TRANSPORT, Two


def deaf_call(w, caller, callee, number, code, heard=True):
    """The caller hears nothing, and the doctor says why; returns its finding. heard: the callee hears the caller."""
    marks = calls.connect(caller, callee, number)
    if heard:
        callee.wait_tone(caller.frequency, marks[1], 1.0)
    calls.silent(caller, callee.frequency, marks[0], 1.0)
    finding = wait_verdict(w.hairpin, code)
    calls.end(caller, callee, marks)
    w.hairpin.wait_idle()
    return finding


def deaf_echo(w, phone, code):
    """The phone does not hear itself at 600, and the doctor says why; returns its finding."""
    since = phone.dial("600")
    phone.wait("CALL_ESTABLISHED", since, 10)
    calls.silent(phone, phone.frequency, since, 1.5)
    finding = wait_verdict(w.hairpin, code)
    phone.hangup()
    w.hairpin.wait_idle()
    return finding


def without(*lines):
    """The same text without these lines."""
    def change(text):
        for line in lines:
            assert line + "\n" in text, line
            text = text.replace(line + "\n", "")
        return text
    return change


def two_phones(lab, change=None, files=None, extra=""):
    """Scenario 2 with phones 6001 and 6002, each behind a NAT of its own."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002") + extra, change, files)
    return w


def place(lab, where, guide="double", change=None, files=None, extra="", provider=False):
    """A place of the NAT matrix, where private networks have RFC 1918's addresses, with the guide's configuration."""
    g = Ground(lab, where)
    if provider:
        g.pstn = g.kamailio("auto")
    g.start(hairpin.make_conf(lab, guide, extra, change, files))
    return g
