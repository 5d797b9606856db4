"""The guide's scenario 2: a public PBX, phones behind NAT."""
import calls
import capture
from hairpin import phone_block
from provider import FROM_OUTSIDE, NUMBER
from suite import scenario
from worlds import NAT_A, PBX_PUBLIC, PLAIN_TRANSPORT, TRUNK, Two


def without(option):
    """The same text with `option=no` in place of `option=yes`."""
    return lambda text: text.replace(option + "=yes", option + "=no")


@scenario("scenario2.out")
def out(lab):
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK)
    phone = w.phone_a()
    calls.whole_call(phone, w.pstn, NUMBER, w.hairpin)
    w.check_wires()


@scenario("scenario2.in")
def incoming(lab):
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    calls.whole_call(w.pstn, phone, FROM_OUTSIDE, w.hairpin)
    w.check_wires()


@scenario("scenario2.phones")
def phones(lab):
    """Two phones behind two NATs, with the same private address."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + phone_block("scenario2", "6002"))
    one, two = w.phone_a(), w.phone_b()
    calls.whole_call(one, two, "6002", w.hairpin)
    calls.short_call(two, one, "6001", w.hairpin)
    w.check_wires()


@scenario("scenario2.echo")
def echo(lab):
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    calls.echo_call(w.phone_a(), w.hairpin)
    w.check_wires()


@scenario("scenario2.register")
def register(lab):
    """The stored contact is the NAT's address; the phone sees its own."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT)
    w.phone_a()
    w.hairpin.wait_contact("6001", "Avail", host=NAT_A + ":4")
    answers = [m for m in w.wan.messages(src=PBX_PUBLIC, dst=NAT_A)
               if m.method == "REGISTER" and m.status == 200]
    assert answers, "no 200 to REGISTER on the wire"
    assert "@192.0.2.20:5060" in answers[0].values("Contact")[0], (
        "the phone is not shown its own Contact")
    via = answers[0].values("Via")[0]
    assert "received=" + NAT_A in via and ";rport=4" in via, via
    asked = w.wan.wait_message(
        lambda m: m.is_request and m.method == "OPTIONS", 8, "OPTIONS",
        src=PBX_PUBLIC)
    assert NAT_A in asked[0].first, asked[0].first
    w.check_wires()


@scenario("scenario2.no-rtp-symmetric")
def no_rtp_symmetric(lab):
    """rtp_symmetric=no: the PBX sends to the private address in the SDP."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, without("rtp_symmetric"))
    phone = w.phone_a()
    there = w.pstn.mark()
    here, _ = calls.connect(phone, w.pstn, NUMBER)
    w.pstn.wait_tone(phone.frequency, there, 1.5)
    calls.silent(phone, w.pstn.frequency, here, 1.5)


@scenario("scenario2.no-rewrite-contact")
def no_rewrite_contact(lab):
    """rewrite_contact=no: calls to the phone do not connect."""
    w = Two(lab)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TRUNK, without("rewrite_contact"))
    phone = w.phone_a()
    w.hairpin.wait_contact("6001", host="192.0.2.20")
    w.hairpin.wait_registered()
    calls.must_not_connect(w.pstn, phone, FROM_OUTSIDE)
    sent = [p for p in capture.PcapReader(w.wan.path).packets()
            if p.dst == NAT_A and p.data.startswith(b"INVITE ")]
    assert not sent, "an INVITE went to the NAT all the same"
