"""`hairpin lab`: the guide's configurations in the simulator, and what it finds in spoilt ones."""
import json

import hairpin
from net import Node, sh
from suite import scenario
from worlds import PLAIN_TRANSPORT

# No capability at all, in a network namespace without a single link.
NO_PRIVILEGE = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def run(lab, guide, *options, extra="", change=None, status=0):
    """Its output; the exit status must be that one."""
    conf = hairpin.make_conf(lab, guide, extra, change)
    node = lab.nodes.get("alone") or lab._add(Node(lab, "alone"))
    wrapped = sh("ip", "netns", "exec", node.ns, *NO_PRIVILEGE, "sh", "-c",
                 '"$@"; echo "status $?"', "sh", hairpin.BINARY, "lab", "--conf", conf, *options, timeout=60)
    out, _, said = wrapped.rstrip().rpartition("\nstatus ")
    assert said == str(status), "exit status %s, wanted %d:\n%s" % (said, status, out)
    return out


def changes(lab, guide, *options, **more):
    """{where phone: "[section] option=value, …"} of all cases that need a change."""
    found = {}
    for case in json.loads(run(lab, guide, "--json", *options, **more))["cases"]:
        if case["change"]:
            found[case["where"] + " " + case["phone"]] = ", ".join(
                "[%(section)s] %(option)s=%(value)s" % c for c in case["change"])
        assert not case["hopeless"], case
    return found


@scenario("lab.guide")
def guide(lab):
    """As it is written, each of the guide's configurations has audio where it is made for."""
    for where in ("behind-router", "cloud"):
        run(lab, "scenario1", "--where", where, "--phone", "lan")
        run(lab, "double", "--where", where)
    run(lab, "scenario2", "--where", "public", extra=PLAIN_TRANSPORT)
    run(lab, "scenario2", "--where", "behind-router", "--phone", "lan", extra=PLAIN_TRANSPORT)
    found = changes(lab, "scenario2", "--where", "behind-router", "--phone", "symmetric", extra=PLAIN_TRANSPORT, status=1)
    assert "external_media_address" in found["behind-router symmetric"], found


@scenario("lab.culprits")
def culprits(lab):
    """One option is spoilt; that one is named, with its value, and nothing else."""
    place = "behind-router symmetric"
    for spoilt, good in (("external_media_address", "198.51.100.5"), ("rtp_symmetric", "yes"),
                         ("rewrite_contact", "yes")):
        line = "%s=%s" % (spoilt, good)
        bad = "" if spoilt.startswith("external") else spoilt + "=no"
        found = changes(lab, "double", "--where", "behind-router", "--phone", "symmetric",
                        change=lambda text: text.replace(line, bad), status=1)
        section = "transport-udp-nat" if spoilt.startswith("external") else "6001"
        assert found == {place: "[%s] %s" % (section, line)}, (spoilt, found)


@scenario("lab.everywhere")
def everywhere(lab):
    """All places, for people: the report names each, the ladder shows the messages, mistakes are told."""
    out = run(lab, "double", status=1)       # a second uplink needs another local_net
    for words in ("THE SERVER behind-router", "THE SERVER cgnat", "impossible:", "local_net="):
        assert words in out, words
    out = run(lab, "double", "--where", "behind-router", "--phone", "symmetric",
              change=lambda text: text.replace("rewrite_contact=yes", "rewrite_contact=no"), status=1)
    for words in ("set [6001] rewrite_contact=yes", "it is no", "router of home", "nowhere"):
        assert words in out, words
    assert "no place for the server: 'moon'" in run(lab, "double", "--where", "moon", status=2)
    assert "no transport" in run(lab, "scenario2", status=2)
