"""Audio in user space, all ports of a worker heard by one socket (media_sockets=auto, and the lab is root)."""
import glob
import json
import os
import re
import signal
import socket
import time

import calls
from attacker import PORTS, RTP_CONF, Attacker
from net import wait_for
from suite import scenario
from test_kernel import Arrivals, Flat, FlatV6, build, refuses_to_start, wait_path
from test_reload import COME, UP, Load, all_good
from worlds import PBX_PUBLIC

USER = {"hairpin.conf": "[general]\nmedia_engine=user\n"}
NARROW = {**USER, "rtp.conf": RTP_CONF}
STRANGER = "203.0.113.60"


def steers(program):
    """Does this process have a program attached to its network namespace?"""
    for path in glob.glob("/proc/%d/fdinfo/*" % program.pid):
        try:
            with open(path) as f:
                if re.search(r"(?m)^link_type:\s+netns", f.read()):
                    return True
        except OSError:
            pass
    return False


def counter(w, name):
    return int(re.search(r"(?m)^\s*%s\s+(\d+)" % name, w.hairpin.rx("core show counters"))[1])


def talk(w, one, two):
    marks = calls.connect(one, two, "6002")
    calls.hear_each_other(one, two)
    return marks


@scenario("sockets.call")
def call(lab, kind=Flat):
    """A call and a hold; nothing is lost or said twice."""
    w, one, two = build(lab, kind, files=USER)
    wait_for(lambda: steers(w.hairpin.program), 5, "ports are shared")
    calls.whole_call(one, two, "6002", w.hairpin)
    marks = talk(w, one, two)
    wait_path(w, False)
    calls.hear_each_other(one, two, 2.0)
    calls.end(one, two, marks)


@scenario("sockets.v6")
def v6(lab):
    """The same over IPv6."""
    call(lab, FlatV6)


@scenario("sockets.clean")
def clean(lab):
    """One stream arrives at each phone, every packet once, while strangers send audio to all ports."""
    w, one, two = build(lab, files=NARROW)
    stranger = Attacker(lab.host("stranger", STRANGER))
    marks = talk(w, one, two)
    time.sleep(3)
    stranger.over = True
    calls.end(one, two, marks)
    assert not stranger.got, "hairpin sent to the stranger"
    Arrivals(one).check()
    Arrivals(two).check()


@scenario("sockets.flood")
def flood(lab):
    """Somebody floods the ports above those of audio: what they get beyond reason is refused, and the call goes on."""
    w, one, two = build(lab, files=NARROW)
    node = lab.host("stranger", STRANGER)
    marks = talk(w, one, two)
    with node.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for port in PORTS:
                for _ in range(100):
                    s.sendto(b"\x80\xc8 garbage", (PBX_PUBLIC, port + 1))
            time.sleep(0.01)
    assert counter(w, "relay_flooded") > 1000
    calls.end(one, two, marks)
    Arrivals(one).check()
    Arrivals(two).check()


@scenario("sockets.icmp")
def icmp(lab):
    """A phone dies: that its port is closed now is known of this leg, and of no other."""
    w, one, two = build(lab, files={"hairpin.conf": USER["hairpin.conf"] + "call_log=%s\n" % lab.path("calls")})
    talk(w, one, two)
    two.program.signal(signal.SIGKILL)
    time.sleep(2)
    one.hangup()
    wait_for(lambda: os.path.exists(lab.path("calls")) and open(lab.path("calls")).read().endswith("\n"), 40,
             "the call is over")
    with open(lab.path("calls")) as f:
        legs = json.loads(f.readlines()[-1])["legs"]
    errors = [leg["sent"]["icmp_errors"] for leg in legs]
    assert errors[0] == 0 and errors[1] > 3, legs


NO_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
NO_BPF = ("setpriv", "--bounding-set=-bpf,-sys_admin,-net_admin", "--inh-caps=-bpf,-sys_admin,-net_admin")


@scenario("sockets.unprivileged")
def unprivileged(lab):
    """Without one of the rights: a line says which, and each port has its own socket."""
    w, one, two = build(lab, files=USER, wrap=NO_BPF)
    w.hairpin.program.wait_output("heard by its own socket: not permitted to load a program (CAP_BPF")
    assert not steers(w.hairpin.program)
    calls.end(one, two, talk(w, one, two))
    w.hairpin.stop()
    w.hairpin.wrap = NO_RAW
    w.hairpin.start()
    w.hairpin.program.wait_output("headers of our own (CAP_NET_RAW)")
    assert not steers(w.hairpin.program)
    w.hairpin.wait_contact("6002")
    calls.end(one, two, talk(w, one, two))


@scenario("sockets.demanded")
def demanded(lab):
    """media_sockets=shared without the right to raw sockets."""
    refuses_to_start(lab, NO_RAW, "media_sockets=shared")


@scenario("sockets.own")
def own(lab):
    """media_sockets=own: nothing is attached."""
    w, one, two = build(lab, files={"hairpin.conf": USER["hairpin.conf"] + "media_sockets=own\n"})
    assert not steers(w.hairpin.program)
    calls.end(one, two, talk(w, one, two))


@scenario("sockets.killed")
def killed(lab):
    """After kill -9 others hear what comes to the ports; a new process takes them again."""
    w, one, two = build(lab, files=NARROW)
    talk(w, one, two)
    w.hairpin.crash()
    node = lab.host("stranger", STRANGER)
    with node.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for port in PORTS:
            with w.pbx.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.settimeout(5)
                other.bind(("0.0.0.0", port))
                s.sendto(b"for whoever is there", (PBX_PUBLIC, port))
                while other.recv(2000) != b"for whoever is there":
                    pass
    one.hangup()
    two.hangup()
    w.hairpin.start()
    wait_for(lambda: steers(w.hairpin.program), 5, "ports are shared")
    w.hairpin.wait_contact("6002")
    calls.end(one, two, talk(w, one, two))


@scenario("sockets.reload")
def reload(lab):
    """Another range of ports while a call is up: that goes on, and the next one is heard in the new range."""
    w, one, two = build(lab, files=NARROW)
    marks = talk(w, one, two)
    path = os.path.join(w.hairpin.conf, "rtp.conf")
    with open(path, "w") as f:
        f.write("[general]\nrtpstart=30000\nrtpend=60000\n")
    w.hairpin.rx("core reload")
    calls.hear_each_other(one, two)
    calls.end(one, two, marks)
    w.hairpin.wait_idle()
    marks = talk(w, one, two)
    heard = {p.sport for p in Arrivals(one).packets}
    assert any(port >= 30000 for port in heard) and any(port < 30000 for port in heard), heard
    calls.end(one, two, marks)


@scenario("sockets.few-files", timeout=150)
def few_files(lab):
    """Five times as many calls as there are files for: every packet of each is heard."""
    w = Load(lab, "media_engine=user\n")
    w.hairpin.stop()
    w.hairpin.wrap = ("prlimit", "--nofile=300:300")
    w.hairpin.start()
    up = w.start("up", UP, 5060, "--up", "180", "--ramp", "100", "--seconds", "5", "--warm", "2")
    w.hairpin.wait_rx("core show channels", lambda out: "360 active channels" in out, 30, "all are up")
    assert len(os.listdir("/proc/%d/fd" % w.hairpin.program.pid)) < 300
    all_good(w.finish(w.start("come", COME, 5060, "--phase", "100,3"), 30))
    steps = w.finish(up, 60)
    all_good(steps)
    audio = [s for s in steps if s["step"] == "rtp"][0]
    assert audio["received"] == audio["sent"] > 0 and not audio["astray"], audio
    w.hairpin.wait_idle()
