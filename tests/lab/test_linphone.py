"""A phone of another make: linphone on the LAN and behind its own NAT."""
import calls
from hairpin import phone_block
from linphone import Linphone
from suite import scenario
from test_transports import TLS, certificate, secure_call
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


@scenario("linphone.srtp")
def secure(lab):
    """linphone with TLS and SRTP behind a router, baresip with both behind another
    one: each leg has its own keys."""
    w = Two(lab, provider=False)
    cert, key = certificate(lab, "pbx", "pbx.example.com")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TLS % (cert, key)
                 + phone_block("scenario2", "6002").replace("aors=6002", "aors=6002\nmedia_encryption=sdes"),
                 change=lambda text: text.replace("aors=6001", "aors=6001\nmedia_encryption=sdes"))
    phone = w.phone_a(transport="tls", srtp="srtp-mand")
    node = lab.behind(w.nat("natb", "203.0.113.88"), "phoneb", "192.0.2.20")
    other = Linphone(node, "c", "6002", w.server, PASSWORD, secure=True)
    other.wait_registered()
    w.phones[node.name] = other
    for caller, callee, number in ((phone, other, "6002"), (other, phone, "6001")):
        marks = secure_call(caller, callee, number)
        calls.end(caller, callee, marks)
    w.hairpin.wait_idle()
    assert not w.wan.messages(), "SIP that can be read is on the wire"
