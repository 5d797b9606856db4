"""Phones: baresip without audio hardware, driven over its control socket."""
import json
import os
import socket
import threading

import audio
from capture import Ears
from net import LabError, wait_for

CONFIG = """
sip_listen %(listen)s
call_local_timeout 60
call_max_calls 4
audio_source aufile,%(tone)s
audio_player nil,nil
audio_alert nil,nil
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports %(rtp)s
rtcp_mux no
jitter_buffer_delay 0-1
net_interface eth0
module_path /usr/lib/baresip/modules
module g711.so
module sndfile.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%(control)d
snd_path %(rec)s
%(more)s"""

WATCH = "module_app contact.so\nmodule_app presence.so\n"


class Hearing:
    """What reaches a phone: it has a node, a name and ears."""

    def tones_since(self, since):
        """{frequency: seconds} of what reached this phone after the mark."""
        self.ears.listen()
        found = audio.find_tones(self.ears.pcm[since[1]:])
        return {f: seconds for f, (seconds, _, _) in found.items()}

    def wait_tone(self, frequency, since, seconds=1.5, within=8):
        """Waits until that much of the tone was heard after the mark."""
        def heard():
            return self.tones_since(since).get(frequency, 0) >= seconds
        try:
            wait_for(heard, within, "")
        except LabError:
            raise LabError("%s does not hear %d Hz for %g s; it heard %s" % (
                self.name, frequency, seconds,
                self.tones_since(since) or "nothing")) from None

    def save_ears(self):
        self.ears.listen()
        audio.write_wav(self.node.lab.path(self.name + "-heard.wav"),
                        self.ears.pcm)


class Phone(Hearing):
    """One baresip.  `tone` is the letter of the tone that it sends.

    account: {"user", "server", "password", "transport", "expires", "answer"};
    without a password it does not register.
    srtp: baresip's mediaenc: "srtp" (RTP/AVP with keys), "srtp-mand" (RTP/SAVP).
    ports: of SIP and of the control socket; interface: where its audio arrives.
    watches: a number whose presence it subscribes to.
    """

    def __init__(self, node, tone, user, server=None, password=None,
                 transport="udp", expires=120, answer="auto",
                 rtp="11000-11998", ports=(5060, 4444), interface="eth0",
                 name=None, codecs=None, watches=None, srtp=None):
        self.node = node
        self.codecs = codecs            # those that it offers; None: all that it has
        self.name = name or node.name
        self.control_port = ports[1]
        self.user = user
        self.server = server or node.address
        self.transport = transport
        self.frequency = audio.TONES[tone]
        self.dir = node.lab.path("phone-" + self.name)
        self.rec = self.dir + "/rec"
        os.makedirs(self.rec, exist_ok=True)
        self.events = []
        self.fresh = threading.Condition()
        wav = audio.make_tone("%s/tone.wav" % self.dir, self.frequency)
        listen = "%s:%d" % ("[::]" if ":" in node.address else "0.0.0.0",
                            ports[0])
        self._write("config", CONFIG % {"tone": wav, "rec": self.rec,
                                        "rtp": rtp, "listen": listen,
                                        "control": ports[1],
                                        "more": (WATCH if watches else "") + ("module srtp.so\n" if srtp else "")})
        self.srtp = srtp
        self._write("accounts", self._account(password, expires, answer))
        self._write("contacts", '"watched" <%s>;presence=p2p\n' % self._uri(watches) if watches else "")
        self.ears = Ears(node, interface, self.name)
        if transport == "tls":
            first, last = rtp.split("-")
            self.ears.open_ports = range(int(first), int(last) + 1, 2)
        self.start()

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def _uri(self, number):
        host = "[%s]" % self.server if ":" in self.server else self.server
        more = "" if self.transport == "udp" else ";transport=" + self.transport
        return "sip:%s@%s%s" % (number, host, more)

    def _account(self, password, expires, answer):
        line = "<%s>;answermode=%s" % (self._uri(self.user), answer)
        if self.codecs:
            line += ";audio_codecs=" + self.codecs
        if self.srtp:
            line += ";mediaenc=" + self.srtp
        if password is None:
            return line + ";regint=0\n"
        return line + ";regint=%d;auth_user=%s;auth_pass=%s\n" % (
            expires, self.user, password)

    def start(self):
        """Starts baresip (again) and connects to its control socket."""
        self.program = self.node.start("phone-" + self.name,
                                       ["baresip", "-v", "-f", self.dir])
        self.control = wait_for(self._connect, 8, self.name + " starts")
        thread = threading.Thread(target=self._read, args=(self.control,))
        thread.daemon = True
        thread.start()

    def _connect(self):
        s = self.node.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            s.connect(("127.0.0.1", self.control_port))
            return s
        except OSError:
            s.close()
            return None

    def _read(self, control):
        """Takes netstrings (LENGTH:JSON,) from the control socket."""
        data = b""
        while True:
            try:
                more = control.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b":" in data:
                size, _, rest = data.partition(b":")
                if len(rest) <= int(size):
                    break
                self._event(json.loads(rest[:int(size)]))
                data = rest[int(size) + 1:]

    def _event(self, message):
        if message.get("event"):
            with self.fresh:
                self.events.append(message)
                self.fresh.notify_all()

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": "t"})
        self.control.sendall(b"%d:%s," % (len(text), text.encode()))

    def mark(self):
        """A point in time: later events and sounds are told from earlier."""
        return (len(self.events), self.ears.listen())

    def wait(self, kind, since, seconds=8):
        """Waits for an event of that type after a mark; returns it."""
        def found():
            for event in self.events[since[0]:]:
                if event["type"] == kind:
                    return event
            return None

        def over():
            return found() or (kind == "CALL_ESTABLISHED" and any(
                e["type"] == "CALL_CLOSED" for e in self.events[since[0]:]))
        with self.fresh:
            self.fresh.wait_for(over, seconds)
            if not found():
                seen = [e["type"] + (" (%s)" % e["param"] if e["type"] ==
                                     "CALL_CLOSED" else "")
                        for e in self.events[since[0]:]]
                raise LabError("%s: no %s within %g s; it saw: %s" % (
                    self.name, kind, seconds, ", ".join(seen) or "nothing"))
            return found()

    def wait_registered(self, seconds=10):
        """The first answer may be older than our connection to the control
        socket, so this looks at the log."""
        self.program.wait_output("} 200 OK", seconds)
        return self

    def dial(self, number):
        """Starts a call and returns the mark to wait from."""
        since = self.mark()
        target = number if number.startswith("sip:") else self._uri(number)
        self.command("dial", target)
        return since

    def answer(self):
        self.command("accept")

    def hangup(self):
        self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def recording(self):
        """The newest WAV that baresip itself wrote of what it decoded."""
        names = sorted(n for n in os.listdir(self.rec)
                       if n.endswith("-dec.wav"))
        return os.path.join(self.rec, names[-1]) if names else None

    def recorded(self):
        """{frequency: seconds} in baresip's own recording (see README)."""
        path = self.recording()
        if path is None:
            return {}
        found = audio.find_tones(audio.samples(path))
        return {f: seconds for f, (seconds, _, _) in found.items()}

    def stop(self):
        self.control.close()
        return self.program.stop()
