"""Where a name leads (RFC 3263), asked of a real name server: NAPTR, SRV, A and AAAA, and what is tried next."""
import calls
from provider import GW1, GW2, NUMBER
from suite import scenario
from worlds import One, ROUTER

NAME = "trunk.example.com"


def naptr(order, service, target):
    return "--naptr-record=%s,%d,10,s,%s,,%s" % (NAME, order, service, target)


def srv(proto, target, port, priority):
    return "--srv-host=_sip._%s.%s,%s,%d,%d" % (proto, NAME, target, port, priority)


def call_by_name(lab, *records, dead=None):
    """Scenario 1 with the trunk at NAME, of which the name server has these records; the phone calls out. The INVITEs."""
    w = One(lab, records=records)
    if dead:
        w.provider.block(dead)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "contact=sip:gw1.example.com\ncontact=sip:gw2.example.com", "contact=sip:" + NAME))
    phone = w.phone_a()
    there, here = w.pstn.mark(), phone.dial(NUMBER)
    phone.wait("CALL_ESTABLISHED", here, 30)
    w.pstn.wait("CALL_ESTABLISHED", there, 5)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, (here, there))
    w.hairpin.wait_idle()
    w.check_wires()
    return [m for m in w.wan.messages(src=ROUTER) if m.is_request and m.method == "INVITE"]


def tried(invites):
    """The addresses, each once, in the order in which they were first asked."""
    return list(dict.fromkeys(m.packet.dst for m in invites))


@scenario("location.srv")
def by_srv(lab):
    """NAPTR names the SRV records: the host of the best priority is dead, that of the next one takes the call."""
    invites = call_by_name(
        lab, naptr(10, "SIP+D2U", "_sip._udp." + NAME), srv("udp", "gw2.example.com", 5060, 20),
        srv("udp", "gw1.example.com", 5060, 10), dead=GW1)
    assert tried(invites) == [GW1, GW2], tried(invites)


@scenario("location.naptr")
def by_naptr(lab):
    """NAPTR prefers what no transport of ours speaks; the next one is UDP, at a port that only SRV tells."""
    invites = call_by_name(
        lab, naptr(10, "SIPS+D2T", "_sips._tcp." + NAME), naptr(20, "SIP+D2U", "_sip._udp." + NAME),
        srv("tcp", "gw1.example.com", 5061, 10), srv("udp", "gw1.example.com", 5060, 10))
    assert tried(invites) == [GW1], tried(invites)


@scenario("location.addresses")
def by_addresses(lab):
    """No SRV: a name of two addresses, one of them dead, and of an IPv6 one that no transport of ours can reach."""
    invites = call_by_name(lab, "--host-record=%s,%s,2001:db8:1::99" % (NAME, GW2),
                           "--host-record=%s,%s" % (NAME, GW1), dead=GW1)
    assert tried(invites)[-1] == GW2, tried(invites)
