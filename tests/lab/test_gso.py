"""Datagrams that go through the kernel together, and what a capture shows."""
from capture import PcapReader, start_tcpdump
from suite import scenario
from test_reload import COME, PBX, Load, all_good

RATE, SECONDS = 1500, 2
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
    all_good(steps)
    return steps[0]["good"], datagrams_out(w.pbx) - before


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
