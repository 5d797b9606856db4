"""A reload moves the listener under load: calls come, calls are up and speak.

The generator is bench's: it counts every message and every packet of audio.
"""
import json
import os
import re

import hairpin
from net import LabError, Node, wait_for
from suite import scenario

SIPLOAD = os.path.join(hairpin.ROOT, "build", "sipload")
PBX = "198.18.0.10"     # RFC 2544's, the only ones that sipload sends to
UP = ("198.18.0.20:5061", "198.18.0.30:5062")
COME = ("198.18.0.21:5061", "198.18.0.31:5062")
RATE = 200      # calls per second

PJSIP = """
[udp]
type=transport
protocol=udp
bind=0.0.0.0:5060
[side](!)
type=endpoint
context=none
disallow=all
allow=ulaw
direct_media=no
transport=udp
""" + "".join("""
[%(name)s](side)
context=%(name)s
[%(name)s]
type=identify
endpoint=%(name)s
match=%(caller)s
[to-%(name)s](side)
aors=to-%(name)s
[to-%(name)s]
type=aor
contact=sip:%(callee)s
""" % {"name": name, "caller": pair[0].split(":")[0], "callee": pair[1]}
              for name, pair in (("up", UP), ("come", COME)))

EXTENSIONS = "[none]\nexten => 1,1,Hangup()\n" + "".join(
    "[%s]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@to-%s)\n" % (name, name)
    for name in ("up", "come"))


PHONE = """
[u%(n)d]
type=endpoint
context=none
allow=ulaw
auth=u%(n)d
aors=u%(n)d
[u%(n)d]
type=auth
username=u%(n)d
password=secret
[u%(n)d]
type=aor
max_contacts=1
"""


class Load:
    def __init__(self, lab, hairpin_conf=""):
        self.lab = lab
        self.pbx, self.near, self.far = (
            self.node(name, *addresses) for name, addresses in (
                ("pbx", [PBX]), ("near", [UP[0], COME[0]]),
                ("far", [UP[1], COME[1]])))
        self.folder = lab.path("conf")
        os.makedirs(self.folder, exist_ok=True)
        self.write("pjsip.conf", PJSIP)
        self.write("extensions.conf", EXTENSIONS)
        self.write("rtp.conf", "[general]\nrtpstart=10000\nrtpend=20000\n")
        self.write("hairpin.conf", "[general]\n" + hairpin_conf)
        self.hairpin = hairpin.Hairpin(self.pbx, self.folder)

    def node(self, name, *addresses):
        node = self.lab.nodes[name] = Node(self.lab, name)
        self.lab.wan.plug(node, [a.split(":")[0] + "/15" for a in addresses])
        return node

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def start(self, name, pair, port, *options):
        return self.near.start(name, [
            SIPLOAD, "call", "--server", "%s:%d" % (PBX, port),
            "--uac", pair[0], "--uac-ns", self.near.ns,
            "--uas", pair[1], "--uas-ns", self.far.ns, *options])

    def finish(self, program, seconds):
        """What it counted: a list of steps."""
        wait_for(lambda: not program.alive(), seconds, program.name + " ends")
        lines = [line for line in program.text().splitlines()
                 if line.startswith("{")]
        if program.process.returncode:
            raise LabError("%s: %s" % (program.name, program.text()))
        return [json.loads(line) for line in lines]

    def moved(self, to):
        """A reload moves the listener; the old one is still there for a while."""
        self.write("pjsip.conf", re.sub("bind=.*", "bind=" + to, PJSIP))
        self.hairpin.rx("pjsip reload")
        self.hairpin.program.wait_output("what began on it goes on there", 5)


def all_good(steps):
    for s in steps:
        if s["step"] != "rtp":
            assert s["good"] == s["offered"] and not s["lost"], s


def under_load(lab, hairpin_conf, to, port=5060, calls=500):
    """Calls come to the old address before, while and after it is left, and
    then to the new one; those that are up hear every packet."""
    if not os.path.exists(SIPLOAD):
        raise LabError("there is no sipload: ninja -C build sipload")
    w = Load(lab, hairpin_conf)
    up = w.start("up", UP, 5060, "--up", str(calls), "--ramp", "100",
                 "--seconds", "20", "--warm", "2")
    w.hairpin.wait_rx("core show channels", lambda out: re.search(
        r"(?m)^%d active channels" % (2 * calls), out), 30, "all are up")
    come = w.start("come", COME, 5060, "--phase", "%d,6" % RATE)
    w.hairpin.wait_rx("core show channels", lambda out: int(re.search(
        r"(\d+) calls processed", out)[1]) > calls + RATE, 10, "calls come")
    w.moved(to)
    all_good(w.finish(come, 30))
    all_good(w.finish(w.start("come-new", COME, port, "--phase",
                              "%d,3" % RATE), 30))
    steps = w.finish(up, 60)
    all_good(steps)
    audio = [s for s in steps if s["step"] == "rtp"]
    assert audio and audio[0]["calls"] == calls, steps
    assert audio[0]["received"] == audio[0]["sent"] > 0, audio
    assert not audio[0]["astray"], audio
    w.hairpin.wait_idle()


@scenario("reload.kernel", timeout=150)
def kernel(lab):
    under_load(lab, "media_engine=kernel\n", "0.0.0.0:5070", 5070)


@scenario("reload.user", timeout=150)
def user(lab):
    """Fewer that speak: it is the reload that is tried, not the machine."""
    under_load(lab, "media_engine=user\n", "0.0.0.0:5070", 5070, calls=100)


@scenario("reload.narrower", timeout=150)
def narrower(lab):
    """The same port of one address, where every address was listened at."""
    under_load(lab, "", PBX + ":5060")


def processed(w):
    return int(re.search(r"(\d+) calls processed",
                         w.hairpin.rx("core show channels"))[1])


@scenario("reload.many", timeout=150)
def many(lab):
    """50,000 phones: while their files are read calls are set up, and other
    consoles are answered."""
    w = Load(lab)
    w.write("pjsip.conf", PJSIP + "".join(
        PHONE % {"n": n} for n in range(50000)))
    w.hairpin.rx("core reload")
    come = w.start("come", COME, 5060, "--phase", "%d,10" % RATE)
    wait_for(lambda: processed(w) > RATE, 20, "calls come")
    reload = w.pbx.start("reload", [hairpin.BINARY, "--run", w.hairpin.run_dir,
                                    "-rx", "core reload"])
    during = []
    while reload.alive():
        during.append(processed(w))
    assert "Configuration reloaded." in reload.text(), reload.text()
    during.pop()    # it may have been answered afterwards
    assert during and during[-1] > during[0] + 5, during
    all_good(w.finish(come, 30))
    w.hairpin.wait_idle()
