"""Datagrams that go through the kernel together, and what a capture shows."""
from capture import PcapReader, start_tcpdump
from suite import scenario
from test_reload import COME, PBX, Load

RATE, SECONDS = 800, 2
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
