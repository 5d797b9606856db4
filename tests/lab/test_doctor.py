"""The guide's troubleshooting section: each symptom, what `hairpin why` says of it, and the fix that it names."""
import json
import os
import re
import subprocess
import time

import calls
import capture
from hairpin import BINARY, phone_block
from net import wait_for
from places import SIP_ALG
from provider import FROM_OUTSIDE, GW1, NUMBER
from suite import scenario
from verdict import ASTERISK, doctor, good_call, mend, wait_verdict, why
from worlds import (NAT_A, NAT_B, PBX_PUBLIC, PLAIN_TRANSPORT, ROUTER, TRUNK,
                    One, Two)

CLOSED = """
table ip closed {
    chain pre {
        type filter hook prerouting priority -300;
        iifname "wan" udp dport 10000-20000 drop
    }
}
"""


def findings(hairpin):
    """What is wrong with the server as it stands."""
    return json.loads(hairpin._rx("doctor json").stdout).get("findings", [])


@scenario("doctor.one-way")
def one_way(lab):
    """One-way audio: verify that external_media_address is set."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "external_media_address=198.51.100.5", "external_media_address="))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    w.pstn.wait_tone(phone.frequency, marks[1], 1.5)
    calls.silent(phone, w.pstn.frequency, marks[0], 1.5)
    finding = wait_verdict(w.hairpin, "NAT035")
    assert "192.0.2.10" in finding["evidence"], finding
    assert finding["fix"] == {"option": "external_media_address",
                              "value": ROUTER}, finding
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    mend(w.hairpin, finding)
    good_call(w.hairpin, phone, w.pstn, NUMBER)


@scenario("doctor.range-closed")
def range_closed(lab):
    """One-way audio: check that the UDP range is open inbound."""
    w = One(lab)
    w.router.run("nft", "-f", "-", stdin=CLOSED)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    finding = wait_verdict(w.hairpin, "NAT051")
    assert "10000 to 20000" in finding["set"], finding
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    w.router.run("nft", "delete", "table", "ip", "closed")
    good_call(w.hairpin, phone, w.pstn, NUMBER)


@scenario("doctor.rewrite-contact")
def rewrite_contact(lab):
    """Phone registers but calls have no audio: rewrite_contact."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002").replace(
        "rewrite_contact=yes", "rewrite_contact=no").replace(
        "qualify_frequency=60", "qualify_frequency=0"))
    one, two = w.phone_a(), w.phone_b()
    w.hairpin.wait_contact("6002", host="192.0.2.20")
    since = one.dial("6002")
    one.wait("CALL_CLOSED", since, 40)
    finding = wait_verdict(w.hairpin, "NAT045")
    assert "192.0.2.20" in finding["evidence"] and NAT_B in finding["evidence"]
    assert finding["fix"] == {"option": "rewrite_contact", "value": "yes"}
    mend(w.hairpin, finding)
    two.stop()
    two.start()
    two.wait_registered()
    w.hairpin.wait_contact("6002", host=NAT_B)
    good_call(w.hairpin, one, two, "6002")


@scenario("doctor.symmetric")
def symmetric(lab):
    """No audio: we send to a private IP of the remote end: rtp_symmetric."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, lambda text: text.replace(
        "rtp_symmetric=yes", "rtp_symmetric=no"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    marks = calls.connect(phone, w.pstn, NUMBER)
    calls.silent(phone, w.pstn.frequency, marks[0], 1.5)
    finding = wait_verdict(w.hairpin, "NAT009")
    assert "192.0.2.20" in finding["evidence"], finding
    assert finding["fix"] == {"option": "rtp_symmetric", "value": "yes"}
    channel = next(leg["channel"] for leg in why(w.hairpin)["legs"]
                   if leg["endpoint"] == "6001")
    shown = w.hairpin.rx("core show channel " + channel)
    assert "NAT009" in shown and "rtp_symmetric=yes" in shown, shown
    calls.end(phone, w.pstn, marks)
    w.hairpin.wait_idle()
    w.hairpin.program.wait_output("call.why")
    assert "NAT009" in w.hairpin.program.text()
    mend(w.hairpin, finding)
    good_call(w.hairpin, phone, w.pstn, NUMBER)
    assert w.hairpin.program.text().count("call.why") == 1, "noise"


@scenario("doctor.qualify", timeout=120)
def qualify(lab):
    """Registration drops intermittently: qualify_frequency."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002").replace(
        "qualify_frequency=60", "qualify_frequency=0"),
        files=ASTERISK)
    one, nat = w.phone_a(expires=600), w.nat("natb", NAT_B)
    nat.udp_timeouts(5, 5)
    node = lab.behind(nat, "phoneb", "192.0.2.20")
    two = w.phone(node, "c", "6002", expires=600)
    w.hairpin.wait_contact("6002", host=NAT_B)
    time.sleep(8)
    since = one.dial("6002")
    one.wait("CALL_CLOSED", since, 40)
    finding = wait_verdict(w.hairpin, "NAT013")
    assert finding["fix"]["option"] == "qualify_frequency", finding
    finding["fix"]["value"] = "3"          # this router forgets after 5 s
    mend(w.hairpin, finding)
    two.stop()
    two.start()
    two.wait_registered()
    time.sleep(8)
    good_call(w.hairpin, one, two, "6002")


@scenario("doctor.server")
def server(lab):
    """The whole server: what it sees of itself, and what to mend first."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "match=203.0.113.1\n", ""))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    since = w.pstn.dial(FROM_OUTSIDE)
    w.pstn.wait("CALL_CLOSED", since, 10)
    seen = json.loads(doctor(w.hairpin, "doctor json", 1))
    finding = seen["findings"][0]
    assert (finding["code"], finding["fix"]) == (
        "NAT034", {"option": "match", "value": GW1}), seen
    transport = seen["transports"][0]
    assert transport["external"] == ROUTER + ":5060", transport
    world = next(r for r in seen["routes"] if r["peer"] is None)
    assert (world["source"], world["gateway"], world["length"]) == ("192.0.2.10", "192.0.2.1", 0), world
    beside = next(r for r in seen["routes"] if r["peer"] == "6001")
    assert (beside["network"], beside["length"], beside["gateway"]) == ("192.0.2.0", 24, None), beside
    assert beside["interface"] == world["interface"] and not beside["of_another_interface"], seen["routes"]
    assert seen["registrations"][0]["state"] == "Registered", seen
    assert any(c["aor"] == "6001" for c in seen["contacts"]), seen
    mend(w.hairpin, finding)
    good_call(w.hairpin, w.pstn, phone, FROM_OUTSIDE)
    picture = doctor(w.hairpin, "doctor", 0)
    assert "1 fine" in picture and "Nothing is wrong" in picture, picture
    assert re.search(r"default +from 192\.0\.2\.10 by \S+ via 192\.0\.2\.1\n", picture), picture


@scenario("doctor.bound")
def bound(lab):
    """A transport bound to the address of another network than the provider's: the doctor names it, and the bind."""
    w = One(lab)
    w.pbx.run("ip", "link", "add", "vpn", "type", "veth", "peer", "name", "vpn-far")
    w.pbx.run("ip", "address", "add", "10.8.0.1/24", "dev", "vpn")
    w.pbx.run("ip", "link", "set", "vpn", "up")
    w.pbx.run("ip", "link", "set", "vpn-far", "up")
    w.hairpin_in(w.pbx, change=lambda text: text.replace("bind=0.0.0.0", "bind=10.8.0.1"))
    wait_for(lambda: any(f["code"] == "NAT077" for f in findings(w.hairpin)), 10, "NAT077")
    finding = next(f for f in findings(w.hairpin) if f["code"] == "NAT077")
    assert "bound to 10.8.0.1" in finding["evidence"], finding
    assert finding["fix"] == {"option": "bind", "value": "192.0.2.10"}, finding
    mend(w.hairpin, finding)
    w.hairpin.rx("pjsip send register sipus_reg")
    w.provider.wait_registered(20)
    assert not [f for f in findings(w.hairpin) if f["code"] in ("NAT077", "NAT078")]
    w.pbx.run("ip", "route", "delete", "default")
    lost = [f for f in findings(w.hairpin) if f["code"] == "NAT078"]
    assert lost and GW1 in lost[0]["evidence"], lost
    world = next(r for r in json.loads(w.hairpin._rx("doctor json").stdout)["routes"] if r["peer"] is None)
    assert world["routed"] is False, world
    w.pbx.run("ip", "route", "add", "default", "via", "192.0.2.1")
    assert not [f for f in findings(w.hairpin) if f["code"] == "NAT078"]


FORWARD_TCP = """
table ip forwarded {
    chain pre {
        type nat hook prerouting priority -110;
        iifname "wan" tcp dport 5060 dnat to 192.0.2.10
    }
}
"""

KNOCK = """
import socket
with socket.create_connection(("198.51.100.5", 5060), 5) as s:
    s.sendall(b"OPTIONS sip:x@198.51.100.5 SIP/2.0\\r\\nVia: SIP/2.0/TCP 203.0.113.200;branch=z9hG4bKknock\\r\\n"
              b"From: <sip:x@example.org>;tag=1\\r\\nTo: <sip:x@example.org>\\r\\nCall-ID: knock\\r\\n"
              b"CSeq: 1 OPTIONS\\r\\nMax-Forwards: 9\\r\\nContent-Length: 0\\r\\n\\r\\n")
    s.settimeout(5)
    assert s.recv(4096).startswith(b"SIP/2.0 ")
"""


@scenario("doctor.forwarding")
def forwarding(lab):
    """What comes in uninvited shows that the router forwards; where nothing has, the doctor sends one to the probe."""
    w = One(lab, provider=False)
    w.router.run("nft", "-f", "-", stdin=FORWARD_TCP)
    w.hairpin_in(w.pbx, "[tcp]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n")
    w.phone_a()
    seen = json.loads(w.hairpin._rx("doctor json").stdout)["forwarding"]
    assert [t["uninvited"] for t in seen["sip"]] == [False, False], seen
    assert seen["rtp"] == {"uninvited": False, "legs_from_outside": 0, "legs_uninvited": 0}, seen
    lab.host("outside", "203.0.113.200").run("python3", "-c", KNOCK)
    seen = json.loads(w.hairpin._rx("doctor json").stdout)["forwarding"]
    assert {t["protocol"]: t["uninvited"] for t in seen["sip"]} == {"udp": False, "tcp": True}, seen
    picture = w.hairpin._rx("doctor").stdout
    assert re.search(r"tcp  5060  arrives uninvited: a message or connection of 203\.0\.113\.200:\d+, \d s ago",
                     picture), picture
    assert re.search(r"udp  5060  no evidence yet: run `hairpin probe` from outside", picture), picture


OPENED = """
table ip opened {
    chain pre {
        type nat hook prerouting priority -110;
        iifname "wan" udp dport %s dnat to 192.0.2.20:%s
    }
}
"""


def measured(hairpin):
    """The contact of 6001 as `hairpin doctor --measure --json` shows it."""
    done = hairpin.node.run(BINARY, "doctor", "--measure", "--json", "--run", hairpin.run_dir, check=False)
    return next(c for c in json.loads(done)["contacts"] if c["aor"] == "6001")


@scenario("doctor.measure")
def measure(lab):
    """A phone behind a router of Linux, which lets in whom the phone has sent to; then its port is opened for all."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    phone = w.phone_a()
    calls.echo_call(phone, w.hairpin)
    assert "another port" not in w.hairpin._rx("doctor").stdout
    contact = measured(w.hairpin)
    assert contact["another_port_of_ours"] == "filters by port, or the phone answers nobody but its registrar", contact
    assert contact["audio_ports"] == "changed", contact
    outside = contact["uri"].split("@")[1].split(";")[0].split(":")[1]
    inside = re.search(r"behind NAT as 192\.0\.2\.20:(\d+)", w.hairpin._rx("doctor").stdout).group(1)
    w.nat_a.run("nft", "-f", "-", stdin=OPENED % (outside, inside))
    contact = measured(w.hairpin)
    assert contact["another_port_of_ours"].startswith("lets another port of ours in"), contact
    assert "does not depend" in contact["another_port_of_ours"], contact
    assert "lets another port of ours in" in w.hairpin._rx("doctor").stdout


@scenario("doctor.pcap")
def pcap(lab):
    """pjsip set logger pcap FILE rtp: SIP and audio, as on the wire."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    phone = w.phone_a()
    path = lab.path("call.pcap")
    w.hairpin.rx("pjsip set logger pcap %s rtp" % path)
    calls.echo_call(phone, w.hairpin)
    time.sleep(0.7)
    w.hairpin.rx("pjsip set logger off")
    got = list(capture.PcapReader(path).packets())
    wire = [p for p in capture.PcapReader(w.wan.path).packets()
            if p.proto == "udp"]
    sip = [p for p in got if 5060 in (p.sport, p.dport)]
    for word in (b"INVITE sip:600@", b"SIP/2.0 200 OK", b"BYE "):
        assert any(p.data.startswith(word) for p in sip), word
    rtp = [p for p in got if p.data[:1] == b"\x80" and len(p.data) == 172]
    mine = [p for p in rtp if p.src == PBX_PUBLIC]
    its = [p for p in rtp if p.dst == PBX_PUBLIC and p.src == NAT_A]
    assert len(mine) > 50 and len(its) > 50, (len(mine), len(its))
    seen = {(p.src, p.sport, p.dst, p.dport, p.data) for p in wire}
    for p in rtp:      # the first ones go to the phone's private address
        assert p.dst == "192.0.2.20" or (p.src, p.sport, p.dst, p.dport, p.data) in seen, p
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"


@scenario("doctor.call-log")
def call_log(lab):
    """call_log: a line of JSON for each call, with its verdict."""
    w = Two(lab, provider=False)
    path = lab.path("calls.jsonl")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT,
                 files={"hairpin.conf": "[general]\ncall_log=%s\n" % path})
    phone = w.phone_a()
    for _ in range(2):
        calls.echo_call(phone, w.hairpin)
    wait_for(lambda: os.path.exists(path) and
             len(open(path).read().splitlines()) == 2, 5, "two calls in it")
    with open(path) as f:
        records = [json.loads(line) for line in f]
    for record in records:
        assert record["verdict"] == "fine" and record["dialed"] == "600", record
        leg = record["legs"][0]
        assert leg["endpoint"] == "6001" and leg["ended_by_peer"], record
        assert leg["lasted_ms"] >= leg["talked_ms"] > 1000, record
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"


@scenario("doctor.rtp-debug")
def rtp_debug(lab):
    """rtp set debug on: the line itself says that the address is private."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, lambda text: text.replace(
        "rtp_symmetric=yes", "rtp_symmetric=no"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.hairpin.rx("rtp set debug on")
    marks = calls.connect(phone, w.pstn, NUMBER)
    w.hairpin.program.wait_output("Sent RTP packet to      192.0.2.20:")
    w.hairpin.program.wait_output("; its audio comes from " + NAT_A)
    w.hairpin.rx("rtp set debug off")
    calls.end(phone, w.pstn, marks)


class Outside:
    """`hairpin probe --listen` on a machine of the internet."""

    KEY = "a-key-for-the-lab"

    def __init__(self, lab):
        self.node = lab.host("outside", "203.0.113.200")
        self.program = self.node.start("outside", [
            BINARY, "probe", "--listen", "--key", self.KEY])
        self.program.wait_output("Waiting on UDP port 5060")

    def look(self, hairpin, status, key=KEY):
        """The report, from the machine that hairpin runs on."""
        done = subprocess.run(
            ["ip", "netns", "exec", hairpin.node.ns, BINARY, "probe",
             "203.0.113.200", "--key", key, "--conf", hairpin.conf],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=40)
        assert done.returncode == status, done.stdout
        return done.stdout


@scenario("probe.open")
def probe_open(lab):
    """All is forwarded: SIP, where hairpin itself answers, and the range."""
    w = One(lab, provider=False)
    w.hairpin_in(w.pbx)
    outside = Outside(lab)
    report = outside.look(w.hairpin, 0)
    assert "sees us as " + ROUTER in report, report
    assert "SIP    5060  arrives (SIP/2.0 " in report, report
    assert report.count("RTP") == report.count("RTP   ") == 8, report
    assert "NOT" not in report and "All is well" in report, report
    assert "Nothing answers" in outside.look(w.hairpin, 1, key="another")


@scenario("probe.closed")
def probe_closed(lab):
    """The range is shut: SIP arrives, audio does not."""
    w = One(lab, provider=False)
    w.router.run("nft", "-f", "-", stdin=CLOSED)
    w.hairpin_in(w.pbx)
    report = Outside(lab).look(w.hairpin, 1)
    assert "SIP    5060  arrives (SIP/2.0 " in report, report
    assert report.count("does NOT arrive") == 8, report
    assert "NAT051" in report and "NAT052" not in report, report


@scenario("probe.alg")
def probe_alg(lab):
    """The kernel's own SIP ALG in the router is found out."""
    w = One(lab, provider=False)
    w.router.rules("random")
    w.router.run("nft", "-f", "-", stdin=SIP_ALG)
    w.hairpin_in(w.pbx)
    report = Outside(lab).look(w.hairpin, 1)
    assert "CHANGED on the way" in report and ROUTER in report, report
    assert "NAT052" in report, report
    assert "NAT064" in report, report
