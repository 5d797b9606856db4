"""The guide's scenario 1, its configuration text unmodified."""
import calls
import capture
from hairpin import phone_block
from net import LabError
from provider import DID, FROM_OUTSIDE, GW1, NUMBER
from suite import scenario
from worlds import LAN, One, PBX, ROUTER


@scenario("scenario1.out")
def out(lab):
    """The phone calls through the provider."""
    w = One(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    calls.whole_call(phone, w.pstn, NUMBER, w.hairpin)
    w.check_wires()


@scenario("scenario1.in")
def incoming(lab):
    """The provider delivers a call to the registered number."""
    w = One(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    w.hairpin.wait_registered()
    w.provider.wait_registered(5)
    calls.whole_call(w.pstn, phone, FROM_OUTSIDE, w.hairpin)
    w.check_wires()
    asked = [m for m in w.wan.messages(src=ROUTER)
             if m.is_request and m.method == "REGISTER"]
    assert all("<sip:%s@%s:5060>" % (DID, ROUTER) in m.values("Contact")[0]
               for m in asked), "Contact of REGISTER"


@scenario("scenario1.phones")
def phones(lab):
    """Two phones of the office call each other."""
    w = One(lab, provider=False)
    w.hairpin_in(w.pbx, phone_block("scenario1", "6002"))
    one, two = w.phone_a(), w.phone_b()
    calls.whole_call(one, two, "6002", w.hairpin)
    calls.short_call(two, one, "6001", w.hairpin)
    capture.check_inside(w.lan.messages(dst="192.0.2.20"), ROUTER)
    capture.check_inside(w.lan.messages(dst="192.0.2.21"), ROUTER)


@scenario("scenario1.echo")
def echo(lab):
    w = One(lab, provider=False)
    w.hairpin_in(w.pbx)
    calls.echo_call(w.phone_a(), w.hairpin)


@scenario("scenario1.tos")
def tos(lab):
    """tos= marks SIP, tos_audio= marks RTP: routers see it on the wire."""
    w = One(lab, provider=False)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "bind=0.0.0.0", "bind=0.0.0.0\ntos=cs3").replace(
        "direct_media=no", "direct_media=no\ntos_audio=ef"))
    calls.echo_call(w.phone_a(), w.hairpin)
    sent = [p for p in w.lan.packets() if p.src == PBX and p.proto == "udp"]
    sip = {p.tos for p in sent if p.sport == 5060}
    rtp = {p.tos for p in sent if 10000 <= p.sport <= 20000 and p.sport % 2 == 0}
    assert (sip, rtp) == ({0x60}, {0xb8}), "SIP %s, RTP %s" % (sip, rtp)


@scenario("scenario1.no-media-address")
def no_media_address(lab):
    """Without external_media_address the provider's audio goes nowhere."""
    w = One(lab)
    w.hairpin_in(w.pbx, change=lambda text: text.replace(
        "external_media_address=198.51.100.5", "external_media_address="))
    phone = w.phone_a()
    there = w.pstn.mark()
    here, _ = calls.connect(phone, w.pstn, NUMBER)
    w.pstn.wait_tone(phone.frequency, there, 1.5)
    calls.silent(phone, w.pstn.frequency, here, 1.5)
    sdp = [m.sdp() for m in w.wan.messages(src=ROUTER) if m.sdp()]
    assert sdp and all("c=IN IP4 " + LAN in s for s in sdp), "SDP"


@scenario("scenario1.gw1-dead")
def gw1_dead(lab):
    """The first gateway is dead: the call takes the AOR's second contact."""
    w = One(lab)
    w.provider.block(GW1)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    there = w.pstn.mark()
    here = phone.dial(NUMBER)
    phone.wait("CALL_ESTABLISHED", here, 40)
    w.pstn.wait("CALL_ESTABLISHED", there, 5)
    calls.hear_each_other(phone, w.pstn)
    calls.end(phone, w.pstn, (here, there))
    w.hairpin.wait_idle()
    w.check_wires()


@scenario("scenario1.restart")
def restart(lab):
    """SIGTERM ends hairpin quickly with status 0; calls end with it."""
    w = One(lab)
    w.hairpin_in(w.pbx)
    phone = w.phone_a()
    marks = calls.connect(phone, w.pstn, NUMBER)
    status = w.hairpin.program.stop(kill_after=6)
    if status != 0:
        raise LabError("SIGTERM: exit status %s" % status)
    phone.wait("CALL_CLOSED", marks[0], 4)
    w.pstn.wait("CALL_CLOSED", marks[1], 4)
