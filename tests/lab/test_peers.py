"""The lab itself, without hairpin: do the peers talk, does the lab hear it?"""
import calls
from net import LabError
from peers import Phone
from provider import FROM_OUTSIDE, NUMBER, Provider, pstn_phone
from suite import scenario


def build(lab, nat_help):
    """A phone behind a NAT router that registers straight at the provider."""
    lab.name_server()
    provider = Provider(lab, nat_help)
    router = lab.router("nat", "203.0.113.77", "192.0.2.1", ports="keep",
                        forward="192.0.2.20")
    node = lab.behind(router, "phone", "192.0.2.20")
    phone = Phone(node, "a", "1112223333", "gw1.example.com", "your_password")
    pstn = pstn_phone(lab)
    phone.wait_registered()
    return provider, phone, pstn


@scenario("peers", needs_hairpin=False)
def peers(lab):
    """With a provider that repairs NAT, everything is heard in both ways."""
    _, phone, pstn = build(lab, nat_help=True)
    calls.whole_call(phone, pstn, NUMBER)
    calls.short_call(pstn, phone, FROM_OUTSIDE)


@scenario("peers.silence", needs_hairpin=False)
def silence(lab):
    """Without the repair the lab must notice that nobody answers or hears.

    The phone's SDP has a private address: the other side sends into nowhere.
    """
    _, phone, pstn = build(lab, nat_help=False)
    there = pstn.mark()
    here = phone.dial(NUMBER)
    phone.wait("CALL_ESTABLISHED", here)
    pstn.wait_tone(phone.frequency, there, 1.5)
    calls.silent(phone, pstn.frequency, here, 1.5)
    calls.must_not_connect(pstn, phone, FROM_OUTSIDE, 3)


@scenario("peers.router", needs_hairpin=False)
def router(lab):
    """The routers remap ports, forget mappings, and keep strangers out."""
    lab.name_server()
    provider = Provider(lab)
    nat = lab.router("nat", "203.0.113.77", "192.0.2.1")
    node = lab.behind(nat, "phone", "192.0.2.20")
    phone = Phone(node, "a", "1112223333", "gw1.example.com", "your_password")
    phone.wait_registered()
    ports = seen_ports(provider)
    assert len(ports) == 1 and 40000 <= min(ports) < 50000, ports
    nat.restart()
    phone.stop()
    phone.start()
    for _ in range(50):
        if len(seen_ports(provider)) > 1:
            return
        calls.time.sleep(0.1)
    raise LabError("the router kept the port over its restart")


def seen_ports(provider):
    words = [line.split("from 203.0.113.77:")[1].split()[0]
             for line in provider.program.text().splitlines()
             if "from 203.0.113.77:" in line]
    return {int(word) for word in words}
