"""The provider: Kamailio at 203.0.113.1 and .2, and a phone in its network.

It is a strict one: it believes Via (with rport) and Contact as they stand and
repairs nobody's NAT, so what the PBX says about itself has to be right.
"""
import os

from net import wait_for
from peers import Phone

GW1, GW2, PSTN = "203.0.113.1", "203.0.113.2", "203.0.113.20"
ACCOUNT, DID, NUMBER = "1112223333", "19998887777", "12125550123"
FROM_OUTSIDE = "sip:%s@%s" % (DID, GW1)     # what the PSTN's phone dials
HERE = os.path.dirname(os.path.abspath(__file__))


class Provider:
    """Options: nat_help=True makes it repair addresses (for scenario peers);
    place(name, public address, last number) puts it elsewhere, as .1 only."""

    def __init__(self, lab, nat_help=False, place=None):
        self.lab = lab
        self.node = place("itsp", GW1, 1) if place else lab.host("itsp", GW1, GW2)
        self.net = self.node.address.rpartition(".")[0]
        self.cfg = lab.path("kamailio.cfg")
        with open(os.path.join(HERE, "conf", "kamailio.cfg")) as f:
            text = f.read()
        if nat_help:
            text = text.replace("##!define NAT_HELP", "#!define NAT_HELP")
        if place:
            for proto in ("udp", "tcp"):
                text = text.replace("listen=%s:%s:5060\n" % (proto, GW2), "")
            text = text.replace("203.0.113.", self.net + ".")
        self.listeners = text.count("listen=udp")
        with open(self.cfg, "w") as f:
            f.write(text)
        self.start()

    def start(self):
        run = self.lab.path("kamailio-run")
        os.makedirs(run, exist_ok=True)
        self.program = self.node.start("kamailio", [
            "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-f", self.cfg,
            "-Y", run, "-w", run, "-P", run + "/pid"])
        wait_for(self._ready, 10, "Kamailio listens")

    def _ready(self):
        out = self.node.run("ss", "-Hlun", "sport", "=", ":5060")
        return out.count(":5060") >= self.listeners

    def wait_registered(self, seconds):
        """Waits until the PBX has registered the account."""
        self.program.wait_output("saved " + ACCOUNT, seconds)

    def block(self, address):
        """That gateway is dead: nothing sent to it arrives, nothing answers."""
        self.node.run("nft", "-f", "-", stdin="""
            table ip dead {
                chain input {
                    type filter hook input priority 0; policy accept;
                    ip daddr %s drop
                }
            }
            """ % address)


def pstn_phone(lab, tone="b", answer="auto"):
    """A phone in the provider's network that owns NUMBER."""
    node = lab.host("pstn", PSTN)
    return Phone(node, tone, NUMBER, answer=answer)
