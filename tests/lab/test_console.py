"""The console: every command, its exit status, and the server's life as it orders it."""
import os
import pty
import subprocess
import threading

import calls
import hairpin
from hairpin import phone_block
from net import wait_for
from suite import scenario
from worlds import PLAIN_TRANSPORT, TRUNK, Two

# Each must succeed while a call is up; the words are what its output must hold.
COMMANDS = (
    ("rtp set debug on", "Enabled"), ("rtp set debug ip 203.0.113.77", "203.0.113.77"), ("rtp set debug off", "Disabled"),
    ("pjsip set logger on", "enabled"), ("pjsip set logger host 203.0.113.77", "203.0.113.77"),
    ("pjsip set logger verbose", "verbose"), ("pjsip set logger off", "disabled"),
    ("pjsip show endpoints", "6001 In use"), ("pjsip show endpoint 6001", "rewrite_contact : true"),
    ("pjsip show aors", "Objects found: 3"), ("pjsip show aor 6001", "qualify_frequency : 60"),
    ("pjsip show contacts", "Avail"), ("pjsip show auths", "sipus_auth"), ("pjsip show registrations", "Registered"),
    ("pjsip show identifies", "203.0.113.1/32"), ("pjsip show transports", "0.0.0.0:5060"),
    ("pjsip show channels", "PJSIP/6001-"), ("pjsip show channelstats", "ulaw"),
    ("pjsip list endpoints like ^6001", "Objects found: 1"), ("pjsip list contacts", "Avail"),
    ("pjsip qualify 6001", "Qualifying"), ("pjsip send register sipus_reg", "Re-register"),
    ("core show channels", "1 active call"), ("core show uptime", "System uptime"), ("core show version", "hairpin"),
    ("core set verbose 3", "is now 3"), ("core set debug 0", "is now 0"),
    ("dialplan show", "from-internal"), ("dialplan show from-internal", "600"), ("dialplan reload", "reloaded"),
    ("pjsip reload", "reloaded"),
)
FAILING = ("sip show peers", "pjsip show endpoint nobody", "pjsip show aor nobody", "pjsip qualify nobody",
           "pjsip send register nobody", "channel request hangup nobody", "core show channel nobody",
           "rtp set debug ip x", "pjsip set logger host x", "core set verbose x", "dialplan show nobody")


def squeeze(text):
    return " ".join(text.split())


def every_command(server):
    for command, words in COMMANDS:
        out = squeeze(server.rx(command))
        assert words in out, "%s: no %r in: %s" % (command, words, out)
    for command in FAILING:
        assert server._rx(command).returncode == 1, "%s: succeeds" % command


def as_asterisk(w):
    """argv[0] makes it `asterisk -rx`, with the letters together or apart."""
    name = w.lab.path("asterisk")
    os.symlink(hairpin.BINARY, name)
    for letters in (["-rx"], ["-r", "-x"], ["-x"]):
        out = w.pbx.run(name, "--run", w.hairpin.run_dir, *letters, "core show version")
        assert out.startswith("hairpin "), out


def hammer(server, until, asked):
    """What a monitoring script does, but without pause."""
    while not until.is_set():
        for command in ("core show channels verbose", "pjsip show channelstats", "pjsip show endpoints", "pjsip reload"):
            server.rx(command)
            asked.append(command)


def broken_reload(server):
    """A reload with errors changes nothing, says all of them, and fails."""
    path = os.path.join(server.conf, "pjsip.conf")
    with open(path) as f:
        good = f.read()
    with open(path, "w") as f:
        f.write(good.replace("[6001]", "[6001x]").replace("type=aor", "type=aor\nmax_contact=1"))
    done = server._rx("pjsip reload")
    assert done.returncode == 1 and "did you mean 'max_contacts'" in done.stdout, done.stdout
    assert "the old one stays" in done.stdout
    server.rx("pjsip show endpoint 6001")
    with open(path, "w") as f:
        f.write(good)


def restarted(server, starts):
    """The process is the same one; it has started so many times and answers."""
    wait_for(lambda: server.program.text().count("core.start") == starts and server._ready(), 8, "hairpin starts again")


@scenario("console", timeout=120)
def console(lab):
    """Every command of the manual during a call, under load, with a broken reload."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK + phone_block("scenario2", "6002"))
    phone, other = w.phone_a(), w.phone_b()
    w.hairpin.wait_registered()
    w.hairpin.wait_contact("6001", "Avail")
    here, there = calls.connect(phone, other, "6002")
    calls.hear_each_other(phone, other, 1.0)
    every_command(w.hairpin)
    as_asterisk(w)
    broken_reload(w.hairpin)
    until, asked = threading.Event(), []
    loads = [threading.Thread(target=hammer, args=(w.hairpin, until, asked), daemon=True) for _ in range(4)]
    for load in loads:
        load.start()
    calls.hear_each_other(phone, other, 3.0)
    until.set()
    for load in loads:
        load.join(15)
    assert len(asked) > 40, "only %d commands were answered" % len(asked)
    name = next(word for word in w.hairpin.rx("core show channels").split() if word.startswith("PJSIP/6001-"))
    assert "Heard from" in w.hairpin.rx("core show channel " + name)
    w.hairpin.rx("channel request hangup " + name)
    phone.wait("CALL_CLOSED", here, 4)
    other.wait("CALL_CLOSED", there, 4)
    w.hairpin.wait_idle()
    w.hairpin.rx("pjsip send unregister sipus_reg")
    w.hairpin.wait_rx("pjsip show registrations", lambda out: "Stopped" in out, 8, "unregistered")


@scenario("console.restart", timeout=120)
def restart(lab):
    """`gracefully` waits for the call and takes no other, `when convenient` takes it and waits for both; either may be
    cancelled. `now` does not wait. Phones need not do anything."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"))
    phone, other = w.phone_a(expires=600), w.phone_b(expires=600)
    third = w.phone(lab.host("third", "203.0.113.30"), "d", expires=600)
    here, there = calls.connect(phone, other, "6002")
    w.hairpin.rx("core restart gracefully")
    calls.hear_each_other(phone, other)
    refused = third.dial("600")
    third.wait("CALL_CLOSED", refused, 4)
    assert w.hairpin._rx("core stop when convenient").returncode == 1, "what is more urgent goes on"
    w.hairpin.rx("core abort shutdown")
    w.hairpin.rx("core restart when convenient")
    echo = third.dial("600")
    third.wait("CALL_ESTABLISHED", echo, 4)
    calls.end(phone, other, (here, there))
    assert w.hairpin.program.text().count("core.start") == 1
    third.hangup()
    third.wait("CALL_CLOSED", echo, 6)
    restarted(w.hairpin, 2)
    calls.short_call(phone, other, "6002", w.hairpin)
    here, there = calls.connect(phone, other, "6002")
    w.hairpin.rx("core restart now")
    phone.wait("CALL_CLOSED", here, 4)
    other.wait("CALL_CLOSED", there, 4)
    restarted(w.hairpin, 3)
    calls.short_call(other, phone, "6001", w.hairpin)
    here, there = calls.connect(phone, other, "6002")
    w.hairpin.rx("core stop gracefully")
    calls.hear_each_other(phone, other, 1.0)
    assert w.hairpin.program.alive()
    calls.end(other, phone, (there, here))
    assert w.hairpin.program.process.wait(6) == 0


@scenario("console.stop_restart")
def stop_restart(lab):
    """A restart that waits for the provider's answer becomes a stop when one is asked for; a stop stays one."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK)
    w.hairpin.wait_registered()
    w.provider.node.link(False)
    w.hairpin.rx("core restart now")
    assert w.hairpin._rx("core restart now").returncode == 1, "it restarts already"
    w.hairpin.rx("core stop now")
    assert w.hairpin._rx("core restart now").returncode == 1, "it stops"
    assert w.hairpin.program.process.wait(10) == 0
    assert w.hairpin.program.text().count("core.start") == 1


@scenario("console.typed")
def typed(lab):
    """`hairpin -r` at a terminal: completion, history, the server's own words, the way out."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx)
    keys, terminal = pty.openpty()
    console = subprocess.Popen([hairpin.BINARY, "-r", "--run", w.hairpin.run_dir], stdin=terminal, stdout=terminal,
                               stderr=terminal, close_fds=True)
    os.close(terminal)
    os.set_blocking(keys, False)
    seen = []

    def sees(words):
        try:
            seen.append(os.read(keys, 65536).decode(errors="replace"))
        except (BlockingIOError, OSError):
            pass
        return words in "".join(seen)

    try:
        for typed_in, words in ((b"", "hairpin*CLI> "), (b"core show vers\t", "ion "), (b"\n", "hairpin 0."),
                                (b"\x1b[A", "core show version"), (b"\n", "hairpin 0."),
                                (b"pjsip reload\n", "conf.loaded")):
            seen.clear()
            os.write(keys, typed_in)
            wait_for(lambda: sees(words), 5, "the console shows %r" % words, every=0.05)
        os.write(keys, b"exit\n")
        assert console.wait(5) == 0
    finally:
        console.kill()
        console.wait()
        os.close(keys)
