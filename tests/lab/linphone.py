"""A second kind of phone: linphone, without audio hardware, driven by the
commands of its console. Its audio goes through files."""
import os
import re

import audio
from capture import Ears
from net import wait_for
from peers import Hearing

RC = """
[sip]
sip_port=%(port)d
sip_tcp_port=0
sip_tls_port=%(tls)d
verify_server_certs=0
verify_server_cn=0
default_proxy=0
media_encryption=%(srtp)s
media_encryption_mandatory=%(must)d
[net]
mtu=0
[rtp]
audio_rtp_port=11000
[sound]
echocancellation=0
[proxy_0]
reg_proxy=<sip:%(server)s%(by)s>
reg_identity=sip:%(user)s@%(server)s
reg_sendregister=1
reg_expires=120
[auth_info_0]
username=%(user)s
passwd=%(password)s
"""

# What it says, by the event names of the other phone.
SAYS = {"CALL_ESTABLISHED": " connected.", "CALL_CLOSED": " ended (",
        "CALL_REMOTE_SDP": (" is now paused.", "Media streams established")}


class Linphone(Hearing):
    """One linphonec; it answers by itself. With `secure` it speaks TLS and SRTP
    and nothing else."""

    def __init__(self, node, tone, user, server, password, port=5060, secure=False):
        self.node = node
        self.name = node.name
        self.frequency = audio.TONES[tone]
        self.dir = node.lab.path("phone-" + node.name)
        os.makedirs(self.dir + "/.local/share/linphone")   # it does not start without
        self.wav = audio.make_tone("%s/tone.wav" % self.dir, self.frequency)
        self.rec = self.dir + "/rec.wav"
        rc = self.dir + "/linphonerc"
        with open(rc, "w") as f:
            f.write(RC % {"user": user, "server": server, "password": password,
                          "port": 0 if secure else port, "tls": 5061 if secure else 0,
                          "srtp": "srtp" if secure else "none", "must": secure,
                          "by": ";transport=tls" if secure else ""})
        self.ears = Ears(node)
        fifo = self.dir + "/commands"
        os.mkfifo(fifo)
        self.keyboard = os.open(fifo, os.O_RDWR)
        self.program = node.start(
            "phone-" + self.name,
            ["sh", "-c", "exec linphonec -a -c %s <%s" % (rc, fifo)],
            env={"HOME": self.dir})
        self.program.wait_output("linphonec>", 8)
        self.command("soundcard use files")
        self.command("play " + self.wav)
        self.command("record " + self.rec)

    def command(self, text):
        os.write(self.keyboard, (text + "\n").encode())

    def mark(self):
        return (len(self.program.text()), self.ears.listen())

    def wait(self, kind, since, seconds=8):
        words = SAYS[kind] if isinstance(SAYS[kind], tuple) else (SAYS[kind],)

        def said():
            return any(w in self.program.text()[since[0]:] for w in words)
        wait_for(said, seconds, "%s: %s" % (self.name, kind), every=0.1)

    def wait_registered(self, seconds=10):
        def registered():
            self.command("status register")
            return "registered, identity=" in self.program.text()
        wait_for(registered, seconds, self.name + " registers", every=0.3)
        return self

    def dial(self, number):
        since = self.mark()
        self.command("call " + number)
        return since

    def hangup(self):
        self.command("terminate")

    def hold(self):
        self.command("pause")

    def resume(self):
        call = re.findall(r"Call (\d+) with", self.program.text())[-1]
        self.command("resume " + call)

    def recorded(self):
        """{frequency: seconds} in what linphone itself recorded."""
        found = audio.find_tones(audio.samples(self.rec))
        return {f: seconds for f, (seconds, _, _) in found.items()}

    def stop(self):
        os.close(self.keyboard)
        return self.program.stop()
