"""Packet captures: tcpdump writes them, a small reader takes them apart.

Two uses: `Capture` looks at SIP messages on a wire (which addresses do they
carry?), and `Ears` listens to the RTP that reaches a phone.
"""
import array
import ipaddress
import re
import struct

import audio
from net import wait_for

SIP_START = re.compile(rb"^(SIP/2\.0 \d{3} |[A-Z]{3,12} sips?:)")


class Packet:
    """One UDP datagram or TCP segment with payload."""
    __slots__ = ("when", "tos", "proto", "src", "sport", "dst", "dport", "data")

    def __init__(self, when, tos, proto, src, sport, dst, dport, data):
        self.when, self.tos, self.proto, self.data = when, tos, proto, data
        self.src, self.sport, self.dst, self.dport = src, sport, dst, dport


class PcapReader:
    """Reads a growing pcap file; packets() gives what is new."""

    def __init__(self, path):
        self.path = path
        self.at = 24

    def packets(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.at)
                data = f.read()
        except FileNotFoundError:
            return
        pos = 0
        while pos + 16 <= len(data):
            sec, usec, size, _ = struct.unpack_from("<IIII", data, pos)
            if pos + 16 + size > len(data):
                break
            frame = data[pos + 16:pos + 16 + size]
            pos += 16 + size
            packet = parse_frame(sec + usec / 1e6, frame)
            if packet is not None:
                yield packet
        self.at += pos


def parse_frame(when, frame):
    """Ethernet -> IPv4/IPv6 -> UDP/TCP; None for anything else."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        head = (frame[14] & 15) * 4
        tos, proto = frame[15], frame[23]
        src, dst = (".".join(map(str, frame[i:i + 4])) for i in (26, 30))
        body = frame[14 + head:14 + struct.unpack_from(">H", frame, 16)[0]]
    elif kind == b"\x86\xdd":
        tos, proto = (frame[14] << 4 | frame[15] >> 4) & 255, frame[20]
        src, dst = (frame[i:i + 16].hex() for i in (22, 38))
        body = frame[54:54 + struct.unpack_from(">H", frame, 18)[0]]
    else:
        return None
    if proto == 17 and len(body) >= 8:
        data = body[8:]
    elif proto == 6 and len(body) >= 20:
        data = body[(body[12] >> 4) * 4:]
    else:
        return None
    sport, dport = struct.unpack_from(">HH", body)
    name = "udp" if proto == 17 else "tcp"
    return Packet(when, tos, name, src, sport, dst, dport, data)


class Message:
    """A SIP message seen on a wire."""

    def __init__(self, packet):
        self.packet = packet
        self.text = packet.data.decode("latin-1")
        head, _, self.body = self.text.partition("\r\n\r\n")
        self.first, *self.lines = head.split("\r\n")
        self.is_request = not self.first.startswith("SIP/2.0 ")
        self.status = 0 if self.is_request else int(self.first.split()[1])

    @property
    def method(self):
        if self.is_request:
            return self.first.split()[0]
        return (self.values("CSeq") or ["0 ?"])[0].split()[-1]

    def values(self, name):
        short = {"Via": "v", "Contact": "m", "Call-ID": "i"}.get(name, name)
        names = (name.lower(), short)
        pairs = (line.partition(":") for line in self.lines)
        return [v.strip() for k, _, v in pairs if k.strip().lower() in names]

    def sdp(self):
        return self.body if "m=audio" in self.body else ""

    def __str__(self):
        p = self.packet
        return "%s (%s:%d -> %s:%d)" % (self.first, p.src, p.sport, p.dst,
                                        p.dport)


def sip_message(packet):
    return Message(packet) if SIP_START.match(packet.data) else None


def start_tcpdump(node, interface, path, expression):
    name = "tcpdump-%s" % interface
    program = node.start("%s-%s" % (name, node.name), [
        "tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-s", "0",
        "-i", interface, "-w", path, *expression.split()])
    program.wait_output("listening on")
    return program


class Capture:
    """Everything that crosses one wire."""

    def __init__(self, node, interface, name):
        self.path = node.lab.path(name + ".pcap")
        self.program = start_tcpdump(node, interface, self.path, "udp or tcp")

    def packets(self):
        return PcapReader(self.path).packets()

    def messages(self, src=None, dst=None):
        found = (sip_message(p) for p in self.packets()
                 if src in (None, p.src) and dst in (None, p.dst))
        return [m for m in found if m is not None]

    def wait_message(self, test, seconds, what, **where):
        def found():
            return [m for m in self.messages(**where) if test(m)]
        return wait_for(found, seconds, "on the wire: " + what, every=0.2)


def check_outside(messages, private, external):
    """What a PBX behind NAT may send out: nothing with a private address."""
    assert messages, "no SIP message from %s was captured" % external
    for m in messages:
        for line in m.text.splitlines():
            assert private not in line, "private address leaves: %s in %s" % (
                line, m)


def check_inside(messages, external):
    """What phones on the PBX's own network get: no external address."""
    assert messages, "no SIP message to the phone was captured"
    for m in messages:
        for line in m.text.splitlines():
            assert external not in line, "a phone is shown %s: %s in %s" % (
                external, line, m)


def check_public(messages, private):
    """What a public PBX says of itself: never the address of a phone's LAN.

    A Via that is sent back, and the Contact in the answer to REGISTER, are the
    phone's own words and stay as they are.
    """
    assert messages, "no SIP message was captured"
    for m in messages:
        lines = m.sdp().splitlines()
        if m.is_request:
            lines += [m.first] + m.lines
        elif m.method != "REGISTER":
            lines += m.values("Contact") + m.values("Record-Route")
        for line in lines:
            assert private not in line, "private address: %s in %s" % (line, m)


class Ears:
    """The audio that reaches a phone, decoded from the RTP on its interface.

    Only packets to a port count that the phone itself named in its SDP, or,
    where that cannot be read (TLS), to one of `open_ports`.
    """

    def __init__(self, node, interface="eth0", name=None):
        self.path = node.lab.path((name or node.name) + "-ears.pcap")
        self.program = start_tcpdump(node, interface, self.path, "udp or tcp")
        self.reader = PcapReader(self.path)
        self.address = node.address
        if ":" in self.address:
            self.address = ipaddress.ip_address(self.address).packed.hex()
        self.ports = set()
        self.open_ports = range(0)
        self.pcm = array.array("h")
        self.sources = set()

    def listen(self):
        """Takes in new packets; returns how many samples came in so far."""
        for p in self.reader.packets():
            m = sip_message(p)
            if m is not None:
                if m.sdp() and p.src == self.address:
                    self.ports.add(int(m.body.split("m=audio ")[1].split()[0]))
            elif p.proto == "udp" and p.dst == self.address:
                if p.dport in self.ports or p.dport in self.open_ports:
                    self._hear(p)
        return len(self.pcm)

    def _hear(self, p):
        if len(p.data) < 12 or p.data[0] >> 6 != 2:
            return
        kind = p.data[1] & 127
        if kind in (0, 8):
            self.sources.add((p.src, p.sport))
            self.pcm.extend(audio.decode_g711(p.data[12:], kind))
