"""`hairpin check` from the command line: what it prints, its exit status, JSON, and what --fix does to files."""
import json
import os
import stat
import subprocess

import hairpin
from suite import scenario

LAN = "192.0.2.10/24"
BROKEN = """\
[udp]
type=transport
bind=0.0.0.0
external_media_address=198.51.100.5

#include phones.conf
"""
PHONES = """\
[phone](!)
type=endpoint
allow=ulaw
rtp_symmetric=no          ; the old router
rewrite_contact=yes

[6001](phone)
auth=6001
aors=6001

[6001]
type=auth
username=6001
password=do-not-show

[6001]
type=aor
max_contacts=1
qualify_frequency=300

[6002](phone)
aors=6002

[6002]
type=aor
max_contacts=1
qualify_frequency=300     ; hairpin: ignore NAT013
"""


def check(node, *args):
    """Runs it on a node; returns the exit status, what it printed, and what it complained about."""
    done = subprocess.run(["ip", "netns", "exec", node.ns, hairpin.BINARY, "check", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def folder(lab, name, **files):
    path = lab.path(name)
    os.makedirs(path, exist_ok=True)
    files.setdefault("rtp", "[general]\nrtpstart=10000\nrtpend=20000\n")
    files.setdefault("extensions", "[default]\nexten => 1,1,Answer()\n")
    for file, text in files.items():
        with open(os.path.join(path, file + ".conf"), "w") as f:
            f.write(text)
    return path


def the_guide(lab, node):
    """As it stands: notes, so nothing to do. The host's own addresses are looked at when none are named."""
    for guide in ("scenario1", "double"):
        conf = folder(lab, guide, pjsip=hairpin.read_conf(guide, "pjsip.conf"),
                      extensions=hairpin.read_conf("extensions.conf"))
        status, said, _ = check(node, "--conf", conf)
        assert status == 0 and " 0 errors, 0 warnings, " in said, said
        status, said, _ = check(node, "--conf", conf, "--asterisk", "--address", "10.9.8.7/24")
        assert status == 1 and "pjsip.conf:7: error: SDP that leaves by transport transport-udp-nat keeps our own " \
            "address 10.9.8.7," in said and "local_net=10.9.8.0/24 [NAT001]" in said, said


def refused(lab, node):
    conf = folder(lab, "refused", pjsip="[i]\ntype=identify\nmatch=192.0.2.1\n")
    status, said, _ = check(node, "--conf", conf)
    assert status == 1 and "pjsip.conf:1: error: identify i: endpoint is missing [NAT018]" in said, said
    status, said, complaint = check(node, "--conf", lab.path("nowhere"))
    assert status == 2 and not said and "there is no such file" in complaint, complaint
    for args in (["--nonsense"], ["--conf"], ["--write"], ["--json", "--fix"], ["--address", "192.0.2.1"],
                 ["--address", "lan/24"]):
        status, said, complaint = check(node, *args)
        assert status == 2 and not said and complaint, (args, said)


def unserved(lab, node):
    """What hairpin does not serve yet is no reproach to an Asterisk."""
    conf = folder(lab, "unserved", pjsip="[u]\ntype=transport\nbind=0.0.0.0\n",
                  extensions="[default]\nexten => 1,1,Queue(x)\n")
    status, said, _ = check(node, "--conf", conf)
    assert status == 1 and "extensions.conf:2: warning: application Queue is not served yet" in said, said
    status, said, _ = check(node, "--conf", conf, "--asterisk")
    assert status == 0 and "extensions.conf:2: note: application Queue" in said, said


def broken(lab, node):
    """Findings in an included file and in a template, comments, JSON, notes about Asterisk."""
    conf = folder(lab, "broken", pjsip=BROKEN, phones=PHONES)
    status, said, _ = check(node, "--conf", conf)
    lines = said.splitlines()
    assert status == 1, said
    assert sum(line.startswith("phones.conf:4: warning: ") and line.endswith("(and 1 more) [NAT009]")
               for line in lines) == 1, said
    assert sum("[NAT013]" in line for line in lines) == 1 and "phones.conf:19: warning: aor 6001" in said, said
    assert "pjsip.conf:4: error: " in said and "[NAT002]" in said and "[NAT036]" in said, said
    assert "note: in Asterisk, aor 6001" in said and "[NAT011]" in said, said
    status, said, _ = check(node, "--conf", conf, "--asterisk")
    assert status == 1 and "error: aor 6001" in said and "in Asterisk" not in said, said
    status, said, _ = check(node, "--conf", conf, "--json")
    report = json.loads(said)
    assert status == 1 and report["errors"] >= 2, said
    found = [f for f in report["findings"] if f["code"] == "NAT013"]
    assert len(found) == 1 and found[0]["line"] == 19 and found[0]["severity"] == "warning", found
    assert found[0]["fix"] == {"option": "qualify_frequency", "value": "25", "in_place": True}, found
    return conf


def mend(lab, node, conf):
    """--fix shows a difference that patch takes; --write makes it, and what is written has nothing to fix."""
    path = os.path.join(conf, "phones.conf")
    os.chmod(path, 0o640)
    status, diff, _ = check(node, "--conf", conf, "--fix")
    assert status == 1 and "+rtp_symmetric=yes          ; the old router\n" in diff, diff
    assert "+local_net=192.0.2.0/24\n" in diff and "do-not-show" not in diff, diff
    with open(path) as f:
        assert f.read() == PHONES, "--fix alone writes"
    status, again, _ = check(node, "--conf", conf, "--fix", "--write")
    assert status == 1 and again == diff
    with open(path + "~") as f:
        assert f.read() == PHONES, "the backup is not the old file"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert sorted(os.listdir(conf)) == ["extensions.conf", "phones.conf", "phones.conf~", "pjsip.conf", "pjsip.conf~",
                                        "rtp.conf"]
    status, said, _ = check(node, "--conf", conf, "--asterisk")
    assert status == 0 and " 0 errors, 0 warnings, 0 notes" in said, said
    assert check(node, "--conf", conf, "--asterisk", "--fix") == (0, "", "")


@scenario("check")
def check_command(lab):
    """The guide, refused files, findings in templates and included files, JSON, and mending."""
    node = lab.host("pbx", "192.0.2.10")
    the_guide(lab, node)
    refused(lab, node)
    unserved(lab, node)
    mend(lab, node, broken(lab, node))


@scenario("check.start")
def check_start(lab):
    """A start says how many findings there are, and nothing more of them."""
    node = lab.host("pbx", "192.0.2.10")
    server = hairpin.Hairpin(node, folder(lab, "broken", pjsip=BROKEN, phones=PHONES))
    said = server.program.text()
    assert "findings: hairpin check --conf " in said and "NAT0" not in said, said
    assert server.stop() == 0
