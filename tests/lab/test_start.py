"""What goes wrong at the start: each has a clear phrase and the right exit status, and hurts no running server."""
import os
import signal
import subprocess

import hairpin
from net import wait_for
from suite import scenario
from worlds import PLAIN_TRANSPORT, Two


def tries(w, status, phrase, **folders):
    """Starts a second hairpin, which must end with that status and say so."""
    args = ["ip", "netns", "exec", w.pbx.ns, hairpin.BINARY]
    for option in ("conf", "run", "state"):
        args += ["--" + option, folders.get(option, w.lab.path("second-" + option))]
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
    assert done.returncode == status, "status %d: %s" % (done.returncode, done.stdout)
    assert phrase in done.stdout, "no %r in: %s" % (phrase, done.stdout)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return os.path.dirname(path)


@scenario("start")
def start(lab):
    """A second server, taken ports, a broken state, missing files, SIGHUP with a broken file."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    server, conf = w.hairpin, w.hairpin.conf
    tries(w, 1, "a server runs there already", conf=conf, run=server.run_dir, state=server.state)
    tries(w, 1, "cannot listen on udp 0.0.0.0:5060: Address already in use", conf=conf)
    tries(w, 1, "file is not a database", conf=conf, state=write(lab.path("bad", "state.db"), "no database\n" * 40))
    tries(w, 1, "pjsip.conf: there is no such file", conf=lab.path("nowhere"))
    tries(w, 1, "cannot make", conf=conf, run=os.path.join(conf, "pjsip.conf", "run"))
    tries(w, 1, "did you mean 'endpoint'?", conf=write(lab.path("typo", "pjsip.conf"), "[a]\ntype=endpont\n"))
    for args in (["--conf"], ["--nonsense"]):
        assert subprocess.run([hairpin.BINARY, *args], stderr=subprocess.DEVNULL).returncode == 2
    path = os.path.join(conf, "pjsip.conf")
    with open(path, "a") as f:
        f.write("\n[x]\ntype=nothing\n")
    server.program.signal(signal.SIGHUP)
    wait_for(lambda: "the old configuration stays" in server.program.text(), 5, "the reload is refused")
    server.rx("pjsip show endpoint 6001")
    assert server.stop() == 0
    assert not os.path.exists(os.path.join(server.run_dir, "hairpin.ctl")), "the socket stays behind"


@scenario("start.no-dialplan")
def no_dialplan(lab):
    """Without extensions.conf and rtp.conf the server serves, and says once what that means; at a reload, too."""
    w = Two(lab, provider=False)
    said = "extensions.conf: warning: there is no such file: without it each call is refused with 404"
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT, without=("extensions.conf", "rtp.conf"))
    assert w.hairpin.program.text().count(said) == 1, w.hairpin.program.text()
    w.phone_a()
    w.hairpin.wait_contact("6001", "Avail")
    assert said in w.hairpin.rx("core reload")
    wait_for(lambda: w.hairpin.program.text().count(said) == 2, 5, "the log says it of the reload")


@scenario("start.no-ipv6")
def no_ipv6(lab):
    """Without IPv6 in the kernel, the IPv4 transports serve and the others are told."""
    w = Two(lab, provider=False)
    w.pbx.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + "\n[six]\ntype=transport\nprotocol=udp\nbind=[::1]\n")
    assert "transport six: cannot listen on udp [::1]:5060" in w.hairpin.program.text()
    w.phone_a()
    w.hairpin.wait_contact("6001", "Avail")
