"""A router that forwards nothing, but opens ports for those who ask."""
import calls
import capture
from igd import OPENER, Opener, Stuck
from net import wait_for
from provider import FROM_OUTSIDE, NUMBER
from suite import scenario
from test_address import automatic
from verdict import edit
from worlds import LAN, One, PBX, ROUTER


class Closed(One):
    """Scenario 1, where nobody has forwarded anything by hand; every flow
    that leaves gets a port of its own."""

    def place(self):
        self.router = self.lab.router("router", OPENER, "192.0.2.1")
        self.pbx = self.lab.behind(self.router, "pbx", PBX)
        self.lan = capture.Capture(self.router, "lan", "lan")


def opened(opener, at_least):
    wait_for(lambda: len(opener.ports()) >= at_least, 10,
             "the router has opened %d ports" % at_least)


def whole(lab, speaks, how, word, rules=None):
    """Calls in and out have audio; what was opened is closed by a stop."""
    w = Closed(lab)
    opener = Opener(lab, w.router, speaks)
    if rules:
        w.router.run("nft", "-f", "-", stdin=rules)
    w.hairpin_in(w.pbx, change=automatic(how))
    w.hairpin.program.wait_output("speaks " + word, 15)
    opened(opener, 1)
    assert opener.ports() == {5060}, opener.ports()
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    here, there = calls.connect(w.pstn, phone, FROM_OUTSIDE)
    calls.hear_each_other(w.pstn, phone)
    assert len(opener.ports()) == 3, opener.ports()
    calls.end(w.pstn, phone, (here, there))
    w.hairpin.wait_idle()
    here, there = calls.connect(phone, w.pstn, NUMBER)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, (here, there))
    w.hairpin.wait_idle()
    told = [m for m in w.wan.messages(src=OPENER) if m.sdp()]
    assert told and all("c=IN IP4 " + OPENER in m.sdp() for m in told), "SDP"
    capture.check_outside(w.wan.messages(src=OPENER)[1:], LAN, OPENER)
    assert w.hairpin.stop() == 0
    assert not opener.ports(), opener.ports()


@scenario("router.pcp")
def pcp(lab):
    whole(lab, "pcp", "auto", "PCP")


NO_PCP = """
table ip nopcp {
    chain in {
        type filter hook input priority -10;
        udp dport 5351 @th,64,8 2 drop
    }
}
"""


@scenario("router.natpmp")
def natpmp(lab):
    """The same server, to which nothing of PCP gets through."""
    whole(lab, "pcp", "pcp", "NAT-PMP", NO_PCP)


@scenario("router.upnp")
def upnp(lab):
    whole(lab, "upnp", "auto", "UPnP")


@scenario("router.stuck")
def stuck(lab):
    """What says to be a router never ends its answer: the server goes on without, and does not wait for it at its end."""
    w = Closed(lab)
    device = Stuck(w.router)
    w.hairpin_in(w.pbx, change=automatic("upnp"))
    w.hairpin.program.wait_output("opens no ports", 30)
    assert len(device.asked) == 1, "one question"
    assert w.hairpin.stop() == 0


@scenario("router.stuck-restart")
def stuck_restart(lab):
    """A restart and a stop while the question is on its way, and nobody knows yet that its answer never ends."""
    w = Closed(lab)
    device = Stuck(w.router)
    w.hairpin_in(w.pbx, change=automatic("upnp"))
    for n, command in enumerate(("core restart now", "core restart gracefully", "core stop gracefully")):
        wait_for(lambda: len(device.asked) > n, 10, "the device is asked")
        w.hairpin.rx(command)
        if "restart" in command:
            wait_for(lambda: w.hairpin.program.text().count("core.start") == n + 2, 8, "hairpin starts again")
            w.hairpin.wait_ready()
    assert w.hairpin.program.process.wait(8) == 0


@scenario("router.stuck-signal")
def stuck_signal(lab):
    """SIGTERM while a restart waits for the router: it ends, and does not start again."""
    w = Closed(lab)
    device = Stuck(w.router)
    w.hairpin_in(w.pbx, change=automatic("upnp"))
    wait_for(lambda: device.asked, 10, "the device is asked")
    w.hairpin.rx("core restart now")
    assert w.hairpin.stop() == 0
    assert w.hairpin.program.text().count("core.start") == 1


@scenario("router.stuck-ends")
def stuck_ends(lab):
    """It lets go, and a router takes its place: that one is found."""
    w = Closed(lab)
    device = Stuck(w.router)
    w.hairpin_in(w.pbx, change=automatic("upnp"))
    w.hairpin.program.wait_output("opens no ports", 30)
    device.stop()
    Opener(lab, w.router, "upnp")
    reload(w.hairpin, lambda text: text.replace("=upnp", "=" + ROUTER))
    reload(w.hairpin, lambda text: text.replace("=" + ROUTER, "=upnp"))
    w.hairpin.program.wait_output("speaks UPnP", 15)
    assert w.hairpin.stop() == 0


def reload(hairpin, change):
    edit(hairpin, "pjsip.conf", change)
    hairpin.rx("pjsip reload")


@scenario("router.restarts")
def restarts(lab):
    """The router loses its power in mid-call: its clock says so."""
    w = Closed(lab)
    opener = Opener(lab, w.router, "pcp")
    w.hairpin_in(w.pbx, change=automatic("pcp"))
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    calls.connect(w.pstn, phone, FROM_OUTSIDE)
    calls.hear_each_other(w.pstn, phone)
    opener.restart()
    w.hairpin.program.wait_output("the router has begun anew", 15)
    opened(opener, 3)
    calls.hear_each_other(w.pstn, phone)
    w.pstn.hangup()
    w.hairpin.wait_idle()
