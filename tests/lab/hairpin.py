"""hairpin itself: its configuration folder, start, stop, console commands."""
import os
import re
import signal
import subprocess

from net import LabError, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("HAIRPIN", os.path.join(ROOT, "build", "hairpin"))


def read_conf(*names):
    with open(os.path.join(HERE, "conf", *names)) as f:
        return f.read()


def make_conf(lab, guide, extra="", change=None, files=None):
    """Makes a configuration folder and returns its path.

    guide   scenario1, scenario2 or double: the guide's pjsip.conf, unmodified
    extra   more objects; they go to a second file that is included at the end
    change  for runs that need other values: a function from text to text
    files   more files: {name: text}
    """
    folder = lab.path("conf")
    os.makedirs(folder, exist_ok=True)
    text = read_conf(guide, "pjsip.conf")
    if change:
        changed = change(text)
        assert changed != text, "the change of the configuration does nothing"
        text = changed
    if extra:
        text += "\n#include pjsip_lab.conf\n"
        _write(folder, "pjsip_lab.conf", extra)
    _write(folder, "pjsip.conf", text)
    for name in ("extensions.conf", "rtp.conf"):
        _write(folder, name, read_conf(name))
    for name, text in (files or {}).items():
        _write(folder, name, text)
    return folder


def _write(folder, name, text):
    with open(os.path.join(folder, name), "w") as f:
        f.write(text)


def phone_block(guide, user):
    """The guide's three objects of phone 6001, for another phone."""
    text = read_conf(guide, "pjsip.conf")
    start = text.index("[6001]")
    block = re.sub(r"(?m)^(\[|auth=|aors=|username=)6001", r"\g<1>" + user,
                   text[start:])
    return "\n" + block


class Hairpin:
    """A running hairpin in a node; `wrap`: a command that runs it."""

    def __init__(self, node, conf, *options, wrap=()):
        self.wrap = wrap
        self.node = node
        self.conf = conf
        self.options = options
        self.run_dir = node.lab.path("run")
        self.state = node.lab.path("state")
        for folder in (self.run_dir, self.state):
            os.makedirs(folder, exist_ok=True)
        self.start()

    def start(self):
        self.program = self.node.start("hairpin", [
            *self.wrap, BINARY, "--conf", self.conf, "--run", self.run_dir,
            "--state", self.state, *self.options])
        self.wait_ready()

    def wait_ready(self):
        wait_for(self._ready, 8, "hairpin answers console commands")

    def _ready(self):
        if not self.program.alive():
            raise LabError("hairpin ended with status %s at its start"
                           % self.program.process.returncode)
        return self._rx("core show channels").returncode == 0

    def _rx(self, command):
        return subprocess.run(
            ["ip", "netns", "exec", self.node.ns, BINARY, "--run",
             self.run_dir, "-rx", command], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=10)

    def rx(self, command):
        """The output of a console command that must succeed."""
        done = self._rx(command)
        if done.returncode != 0:
            raise LabError("-rx %r: exit %d: %s" % (command, done.returncode,
                                                    done.stdout.strip()))
        return done.stdout

    def wait_rx(self, command, test, seconds, what):
        """Repeats a command until test(output) is true; returns the output."""
        last = [""]

        def good():
            last[0] = self.rx(command)
            return test(last[0])
        try:
            wait_for(good, seconds, what, every=0.25)
        except LabError as error:
            raise LabError("%s; last output of %r:\n%s" % (
                error, command, last[0])) from None
        return last[0]

    def contacts(self):
        """[(aor, uri, state)] out of `pjsip show contacts`."""
        found = []
        for line in self.rx("pjsip show contacts").splitlines():
            m = re.match(r"\s*Contact:\s+(\S+?)/(\S+)\s+(.*)", line)
            if m and not m[1].startswith("<"):
                words = m[3].split()
                state = next((w for w in words if w in (
                    "Avail", "Unavail", "NonQual", "Unknown", "Created",
                    "Removed", "Updated")), "?")
                found.append((m[1], m[2], state))
        return found

    def wait_contact(self, aor, state=None, seconds=10, host=None):
        """Waits for a contact of that AOR (in that state, at that host)."""
        def good(_):
            return any(a == aor and state in (None, s)
                       and (host is None or host in uri)
                       for a, uri, s in self.contacts())
        what = "contact of %s %s %s" % (aor, state or "", host or "")
        self.wait_rx("pjsip show contacts", good, seconds, what)

    def wait_registered(self, seconds=20):
        """Waits until the registration at the provider is up."""
        self.wait_rx("pjsip show registrations",
                     lambda out: re.search(r"\bRegistered\b", out), seconds,
                     "registered at the provider")

    def wait_idle(self, seconds=6):
        """Waits until no call is up."""
        def idle(out):
            m = re.search(r"(?m)^(\d+) active channels?", out)
            return m is not None and m[1] == "0"
        self.wait_rx("core show channels", idle, seconds, "no channel is left")

    def crash(self):
        """kill -9."""
        self.program.signal(signal.SIGKILL)
        self.program.process.wait(5)

    def stop(self):
        return self.program.stop()
