"""Double NAT: the PBX behind a router, the phones behind other routers."""
import calls
from hairpin import phone_block
from provider import FROM_OUTSIDE, NUMBER
from suite import scenario
from worlds import Double


@scenario("double.out")
def out(lab):
    w = Double(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    calls.whole_call(phone, w.pstn, NUMBER, w.hairpin)
    w.check_wires()


@scenario("double.in")
def incoming(lab):
    w = Double(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    calls.whole_call(w.pstn, phone, FROM_OUTSIDE, w.hairpin)
    w.check_wires()


@scenario("double.phones")
def phones(lab):
    w = Double(lab, provider=False)
    w.hairpin_in(w.pbx, phone_block("double", "6002"))
    one, two = w.phone_a(), w.phone_b()
    calls.whole_call(one, two, "6002", w.hairpin)
    calls.short_call(two, one, "6001", w.hairpin)
    w.check_wires()


@scenario("double.echo")
def echo(lab):
    w = Double(lab, provider=False)
    w.hairpin_in(w.pbx)
    calls.echo_call(w.phone_a(), w.hairpin)
    w.check_wires()
