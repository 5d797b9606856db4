"""The kernel path: audio that passes without hairpin's threads, and back again.

The phones are public hosts beside the PBX, so that what leaves it can be counted
on the way to each of them; the guide's NAT scenarios run over the kernel path, too
(hairpin in the lab is root, and media_engine is auto).
"""
import re
import signal
import socket
import struct
import time

import calls
import capture
from hairpin import phone_block
from net import LabError, wait_for
from provider import NUMBER
from suite import scenario
from worlds import One, PBX_PUBLIC, PLAIN_TRANSPORT, Two

PHONES = {"phone": ("203.0.113.20", "2001:db8::20"),
          "phoneb": ("203.0.113.21", "2001:db8::21")}
PBX_V6 = "2001:db8::10"
UDP6 = "[transport-udp6]\ntype=transport\nprotocol=udp\nbind=[::]\n"


class Flat(Two):
    """PBX and phones with public addresses on one wire."""

    v6 = False

    def place(self):
        self.pbx = self.lab.host("pbx", PBX_PUBLIC, PBX_V6)

    def start(self, change=None, **more):
        text = PLAIN_TRANSPORT + UDP6 + phone_block("scenario2", "6002")
        self.hairpin_in(self.pbx, text, change, **more)

    def host(self, name):
        addresses = PHONES[name][::-1] if self.v6 else PHONES[name]
        return self.lab.host(name, addresses[0])

    def phone_a(self, **options):
        return self.phone(self.host("phone"), "a", **options)

    def phone_b(self, **options):
        return self.phone(self.host("phoneb"), "c", "6002", **options)


class FlatV6(Flat):
    v6, server = True, PBX_V6


def build(lab, kind=Flat, **options):
    w = kind(lab, provider=False)
    w.start(**options)
    return w, w.phone_a(), w.phone_b()


# --- what the console says --------------------------------------------------

def channels(w):
    """{channel: {fact: value}} of all that are up."""
    names = re.findall(r"(?m)^(PJSIP/\S+)", w.hairpin.rx("core show channels"))
    found = {}
    for name in names:
        text = w.hairpin.rx("core show channel " + name)
        found[name] = dict(re.findall(r"(?m)^\s*([\w ]+?):\s+(.*?)\s*$", text))
    return found


def in_kernel(w):
    return [facts.get("Relayed in") == "the kernel" for facts in channels(w).values()]


def wait_path(w, kernel=True, legs=2, seconds=5):
    """The figures are up to a second old."""
    wait_for(lambda: in_kernel(w) == [kernel] * legs, seconds,
             "audio goes through " + ("the kernel" if kernel else "user space"), every=0.2)


def passed(w):
    """Packets that the kernel relayed, of all legs."""
    return sum(int(facts["Kernel packets"]) for facts in channels(w).values())


# --- what arrived -----------------------------------------------------------

class Arrivals:
    """The RTP that reached a phone from the PBX: one stream, or not."""

    def __init__(self, phone):
        self.packets = []
        for p in capture.PcapReader(phone.ears.path).packets():
            if p.proto == "udp" and p.dport in phone.ears.ports and p.dst == phone.ears.address \
                    and len(p.data) >= 12 and p.data[0] == 0x80 and p.data[1] & 127 in (0, 8):
                self.packets.append(p)
        self.heads = [struct.unpack_from(">HII", p.data, 2) for p in self.packets]

    def check(self):
        """One SSRC; each sequence number once and in order; timestamps that go with them."""
        assert len(self.heads) > 100, "only %d packets arrived" % len(self.heads)
        assert len({ssrc for _, _, ssrc in self.heads}) == 1, "the SSRC changed"
        for (seq, ts, _), (after, later, _) in zip(self.heads, self.heads[1:]):
            assert (after - seq) & 0xffff == 1, "sequence number %d comes after %d" % (after, seq)
            assert 0 < (later - ts) & 0xffffffff < 0x40000000, "the timestamp goes back"
        return self


# --- scenarios --------------------------------------------------------------

@scenario("kernel.call")
def call(lab):
    """A call in the kernel; debug takes it out and lets it go back; nothing is lost or said twice."""
    w, one, two = build(lab)
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    wait_path(w)
    before = passed(w)
    calls.hear_each_other(one, two, 2.0)
    assert passed(w) - before > 150, "the kernel relayed only %d packets" % (passed(w) - before)
    for _ in range(3):
        w.hairpin.rx("rtp set debug on")
        wait_path(w, False)
        w.hairpin.rx("rtp set debug off")
        wait_path(w)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    calls.recorded(one, two)
    Arrivals(one).check()
    Arrivals(two).check()


@scenario("kernel.hold")
def hold(lab):
    """Hold and resume from both sides, each time back into the kernel."""
    w, one, two = build(lab)
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    for holder, other in ((one, two), (two, one)):
        calls.hold_and_resume(holder, other)
        wait_path(w)
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()


@scenario("kernel.v6")
def v6(lab):
    w, one, two = build(lab, FlatV6)
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    Arrivals(one).check()
    Arrivals(two).check()


@scenario("kernel.nat")
def nat(lab):
    """The guide's networks: scenario 1 through the provider, scenario 2 between two NATs."""
    w = One(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    marks = calls.connect(phone, w.pstn, NUMBER)
    wait_path(w)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, marks)
    w.check_wires()


@scenario("kernel.two-nats")
def two_nats(lab):
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"))
    one, two = w.phone_a(), w.phone_b()
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.check_wires()


@scenario("kernel.checksums")
def checksums(lab):
    """Packets whose checksum the sender computed, and packets that left it to the device."""
    w, one, two = build(lab)
    w.pbx.run("ethtool", "-K", "eth0", "tx", "off", "rx", "off")
    one.node.run("ethtool", "-K", "eth0", "tx", "off", "rx", "off")
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two)
    two.node.run("ethtool", "-K", "eth0", "tx", "off")
    calls.hear_each_other(one, two)
    wait_path(w)
    calls.end(one, two, marks)
    calls.recorded(one, two)


@scenario("kernel.stranger")
def stranger(lab):
    """A third host finds the ports of a call in the kernel: nothing of what it says is passed on."""
    w, one, two = build(lab)
    third = lab.host("third", "203.0.113.66")
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two, 1.0)
    ports = {p.sport for ears in (one.ears, two.ears) for p in capture.PcapReader(ears.path).packets()
             if p.src == PBX_PUBLIC and p.dport in ears.ports}
    assert len(ports) == 2, ports
    s = third.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(100):
        for port in ports:
            s.sendto(struct.pack(">BBHII", 0x80, 0, 1000 + i, 160 * i, 0x666) + b"stranger" * 20, (PBX_PUBLIC, port))
        time.sleep(0.01)
    s.close()
    time.sleep(0.5)
    for phone in (one, two):
        heard = [p for p in capture.PcapReader(phone.ears.path).packets() if b"stranger" in p.data]
        assert not heard, "%d packets of the stranger reached %s" % (len(heard), phone.name)
    dropped = sum(int(facts["Dropped"]) for facts in channels(w).values())
    wait_for(lambda: sum(int(f["Dropped"]) for f in channels(w).values()) == 200, 3,
             "200 packets are counted as dropped (%d are)" % dropped)
    assert in_kernel(w) == [True, True], "the stranger took the call out of the kernel"
    calls.end(one, two, marks)
    Arrivals(one).check()
    Arrivals(two).check()


@scenario("kernel.killed")
def killed(lab):
    """kill -9 in a call: nothing is passed on any more, and nothing stays behind."""
    w, one, two = build(lab)
    calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two, 1.0)
    w.hairpin.crash()
    time.sleep(0.3)
    here, there = one.mark(), two.mark()
    calls.silent(one, two.frequency, here, 1.5)
    calls.silent(two, one.frequency, there, 0)
    filters = w.pbx.run("tc", "filter", "show", "dev", "eth0", "ingress", check=False)
    assert "hairpin" not in filters, filters
    assert not programs_of(w.pbx), "programs stay attached"
    w.hairpin.start()
    for phone in (one, two):
        phone.hangup()
    time.sleep(1)
    marks = calls.connect(two, one, "6001")
    wait_path(w)
    calls.end(two, one, marks)


def programs_of(node):
    """What bpftool sees at the interfaces of that namespace."""
    out = node.run("/usr/sbin/bpftool", "-j", "net", "show", check=False)
    links = node.run("/usr/sbin/bpftool", "link", "show", check=False)
    ours = [line for line in links.splitlines() if "tcx" in line and "netns" in line]
    return [word for word in re.findall(r"hairpin_\w+", out)] + ours


@scenario("kernel.frozen")
def frozen(lab):
    """A process that has stopped living (here: SIGSTOP) does not go on relaying for long."""
    w, one, two = build(lab)
    calls.connect(one, two, "6002")
    wait_path(w)
    w.hairpin.program.signal(signal.SIGSTOP)
    calls.hear_each_other(one, two, 1.0, 3)
    time.sleep(5)
    here = one.mark()
    calls.silent(one, two.frequency, here, 1.5)
    w.hairpin.program.signal(signal.SIGCONT)
    calls.hear_each_other(one, two)
    wait_path(w)


@scenario("kernel.unprivileged")
def unprivileged(lab):
    """Without the right to load programs: one line says so, and user space serves."""
    w, one, two = build(lab, wrap=DROP)
    said = [line for line in w.hairpin.program.text().splitlines() if "user space" in line]
    assert len(said) == 1 and "CAP_BPF" in said[0], said
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    wait_path(w, False)
    assert passed(w) == 0
    calls.end(one, two, marks)
    w.hairpin.wait_idle()


DROP = ("setpriv", "--bounding-set=-bpf,-sys_admin,-net_admin", "--inh-caps=-bpf,-sys_admin,-net_admin")


def refuses_to_start(lab, wrap, option):
    """The option demands a right that `wrap` takes: hairpin does not start, and says why."""
    w = Flat(lab, provider=False)
    try:
        w.start(wrap=wrap, files={"hairpin.conf": "[general]\n%s\n" % option})
    except LabError:
        pass
    else:
        raise AssertionError("it started")
    text = lab.programs[-1].text()
    assert re.search(r"hairpin.conf:\d+: %s: not permitted" % option, text), text


@scenario("kernel.demanded")
def demanded(lab):
    """media_engine=kernel without the right to load programs."""
    refuses_to_start(lab, DROP, "media_engine=kernel")


@scenario("kernel.user")
def user(lab):
    """media_engine=user: nothing is loaded."""
    w, one, two = build(lab, files={"hairpin.conf": "[general]\nmedia_engine=user\n"})
    assert not programs_of(w.pbx)
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    wait_path(w, False)
    calls.end(one, two, marks)


@scenario("kernel.timeout")
def timeout(lab):
    """rtp_timeout sees what only the kernel sees: a call that talks lives, a silent one ends."""
    w, one, two = build(lab, change=lambda text: text.replace(
        "[6001]\ntype=endpoint", "[6001]\ntype=endpoint\nrtp_timeout=3", 1))
    marks = calls.connect(two, one, "6001")
    wait_path(w)
    time.sleep(6)
    assert in_kernel(w) == [True, True]
    one.program.signal(signal.SIGSTOP)
    two.wait("CALL_CLOSED", marks[0], 8)
    one.program.signal(signal.SIGCONT)


@scenario("kernel.device")
def device(lab):
    """The PBX's interface goes and comes back in mid-call; so does the path."""
    w, one, two = build(lab)
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    w.pbx.ip("link", "del", "eth0")
    time.sleep(1)
    here = one.mark()
    calls.silent(one, two.frequency, here, 0.5)
    lab.wan.plug(w.pbx, [PBX_PUBLIC + "/24", PBX_V6 + "/64"], routes=lab.wan_routes(PBX_PUBLIC))
    calls.hear_each_other(one, two)
    wait_path(w)
    before = passed(w)
    time.sleep(1.5)
    assert passed(w) > before
    calls.end(one, two, marks)


@scenario("kernel.neighbour")
def neighbour(lab):
    """A phone's network card is changed in mid-call: the new MAC address is found."""
    w, one, two = build(lab)
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    calls.hear_each_other(one, two, 1.0)
    two.node.ip("link", "set", "eth0", "address", "02:00:00:00:77:77")
    calls.hear_each_other(one, two, 1.0, 15)
    wait_path(w, seconds=10)
    calls.end(one, two, marks)


@scenario("kernel.ipsec")
def ipsec(lab):
    """An IPsec policy appears on the PBX's host: what it may be about must not pass it by."""
    w, one, two = build(lab)
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    policy = ["xfrm", "policy", "%s", "src", "198.51.100.1/32", "dst", "198.51.100.2/32", "dir", "out"]
    w.pbx.ip(*[word.replace("%s", "add") for word in policy], "tmpl", "proto", "esp", "mode", "transport")
    wait_path(w, False)
    calls.hear_each_other(one, two)
    w.pbx.ip(*[word.replace("%s", "delete") for word in policy])
    wait_path(w)
    calls.end(one, two, marks)


@scenario("kernel.loopback")
def loopback(lab):
    """Both phones on the PBX's own host: everything goes over lo."""
    w = Flat(lab, provider=False)
    w.start()
    one = w.phone(w.pbx, "a", ports=(5071, 4445), interface="lo", name="one")
    two = w.phone(w.pbx, "c", "6002", ports=(5081, 4446), interface="lo", name="two", rtp="12000-12998")
    marks = calls.connect(one, two, "6002")
    wait_path(w)
    before = passed(w)
    time.sleep(2)
    assert passed(w) - before > 100
    calls.end(one, two, marks)
    calls.recorded(one, two)


# --- past this end of the cable ---------------------------------------------

def sent_here(w, seconds=1.0):
    """What of the relayed packets the PBX's own end of the cable has sent, in hundredths."""
    def counts():
        return int(w.pbx.run("cat", "/sys/class/net/eth0/statistics/tx_packets")), passed(w)
    wait_path(w)
    sent, relayed = counts()
    wait_for(lambda: counts()[1] - relayed >= 100 * seconds, 10 * seconds + 5, "packets are relayed", every=0.2)
    after, now = counts()
    return (after - sent) * 100 // (now - relayed)


def takes_shortcut(w, yes=True):
    """The half that goes to the provider: the phone is beside the PBX, behind the router's bridge."""
    wait_for(lambda: 35 < sent_here(w) < 65 if yes else sent_here(w) >= 90, 15,
             "relayed packets go " + ("past the cable's end" if yes else "through the cable's end"))


def through_router(lab, **options):
    """The PBX behind a router, as in a container: what goes out leaves by the other end of its cable."""
    w = One(lab)
    w.hairpin_in(w.pbx, **options)
    phone = w.phone_a()
    return w, phone, calls.connect(phone, w.pstn, NUMBER)


@scenario("kernel.shortcut")
def shortcut(lab):
    """Through a veth packets go to its other end at once, unless somebody here wants to see them."""
    w, phone, marks = through_router(lab)
    takes_shortcut(w)
    calls.hear_each_other(phone, w.pstn)
    path = lab.path("pbx.pcap")
    tcpdump = capture.start_tcpdump(w.pbx, "eth0", path, "udp")
    takes_shortcut(w, False)
    out = [p for p in capture.PcapReader(path).packets() if p.src == w.pbx.address and len(p.data) == 172]
    assert len(out) >= 90, "the capture shows %d packets that leave" % len(out)
    tcpdump.stop()
    takes_shortcut(w)
    w.pbx.run("tc", "qdisc", "add", "dev", "eth0", "root", "pfifo")
    takes_shortcut(w, False)
    calls.hear_each_other(phone, w.pstn, 1.0)
    w.pbx.run("tc", "qdisc", "del", "dev", "eth0", "root")
    takes_shortcut(w)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, marks)
    w.check_wires()
    Arrivals(phone).check()


@scenario("kernel.no-shortcut")
def no_shortcut(lab):
    """veth_shortcut=no: through the cable's end, as others send."""
    w, phone, marks = through_router(lab, files={"hairpin.conf": "[general]\nveth_shortcut=no\n"})
    takes_shortcut(w, False)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, marks)
