"""The rows of the media path: one RTP packet through hairpin, rtpengine and the kernel's own NAT.

Three namespaces: the caller's and the callee's, which the generator is in, and the relay's between them. The caller and
the callee also have a direct cable. What a relay costs is the processor time of generator, relay and the kernel's
softirq threads, less that of the same packets over the direct cable in the same round.
"""
import ctypes
import os
import pathlib
import re
import socket
import subprocess
import tempfile
from statistics import median

from servers import Hairpin, Rtpengine, files_limit, has_option, sipload
from signalling import climbing, progress
from table import Cost, Row

CALLS, ROUNDS, PHASES, SECONDS = 500, 10, 5, 0.2
SIDE = {"a": ("198.18.1.1", "198.18.1.2"), "b": ("198.18.2.1", "198.18.2.2")}  # relay's address, end's address
DIRECT = {"a": "198.19.0.1", "b": "198.19.0.2"}
SIP_PORT, RTP_PORT = {"a": 5061, "b": 5062}, {"a": 6061, "b": 6062}


def sh(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[:200]}")


class World:
    """The namespaces a, b (the ends) and r (the relay)."""

    def __init__(self):
        self.names = {n: f"hpbench{os.getpid()}{n}" for n in "abr"}

    def __enter__(self):
        for ns in self.names.values():
            sh("ip", "netns", "add", ns)
            self.ip(ns, "link", "set", "lo", "up")
        for n, (relay, end) in SIDE.items():
            self.cable(self.names["r"], f"to-{n}", relay, self.names[n], "relay", end)
            self.ip(self.names[n], "route", "add", "default", "via", relay)
        self.cable(self.names["a"], "direct", DIRECT["a"], self.names["b"], "direct", DIRECT["b"])
        return self

    def __exit__(self, *_):
        for ns in self.names.values():
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)

    def ip(self, ns, *args):
        sh("ip", "-n", ns, *args)

    def cable(self, ns1, dev1, ip1, ns2, dev2, ip2):
        self.ip(ns1, "link", "add", dev1, "type", "veth", "peer", "name", dev2, "netns", ns2)
        for ns, dev, ip in ((ns1, dev1, ip1), (ns2, dev2, ip2)):
            self.ip(ns, "addr", "add", f"{ip}/24", "dev", dev)
            self.ip(ns, "link", "set", dev, "up")

    @property
    def at_ends(self):
        return ["--uac-ns", self.names["a"], "--uas-ns", self.names["b"]]


def at(n, ip, port):
    return f"{ip}:{port[n]}"


def softirq_threads():
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if re.match(r"ksoftirqd/", comm.read_text()):
                found.append(int(comm.parent.name))
        except OSError:
            pass
    return found


class Subject:
    """Something that relays. measure() returns the generator's steps, one for each phase."""
    name, pids = "", ()
    ends = {n: end for n, (_, end) in SIDE.items()}

    def __init__(self, world, calls):
        self.world, self.calls = world, calls

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def routes(self):
        """For each call: where the caller sends to, and where the callee sends to."""
        raise NotImplementedError

    def measure(self, *args):
        with tempfile.NamedTemporaryFile("w") as f:
            f.writelines(f"{a} {b}\n" for a, b in self.routes())
            f.flush()
            return sipload("rtp", "--uac", at("a", self.ends["a"], SIP_PORT), "--uas", at("b", self.ends["b"], SIP_PORT),
                           "--routes", f.name, *self.world.at_ends, *args, pids=[*self.pids, *softirq_threads()])


class Direct(Subject):
    name, ends = "direct", DIRECT

    def routes(self):
        return [(at("b", DIRECT["b"], RTP_PORT), at("a", DIRECT["a"], RTP_PORT))] * self.calls


class KernelNat(Subject):
    """nft DNAT and SNAT with conntrack: a pair of ports of the relay for each call."""
    name = "kernel NAT"

    def __enter__(self):
        relay = self.world.names["r"]
        sh("ip", "netns", "exec", relay, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        pairs = ", ".join(f"{p} : {p + 1}" for p in self.ports())
        rules = f"""
            table ip relay {{
                chain in {{
                    type nat hook prerouting priority dstnat;
                    iifname to-a udp dport 10000-60000 dnat to {SIDE['b'][1]}:{RTP_PORT['b']}
                }}
                chain out {{
                    type nat hook postrouting priority srcnat;
                    oifname to-b meta l4proto udp snat to {SIDE['b'][0]} : ct original proto-dst map {{ {pairs} }}
                }}
            }}"""
        sh("ip", "netns", "exec", relay, "nft", "-f", "-", text=rules)
        return self

    def __exit__(self, *_):
        relay = self.world.names["r"]
        subprocess.run(["ip", "netns", "exec", relay, "nft", "delete", "table", "ip", "relay"], capture_output=True)
        subprocess.run(["ip", "netns", "exec", relay, "conntrack", "-F"], capture_output=True)
        subprocess.run(["ip", "netns", "exec", relay, "sysctl", "-qw", "net.ipv4.ip_forward=0"], capture_output=True)

    def ports(self):
        return range(10000, 10000 + 4 * self.calls, 4)

    def routes(self):
        return [(f"{SIDE['a'][0]}:{p}", f"{SIDE['b'][0]}:{p + 1}") for p in self.ports()]


class WithRtpengine(Subject):
    name = "rtpengine"

    def __enter__(self):
        self.server = Rtpengine([SIDE["a"][0], SIDE["b"][0]], ng="127.0.0.1:2223", ns=self.world.names["r"])
        self.pids = self.server.pids
        with socket_in(self.world.names["r"]) as ng:
            ng.connect(("127.0.0.1", 2223))
            ng.settimeout(2)
            self.pairs = [offer_and_answer(ng, n) for n in range(self.calls)]
        return self

    def __exit__(self, *_):
        self.server.stop()

    def routes(self):
        return self.pairs


class WithHairpin(Subject):
    """Real calls through a whole hairpin process."""
    name, conf = "hairpin", ""

    def __enter__(self):
        place = {"bind": "0.0.0.0:5070", "uac": SIDE["a"][1], "uas": at("b", SIDE["b"][1], SIP_PORT)}
        self.server = Hairpin(place=place, media=("", ""), conf=self.conf, ns=self.world.names["r"], cpus=self.cpus)
        self.pids = self.server.pids
        return self

    cpus = "0"

    def __exit__(self, *_):
        self.server.stop()

    def measure(self, *args):
        steps = sipload("call", "--server", f"{SIDE['a'][0]}:5070", "--uac", at("a", SIDE["a"][1], SIP_PORT), "--uas",
                        at("b", SIDE["b"][1], SIP_PORT), "--up", str(self.calls), "--ramp", "800", *self.world.at_ends,
                        *args, pids=[*self.pids, *softirq_threads()])
        if steps[0]["step"] != "rtp" or steps[0]["calls"] < self.calls:
            raise RuntimeError(f"not all calls are up: {steps}")
        return [s for s in steps if s["step"] == "rtp"]


class HairpinUser(WithHairpin):
    name, conf = "hairpin, user space", "media_workers=1\n"


class HairpinUser2(WithHairpin):
    name, conf, cpus = "hairpin, user space, 2 cores", "media_workers=2\n", "0,1"


class HairpinKernel(WithHairpin):
    name, conf = "hairpin, kernel", "media_workers=1\nmedia_engine=kernel\n"


if has_option("media_engine=user"):
    HairpinUser.conf += "media_engine=user\n"
    HairpinUser2.conf += "media_engine=user\n"


def socket_in(ns):
    """A UDP socket in another network namespace."""
    libc, newnet = ctypes.CDLL(None, use_errno=True), 0x40000000
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        if libc.setns(there, newnet):
            raise OSError(ctypes.get_errno(), "setns")
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    finally:
        libc.setns(home, newnet)
        os.close(home)
        os.close(there)


# ---- rtpengine's ng protocol: bencode over UDP ----

def bencode(v):
    if isinstance(v, dict):
        return b"d" + b"".join(bencode(k) + bencode(v[k]) for k in sorted(v)) + b"e"
    if isinstance(v, list):
        return b"l" + b"".join(map(bencode, v)) + b"e"
    return f"{len(v)}:".encode() + v.encode()


def ask(ng, cookie, question):
    ng.send(cookie.encode() + b" " + bencode(question))
    reply = ng.recv(65536).decode()
    if "2:ok" not in reply:
        raise RuntimeError("rtpengine: " + reply)
    return int(re.search(r"m=audio (\d+)", reply)[1])


def sdp(ip, port):
    return f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"


def offer_and_answer(ng, n):
    call = {"call-id": f"call{n}", "from-tag": f"a{n}", "ICE": "remove"}
    to_b = ask(ng, f"o{n}", {**call, "command": "offer", "direction": ["a", "b"],
                             "sdp": sdp(SIDE["a"][1], RTP_PORT["a"])})
    to_a = ask(ng, f"a{n}", {**call, "command": "answer", "to-tag": f"b{n}", "sdp": sdp(SIDE["b"][1], RTP_PORT["b"])})
    return f"{SIDE['a'][0]}:{to_a}", f"{SIDE['b'][0]}:{to_b}"


# ---- rows ----

def subjects():
    return [HairpinUser, *([HairpinKernel] if has_option("media_engine=kernel") else []), WithRtpengine, KernelNat]


def total(step):
    return step["own_cpu_s"] + step["cpu_s"]


def lost(step):
    return 1 - step["received"] / max(step["sent"], 1)


def by_cpu(added):
    """How many calls' packets (100 a second: both ways) one processor's time is enough for."""
    return 1e6 / (100 * max(added, 0.1))


def cost(world, kind):
    """Of a packet, in one round: the lower quartile of some short phases. And what was lost, at worst."""
    with kind(world, CALLS) as subject:
        steps = subject.measure("--seconds", str(SECONDS), "--times", str(PHASES), "--warm", "0.5")
    us, worst = Cost([total(s) / max(s["received"], 1) * 1e6 for s in steps]).us, max(map(lost, steps))
    progress(f"{kind.name}: {us:.2f} us, {worst * 100:.2f} % lost, {sum(s['astray'] for s in steps)} astray")
    return us, worst


def packet():
    """Processor time that the whole system spends on a relayed packet: 500 calls, 50,000 packets/s."""
    kinds = [*subjects(), Direct]
    more, losses = {k.name: [] for k in subjects()}, {k.name: 0 for k in kinds}
    with World() as world:
        for n in range(ROUNDS):
            progress(f"round {n + 1}")
            us = {}
            for kind in kinds[n % len(kinds):] + kinds[:n % len(kinds)]:  # nobody always has the same neighbour
                us[kind.name], worst = cost(world, kind)
                losses[kind.name] = max(losses[kind.name], worst)
            for name, each in more.items():
                each.append(us[name] - us[Direct.name])
    added = {name: median(each) for name, each in more.items()}
    peers = {name: added[name] for name in (WithRtpengine.name, KernelNat.name)}
    for kind, part, of in ((HairpinKernel, 0.7, KernelNat.name), (HairpinKernel, 0.1, WithRtpengine.name),
                           (HairpinUser, 0.65, WithRtpengine.name)):
        if kind.name in added:
            each = ", ".join(f"{us:.2f}" for us in sorted(more[kind.name]))
            yield Row(f"relayed packet, {kind.name.split(', ')[1]}, to {part} of {of}", added[kind.name], "us of CPU",
                      part * peers[of], peers=peers, note=f"rounds: {each}; {losses[kind.name] * 100:.2f} % lost")
    for kind, times in ((HairpinKernel, 10), (HairpinUser, 1.5)):
        if kind.name in added:
            yield Row(f"concurrent calls by CPU, {kind.name.split(', ')[1]}", by_cpu(added[kind.name]), "calls",
                      times * by_cpu(added[WithRtpengine.name]), "high",
                      peers={name: by_cpu(added[name]) for name in peers}, note="one processor's time / 100 packets a second")


def delay():
    """What a relay adds to a packet's way, 500 calls."""
    found = {}
    with World() as world:
        for kind in (Direct, *subjects()):
            with kind(world, CALLS) as subject:
                found[kind.name], = subject.measure("--seconds", "1", "--delay")
    base = found.pop(Direct.name)
    for kind, percentile, target in ((HairpinKernel, "p50", 5), (HairpinKernel, "p99", 50), (HairpinUser, "p50", 40),
                                     (HairpinUser, "p99", None)):
        if kind.name in found:
            key = percentile + "_us"
            yield Row(f"added delay, {kind.name.split(', ')[1]}, {percentile}", found[kind.name][key] - base[key], "us",
                      target, peers={p: found[p][key] - base[key] for p in (WithRtpengine.name, KernelNat.name)},
                      note=f"direct: {base[key]:.1f} us")


class Search:
    """For the most G.711 calls with less than 0.1 % loss, an attempt at a time."""

    def __init__(self, world, kind, low=500, most=4000):
        self.world, self.kind, self.limit = world, kind, most
        self.search = climbing(min(low, most), most)
        self.calls, self.best = int(next(self.search)), 0
        self.behind, self.over = False, False  # the generator was, in the last attempt that was not good

    def attempt(self):
        with self.kind(self.world, self.calls) as subject:
            step, = subject.measure("--seconds", "1.5", "--warm", "0.5")
        behind = step["sent"] < 0.97 * self.calls * 100 * 1.5
        good = lost(step) < 0.001 and not behind
        self.behind = self.behind if good else behind
        progress(f"{self.kind.name}: {self.calls} calls: {lost(step) * 100:.3f} % lost"
                 f"{', the generator is behind' if behind else ''}")
        return good

    def step(self):
        good = self.attempt()
        if good:
            self.best = self.calls
        try:
            self.calls = int(self.search.send(good))
        except StopIteration:
            self.over = True

    @property
    def by_generator(self):
        """It was the generator that could do no more."""
        return self.behind or self.best * 2 > self.limit


def capacity():
    """How many G.711 calls one processor relays with less than 0.1 % loss."""
    with World() as world:
        found = {k.name: Search(world, k, most=min(4000, files_limit() // 4 - 100)) for k in [*subjects(), HairpinUser2]}
        while todo := [s for s in found.values() if not s.over]:  # in turns: the machine is not the same all the time
            for s in todo:
                s.step()
    peers = {k.name: found[k.name].best for k in (WithRtpengine, KernelNat)}
    for kind, times in ((HairpinKernel, 10), (HairpinUser, 1.5), (HairpinUser2, None)):
        if kind.name in found:
            yield Row(f"concurrent calls, {kind.name.split(', ', 1)[1]}", found[kind.name].best, "calls",
                      times and times * peers[WithRtpengine.name], "high", peers=peers,
                      note="the generator's limit" if found[kind.name].by_generator else "")
