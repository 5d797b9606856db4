"""Cells of the NAT matrix with real peers: each must end as the simulator says."""
import os
import signal
import subprocess
import time

import calls
import hairpin
import places
from net import LabError, wait_for
from provider import DID, NUMBER
from suite import scenario

PROGRAM = os.path.join(os.path.dirname(hairpin.BINARY), "matrix")
SAMPLE = 40
MAPPING, CALL = 30, 70       # s: a mapping's life, and the call that outlives it twice


def cells():
    """[(name, audio expected, why not)]"""
    out = subprocess.run([PROGRAM, "--sample", str(SAMPLE)], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = []
    for line in out.splitlines():
        name, _, verdict = line.partition(": ")
        found.append((name, verdict == "audio", verdict))
    return found


class Cell:
    def __init__(self, lab, name):
        self.lab = lab
        self.where, self.party, self.peer, self.transport, self.flow, self.config = name.split()
        folder = lab.path("conf")
        os.makedirs(folder)
        subprocess.run([PROGRAM, "--cell", name, "--conf", folder], check=True)
        self.ground = places.Ground(lab, self.where)
        if self.flow == "register":
            self.other_is_phone = False
        else:
            self.other_is_phone = self.peer not in ("provider", "sbc")
        self.provide()
        self.ground.start(folder)

    def provide(self):
        answer = "early" if self.flow == "early-media" else "auto"
        self.far = None
        if self.flow != "register" and not self.other_is_phone:
            self.far = (self.ground.kamailio if self.peer == "provider" else self.ground.sbc)(answer)

    # --- from here on a failure is a verdict ---------------------------------

    def play(self):
        g = self.ground
        self.near = g.phone(self.party, self.transport)
        self.near.wait_registered(6)
        if self.other_is_phone:
            shared = self.peer == self.party and self.party.startswith("shared")
            self.far = g.phone(self.peer, self.transport, True, shared,
                               "early" if self.flow == "early-media" else "auto")
            self.far.wait_registered(6)
        elif self.far:
            g.hairpin.wait_registered(25)
        for r in g.routers:
            r.udp_timeouts(MAPPING, MAPPING)
        getattr(self, "flow_" + self.flow.replace("-", "_"))()

    def out(self):
        number = "6002" if self.other_is_phone else NUMBER
        return calls.connect(self.near, self.far, number, 6)

    def come_in(self):
        if self.other_is_phone:
            return calls.connect(self.far, self.near, "6001", 6)
        host = self.ground.provider_address()
        return calls.connect(self.far, self.near, "sip:%s@%s" % (DID, host), 6)

    def hear(self):
        calls.hear_each_other(self.near, self.far, 1.0, 5)

    def flow_register(self):
        calls.echo_call(self.near, self.ground.hairpin)

    def flow_refresh(self):
        """The routers forget everything; the phones lose their power, too, and register from new ports."""
        phones = [self.near] + ([self.far] if self.other_is_phone else [])
        for phone in phones:
            phone.program.signal(signal.SIGKILL)
            phone.program.process.wait(5)
        for r in self.ground.routers:
            r.restart()
        for phone in phones:
            before = phone.program.text().count("} 200 OK")
            phone.start()
            wait_for(lambda: phone.program.text().count("} 200 OK") > before, 8, "registered again")
        self.come_in()
        self.hear()

    def flow_call_in(self):
        self.come_in()
        self.hear()

    def flow_call_out(self):
        self.out()
        self.hear()

    def flow_early_media(self):
        since = self.near.mark()
        self.near.dial("6002" if self.other_is_phone else NUMBER)
        self.near.wait("CALL_PROGRESS", since, 6)
        # a called baresip sends 183 with SDP, but may have no audio before its 200: then the rest is judged
        if "audio tx pipeline" in self.far.program.text():
            self.near.wait_tone(self.far.frequency, since, 1.0, 6)
        self.far.answer()
        self.near.wait("CALL_ESTABLISHED", since, 6)
        self.hear()

    def flow_hold(self):
        self.out()
        self.hear()
        calls.hold_and_resume(self.near, self.far)

    def flow_re_invite(self):
        self.come_in()
        self.hear()
        calls.hold_and_resume(self.near, self.far)
        calls.hold_and_resume(self.far, self.near)

    def flow_hangup_near(self):
        there, here = self.come_in()
        self.hear()
        calls.end(self.near, self.far, (here, there))

    def flow_hangup_far(self):
        there, here = self.come_in()
        self.hear()
        calls.end(self.far, self.near, (there, here))

    def flow_hour(self):
        here, there = self.out()
        self.hear()
        time.sleep(CALL)
        self.hear()
        calls.end(self.far, self.near, (there, here))


def run_cell(lab, number):
    name, audio, verdict = cells()[number]
    cell = Cell(lab, name)
    try:
        cell.play()
        seen = None
    except (LabError, AssertionError) as why:
        seen = str(why)
    if audio and seen:
        raise AssertionError("%s: the simulator says audio, here: %s" % (name, seen))
    if not audio and not seen:
        raise AssertionError("%s: here are all calls with audio, the simulator says %s" % (name, verdict))


def register(number):
    @scenario("cell-%02d" % (number + 1), timeout=180)
    def one(lab):
        run_cell(lab, number)


for n in range(SAMPLE):
    register(n)
