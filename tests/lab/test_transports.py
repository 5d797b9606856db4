"""Transports other than UDP over IPv4."""
import os
import re

import calls
from hairpin import phone_block
from net import LabError, sh, wait_for
from peers import Phone
from suite import scenario
from worlds import NAT_A, PASSWORD, PBX_PUBLIC, PLAIN_TRANSPORT, One, Two

TCP = """
[transport-tcp]
type=transport
protocol=tcp
bind=0.0.0.0
"""

TLS = """
[transport-tls]
type=transport
protocol=tls
bind=0.0.0.0
cert_file=%s
priv_key_file=%s
"""

PBX6 = "2001:db8:1::10"

UDP6 = """
[transport-udp6]
type=transport
protocol=udp
bind=[::]
"""


@scenario("tcp")
def tcp(lab):
    """A phone registered by TCP behind NAT is called over its connection."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TCP
                 + phone_block("scenario2", "6002"))
    phone, other = w.phone_a(transport="tcp"), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail", host=NAT_A)
    calls.short_call(other, phone, "6001", w.hairpin)
    calls.short_call(phone, other, "6002", w.hairpin)
    rang = [m for m in w.wan.messages(dst=NAT_A)
            if m.is_request and m.method == "INVITE"]
    assert rang and all(m.packet.proto == "tcp" for m in rang), "not by TCP"
    w.check_wires()


def certificate(lab, name, host):
    """A certificate that its own key signed; returns its file and the key's."""
    cert, key = lab.path(name + ".crt"), lab.path(name + ".key")
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=" + host,
       "-addext", "subjectAltName=DNS:%s,IP:%s" % (host, PBX_PUBLIC),
       "-out", cert, "-keyout", key)
    return cert, key


def shown(node):
    """The certificate that the PBX shows to who connects now."""
    return node.run("openssl", "s_client", "-connect", PBX_PUBLIC + ":5061",
                    "-servername", "pbx.example.com", stdin="")


@scenario("tls")
def tls(lab):
    """A phone registered by TLS behind NAT is called over its connection, and
    stays connected while the certificate is replaced."""
    w = Two(lab, provider=False)
    cert, key = certificate(lab, "pbx", "pbx.example.com")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TLS % (cert, key)
                 + phone_block("scenario2", "6002"))
    phone, other = w.phone_a(transport="tls"), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail", host=NAT_A)
    calls.short_call(other, phone, "6001", w.hairpin)
    calls.short_call(phone, other, "6002", w.hairpin)
    assert not w.wan.messages(dst=NAT_A), "SIP that can be read went to the phone"
    before = shown(w.pbx)
    assert "CN = pbx.example.com" in before, before
    fresh = certificate(lab, "fresh", "fresh.example.com")
    for new, old in zip(fresh, (cert, key)):
        os.replace(new, old)
    w.hairpin.rx("pjsip reload")
    wait_for(lambda: "CN = fresh.example.com" in shown(w.pbx), 5, "the new certificate")
    contacts = w.hairpin.contacts()
    calls.short_call(other, phone, "6001", w.hairpin)
    with open(cert, "w") as f:
        f.write("garbage\n")
    try:
        raise AssertionError(w.hairpin.rx("pjsip reload"))
    except LabError as refused:
        assert "the certificate of before is kept" in str(refused), refused
    assert "CN = fresh.example.com" in shown(w.pbx)
    calls.short_call(other, phone, "6001", w.hairpin)
    assert w.hairpin.contacts() == contacts, "it connected again"
    w.check_wires()


ITSP = "203.0.113.30"
ITSP_NAMES = ("--host-record=itsp.example.com," + ITSP,
              "--srv-host=_sips._tcp.itsp.example.com,itsp.example.com,5071")

VERIFY = """
verify_server=yes
ca_list_file=%s
external_signaling_address=198.51.100.5
external_media_address=198.51.100.5
local_net=192.0.2.0/24

[itsp]
type=registration
transport=transport-tls
server_uri=sip:itsp.example.com\\;transport=tls
client_uri=sip:account@itsp.example.com
contact_user=account
retry_interval=2
max_random_initial_delay=0
"""


@scenario("tls.provider")
def provider(lab):
    """From behind a router to a provider by TLS: SRV says where, the URI whose
    certificate it must be. One of somebody else is not believed."""
    w = One(lab, provider=False, records=ITSP_NAMES)
    node = lab.host("itsp", ITSP)
    good, wrong = (certificate(lab, name, name + ".example.com") for name in ("itsp", "other"))
    trusted = lab.path("trusted.crt")
    with open(trusted, "w") as f:
        f.write("".join(open(cert).read() for cert, _ in (good, wrong)))
    start = ["python3", os.path.join(os.path.dirname(__file__), "tls_registrar.py"), ITSP, "5071"]
    registrar = node.start("registrar", start + list(wrong))
    w.hairpin_in(w.pbx, (TLS % ("", "")).rstrip() + VERIFY % trusted)
    w.hairpin.program.wait_output("its certificate is not that of itsp.example.com", 10)
    assert "REGISTER" not in registrar.text(), registrar.text()
    registrar.stop()
    registrar = node.start("registrar2", start + list(good))
    w.hairpin.wait_rx("pjsip show registrations", lambda out: re.search(r"itsp\S* .* Registered", out), 20,
                      "registered at the provider")
    for said in ("asked for itsp.example.com", "REGISTER sip:itsp.example.com;transport=tls SIP/2.0",
                 "Via: SIP/2.0/TLS 198.51.100.5:5061;", "Contact: <sip:account@198.51.100.5:5061;transport=TLS"):
        assert said in registrar.text(), registrar.text()


def by_ear(phone, other):
    """What the phone itself recorded of the other: in which file, how many seconds."""
    name = phone.recording() if hasattr(phone, "recording") else phone.rec
    return name, phone.recorded().get(other.frequency, 0) if name else 0


def secure_call(caller, callee, number, seconds=1.0):
    """Both decode what the other says: on the wire it cannot be read."""
    pairs = ((caller, callee), (callee, caller))
    before = [by_ear(phone, other) for phone, other in pairs]
    marks = calls.connect(caller, callee, number)
    for (phone, other), was in zip(pairs, before):
        def heard():
            name, now = by_ear(phone, other)
            return now >= seconds + (was[1] if name == was[0] else 0)
        wait_for(heard, 8, "%s hears %s" % (phone.name, other.name))
    return marks


@scenario("srtp")
def srtp(lab):
    """SRTP over TLS behind NAT to a phone without either, behind another NAT;
    each hears the other, and the encrypted side cannot be understood."""
    w = Two(lab, provider=False)
    cert, key = certificate(lab, "pbx", "pbx.example.com")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TLS % (cert, key) + phone_block("scenario2", "6002"),
                 change=lambda text: text.replace("aors=6001", "aors=6001\nmedia_encryption=sdes"))
    phone, other = w.phone_a(transport="tls", srtp="srtp-mand"), w.phone_b()
    w.hairpin.wait_contact("6001", "Avail", host=NAT_A)
    for caller, callee, number in ((other, phone, "6001"), (phone, other, "6002")):
        marks = secure_call(caller, callee, number)
        assert not phone.tones_since((0, 0)), "the phone's audio is not encrypted"
        calls.end(caller, callee, marks)
    w.hairpin.wait_idle()
    w.check_wires()


@scenario("ipv6")
def ipv6(lab):
    """A phone with IPv6 only registers and hears itself."""
    w = Two(lab, provider=False)
    w.pbx.ip("addr", "add", PBX6 + "/64", "dev", "eth0", "nodad")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + UDP6)
    node = lab.host("phone6", "2001:db8:1::20")
    phone = Phone(node, "a", "6001", PBX6, PASSWORD)
    phone.wait_registered()
    w.phones["phone6"] = phone
    calls.echo_call(phone, w.hairpin)


@scenario("tls.no-nat")
def no_nat(lab):
    """A phone by TLS without any NAT, and rewrite_contact is not written: nobody
    listens where its Contact says; it is called over its connection."""
    w = Two(lab, provider=False)
    cert, key = certificate(lab, "pbx", "pbx.example.com")
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + TLS % (cert, key) + phone_block("scenario2", "6002"),
                 change=lambda text: text.replace("rewrite_contact=yes", ""))
    phone = w.phone(lab.host("phone", "203.0.113.50"), "a", transport="tls")
    other = w.phone_b()
    w.hairpin.wait_contact("6001", "Avail")
    calls.short_call(other, phone, "6001", w.hairpin)
    calls.short_call(phone, other, "6002", w.hairpin)
