"""Datagrams that go through the kernel together, and what a capture shows."""
import socket

from capture import PcapReader, start_tcpdump
from suite import scenario
from test_reload import COME, PBX, Load

RATE, SECONDS = 800, 2
CALLS = 300
SENT = 7        # datagrams that hairpin sends for one call


def datagrams_out(node):
    """Since the namespace exists; what goes together counts as one."""
    lines = node.run("cat", "/proc/net/snmp").splitlines()
    names, values = (line.split() for line in lines
                     if line.startswith("Udp:"))
    return int(values[names.index("OutDatagrams")])


def load(w):
    """Calls whose ends count their messages; how many, and the datagrams."""
    before = datagrams_out(w.pbx)
    steps = w.finish(w.start("come", COME, 5060, "--phase",
                             "%d,%d" % (RATE, SECONDS)), 30)
    s = steps[0]
    assert s["good"] + s["shed"] == s["offered"] and not s["lost"], s
    return s["good"], datagrams_out(w.pbx) - before


@scenario("gso.joined")
def joined(lab):
    """What is said to one peer goes together; no message is missed."""
    count, sent = load(Load(lab))
    assert sent < SENT * count * 0.8, "%d calls, %d datagrams" % (count, sent)


@scenario("gso.captured")
def captured(lab):
    """While somebody captures packets, each message is one of them."""
    w = Load(lab)
    path = lab.path("pbx.pcap")
    start_tcpdump(w.pbx, "eth0", path, "udp port 5060")
    count, sent = load(w)
    assert sent >= SENT * count, "%d calls, %d datagrams" % (count, sent)
    seen = [p.data.count(b"\r\nCall-ID: ") for p in PcapReader(path).packets()
            if p.src == PBX]
    assert set(seen) == {1} and len(seen) > count, "%d captured, of %s" % (
        len(seen), set(seen))


@scenario("gso.off")
def off(lab):
    """udp_gso=no: never."""
    count, sent = load(Load(lab, "udp_gso=no\n"))
    assert sent >= SENT * count, "%d calls, %d datagrams" % (count, sent)


@scenario("gso.narrow")
def narrow(lab):
    """A link that takes no message in one piece: they go apart, in parts."""
    w = Load(lab)
    for node in w.pbx, w.near, w.far:
        node.run("ip", "link", "set", "eth0", "mtu", "300")
    count, sent = load(w)
    assert sent >= SENT * count, "%d calls, %d datagrams" % (count, sent)


@scenario("gso.plain-device")
def plain_device(lab):
    """A device that leaves checksums to the processor."""
    w = Load(lab)
    w.pbx.run("ethtool", "-K", "eth0", "tx", "off")
    load(w)


def invite(n, host, port):
    body = ("v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n"
            "m=audio 4000 RTP/AVP 0\r\n").format(host)
    return ("INVITE sip:1@{3} SIP/2.0\r\n"
            "Via: SIP/2.0/UDP {1}:{2};branch=z9hG4bK{0:05}\r\n"
            "From: <sip:1@{1}>;tag={0:05}\r\nTo: <sip:1@{3}>\r\n"
            "Call-ID: {0:05}\r\nCSeq: 1 INVITE\r\n"
            "Contact: <sip:1@{1}:{2}>\r\nMax-Forwards: 70\r\n"
            "Content-Type: application/sdp\r\nContent-Length: {4}\r\n\r\n"
            ).format(n, host, port, PBX, len(body)) + body


@scenario("gso.order")
def order(lab):
    """100, 183 and 200 of one moment: those of many calls go together, and
    each call gets its own in this order."""
    w = Load(lab)
    w.write("extensions.conf", "[come]\nexten => 1,1,Progress()\n"
            " same => n,Answer()\n same => n,Wait(5)\n")
    w.hairpin.rx("core reload")
    host, port = COME[0].split(":")
    peer = w.near.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    peer.bind((host, int(port)))
    peer.settimeout(2)
    before, got, want = datagrams_out(w.pbx), {}, 3 * CALLS
    for n in range(CALLS):
        peer.sendto(invite(n, host, port).encode(), (PBX, 5060))
    while want:
        lines = peer.recv(65535).decode().split("\r\n")
        call = next(x for x in lines if x.startswith("Call-ID: "))
        said = got.setdefault(call, [])
        if lines[0].split()[1] not in said:     # not one that is repeated
            said.append(lines[0].split()[1])
            want -= 1
    sent = datagrams_out(w.pbx) - before
    assert all(x == ["100", "183", "200"] for x in got.values()), got
    assert sent < 3 * CALLS * 0.8, "%d datagrams" % sent
