"""What happens over time: silent phones, router restarts, crashes."""
import json
import os
import signal
import subprocess

import calls
from hairpin import phone_block
from suite import scenario
from worlds import NAT_A, PLAIN_TRANSPORT, Two

SECONDS = 5                 # the qualify period of these runs
FILE_LIMIT = 100000         # bytes
DURABLE = 1                 # a contact survives kill -9 within this


def quick_qualify(text):
    """Short periods: of qualify, and of registrations if a phone asks so."""
    return text.replace("qualify_frequency=60", "qualify_frequency=%d\n"
                        "minimum_expiration=5" % SECONDS)


def build(lab):
    """Scenario 2 with quick qualify and a second phone to call from."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"),
                 quick_qualify)
    return w


@scenario("life.silent-phone")
def silent_phone(lab):
    """A phone that does not answer any more is Unavail, then Avail again."""
    w = build(lab)
    phone = w.phone_a(expires=600)
    w.hairpin.wait_contact("6001", "Avail")
    phone.program.signal(signal.SIGSTOP)
    w.hairpin.wait_contact("6001", "Unavail", 3 * SECONDS + 5)
    phone.program.signal(signal.SIGCONT)
    w.hairpin.wait_contact("6001", "Avail", 2 * SECONDS + 5)


@scenario("life.link-down")
def link_down(lab):
    """The phone's cable is pulled: calls to it fail at once, not after 32 s."""
    w = build(lab)
    phone, other = w.phone_a(expires=600), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail")
    phone.node.link(False)
    w.hairpin.wait_contact("6001", "Unavail", 3 * SECONDS + 5)
    here = other.dial("6001")
    other.wait("CALL_CLOSED", here, 5)
    w.hairpin.wait_idle()


@scenario("life.router-restart", timeout=120)
def router_restart(lab):
    """The router forgets its mappings and gives the phone a new port.

    The phone registers about every 11 s (it asks for 12), so the new port
    is known after that; the old contact must not stay in the way.
    """
    w = build(lab)
    phone, other = w.phone_a(expires=12), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail")
    before = uris(w.hairpin)
    w.nat_a.restart()
    w.hairpin.wait_rx("pjsip show contacts",
                      lambda out: moved(w.hairpin, before), 25,
                      "the phone's new port is known and Avail")
    assert len(uris(w.hairpin)) == 1, "the old contact is still there: %s" % (
        uris(w.hairpin))
    calls.short_call(other, phone, "6001", w.hairpin)
    calls.short_call(phone, other, "6002", w.hairpin)


def uris(hairpin):
    return {uri for aor, uri, _ in hairpin.contacts() if aor == "6001"}


def moved(hairpin, before):
    return any(aor == "6001" and uri not in before and NAT_A in uri
               and state == "Avail" for aor, uri, state in hairpin.contacts())


@scenario("life.mapping-timeout")
def mapping_timeout(lab):
    """The router forgets after 8 s of silence; qualify keeps the way open."""
    w = build(lab)
    w.phone_b()
    phone = w.phone_a(expires=600)
    w.nat_a.udp_timeouts(SECONDS + 3, SECONDS + 3)
    before = uris(w.hairpin)
    calls.time.sleep(SECONDS + 8)
    assert uris(w.hairpin) == before
    calls.short_call(w.phones["phoneb"], phone, "6001", w.hairpin)


@scenario("life.crash")
def crash(lab):
    """kill -9 and start: the contacts are still there, and calls work."""
    w = build(lab)
    phone, other = w.phone_a(expires=600), w.phone_b(expires=600)
    w.hairpin.wait_contact("6001", "Avail")
    before = uris(w.hairpin)
    calls.time.sleep(DURABLE)
    w.hairpin.crash()
    w.hairpin.start()
    assert uris(w.hairpin) == before, "contacts after the restart: %s" % (
        uris(w.hairpin))
    calls.short_call(other, phone, "6001", w.hairpin)


@scenario("life.crash-in-call")
def crash_in_call(lab):
    """A crash in a call: hairpin comes back and new calls work."""
    w = build(lab)
    phone, other = w.phone_a(expires=600), w.phone_b(expires=600)
    calls.connect(other, phone, "6001")
    calls.time.sleep(DURABLE)
    w.hairpin.crash()
    w.hairpin.start()
    w.hairpin.wait_idle()
    for one in (phone, other):
        one.hangup()
    calls.time.sleep(1)
    calls.short_call(phone, other, "6002", w.hairpin)


@scenario("life.file-limit")
def file_limit(lab):
    """Files may not grow (ulimit -f, a full disk): what cannot be written is said once, and calls go on; later they may."""
    record, capture = lab.path("calls.jsonl"), lab.path("all.pcap")
    with open(record, "w") as f:
        f.write(FILE_LIMIT * "x")
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT, files={"hairpin.conf": "[general]\ncall_log=%s\n" % record},
                 wrap=("prlimit", "--fsize=%d:%d" % (FILE_LIMIT, 2 * FILE_LIMIT)))
    phone = w.phone_a(expires=600)
    w.hairpin.rx("pjsip set logger pcap %s rtp" % capture)
    here = phone.dial("600")
    phone.wait("CALL_ESTABLISHED", here, 10)
    w.hairpin.program.wait_output("the capture in '%s' has ended: File too large" % capture, 15)
    phone.hangup()
    phone.wait("CALL_CLOSED", here, 4)
    for _ in range(2):
        calls.echo_call(phone, w.hairpin)
    said = w.hairpin.program.text()
    assert said.count("call_log: %s: File too large" % record) == 1, said
    assert os.path.getsize(record) == FILE_LIMIT
    subprocess.run(["prlimit", "--pid", str(w.hairpin.program.process.pid), "--fsize=%d:" % (2 * FILE_LIMIT)], check=True)
    calls.echo_call(phone, w.hairpin)
    assert w.hairpin.stop() == 0
    with open(record) as f:
        lines = f.readlines()
    assert lines[0] == FILE_LIMIT * "x" + "\n", "what was cut off has the first line for itself"
    assert json.loads(lines[-1])["dialed"] == "600"
