"""The embedded default, etc/, as `make run` starts it: two phones, 600, 601, 602."""
import glob
import os
import re
import shutil
import stat
import subprocess

import audio
import calls
import hairpin
from net import LabError, wait_for
from peers import Phone
from suite import scenario

SERVER = "203.0.113.10"
SOUNDS = "/usr/share/asterisk/sounds"      # of Debian's packages


def first_run(lab):
    """A copy of etc/ beside a new state folder with passwords; returns {user: password}."""
    shutil.copytree(os.path.join(hairpin.ROOT, "etc"), lab.path("etc"))
    file = lab.path("state", "passwords.conf")
    first = [os.path.join(hairpin.ROOT, "tools", "first-run"), file]
    subprocess.run(first, check=True)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600, "others may read the passwords"
    with open(file) as f:
        text = f.read()
    subprocess.run(first, check=True)
    with open(file) as f:
        assert f.read() == text, "a second start makes other passwords"
    return dict(re.findall(r"username=(\S+)\npassword=(\S{20})", text))


def hear_echo(phone):
    """600: an explanation of 22 s, then the phone's own tone."""
    since = phone.dial("600")
    phone.wait("CALL_ESTABLISHED", since, 10)
    phone.wait_tone(phone.frequency, since, 2.0, within=35)
    since = phone.mark()
    phone.hangup()
    phone.wait("CALL_CLOSED", since, 4)


def greeting():
    found = glob.glob(SOUNDS + "/en*/hello-world.wav")
    assert found, "asterisk-core-sounds-en-wav is not installed"
    return audio.samples(found[0])


def hear_greeting(phone):
    """601: what the phone hears is the recording of Debian's package."""
    since = phone.dial("601")
    phone.wait("CALL_ESTABLISHED", since, 10)
    phone.wait("CALL_CLOSED", since, 15)
    phone.ears.listen()
    likeness = audio.likeness(phone.ears.pcm[since[1]:], greeting())
    assert likeness > 0.9, "the greeting is not heard (likeness %.2f)" % likeness


def hear_milliwatt(phone):
    """602: 1004 Hz, told from 1000 Hz by a whole second of it."""
    since = phone.dial("602")
    phone.wait("CALL_ESTABLISHED", since, 10)

    def second():
        phone.ears.listen()
        return phone.ears.pcm[-audio.RATE:] if len(phone.ears.pcm) >= since[1] + 2 * audio.RATE else None
    tone = wait_for(second, 8, "two seconds of 602")
    shares = {f: audio.share(tone, f) for f in (1000, 1004, 1008)}
    assert shares[1004] > 0.95 and shares[1000] < 0.1, "not the milliwatt tone: %s" % shares
    since = phone.mark()
    phone.hangup()
    phone.wait("CALL_CLOSED", since, 4)


def refuse_without_passwords(lab, node):
    """Without the first start's passwords nothing listens, and the reason is said."""
    shutil.copytree(os.path.join(hairpin.ROOT, "etc"), lab.path("bare", "etc"))
    done = subprocess.run(["ip", "netns", "exec", node.ns, hairpin.BINARY, "--conf", lab.path("bare", "etc"),
                           "--run", lab.path("bare", "run"), "--state", lab.path("bare", "state")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
    assert done.returncode == 1 and "passwords.conf" in done.stdout, done.stdout


@scenario("default", timeout=120)
def default(lab):
    """First start, two phones (UDP and TCP), the three numbers, and a call."""
    node = lab.host("pbx", SERVER)
    refuse_without_passwords(lab, node)
    passwords = first_run(lab)
    assert sorted(passwords) == ["6001", "6002"], passwords
    server = hairpin.Hairpin(node, lab.path("etc"), "--welcome")
    said = server.program.text()
    for word in (SERVER + ":5060  (udp, tcp)", passwords["6001"], passwords["6002"], "600", "601", "602",
                 hairpin.BINARY + " --run "):
        if word not in said:
            raise LabError("the first lines do not show %r" % word)
    one = Phone(lab.host("phone", "203.0.113.20"), "a", "6001", SERVER, passwords["6001"]).wait_registered()
    two = Phone(lab.host("phoneb", "203.0.113.21"), "c", "6002", SERVER, passwords["6002"],
                transport="tcp").wait_registered()
    hear_echo(one)
    hear_greeting(one)
    hear_milliwatt(two)
    server.wait_idle()
    calls.short_call(one, two, "6002", server)
    calls.short_call(two, one, "6001", server)
    assert server.stop() == 0
