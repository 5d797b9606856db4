"""A phone of another make: linphone on the LAN and behind its own NAT."""
import calls
from hairpin import phone_block
from linphone import Linphone
from suite import scenario
from worlds import PASSWORD, PLAIN_TRANSPORT, Two


@scenario("linphone")
def linphone(lab):
    """linphone and baresip, each behind its own router, call each other."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"))
    phone = w.phone_a()
    nat = w.nat("natb", "203.0.113.88")
    node = lab.behind(nat, "phoneb", "192.0.2.20")
    other = Linphone(node, "c", "6002", w.server, PASSWORD)
    other.wait_registered()
    w.phones[node.name] = other
    calls.whole_call(phone, other, "6002", w.hairpin)
    calls.whole_call(other, phone, "6001", w.hairpin)
    calls.echo_call(other, w.hairpin)
    w.check_wires()
