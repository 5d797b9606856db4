"""coturn, as a STUN server alone."""
from net import wait_for

STUN, OTHER = "203.0.113.70", "203.0.113.71"


def stun_server(lab, two=False):
    """two: with a second address and port (RFC 5780)."""
    node = lab.host("stun", STUN, *([OTHER] if two else []))
    args = ["turnserver", "-n", "--stun-only", "--no-tls", "--no-dtls",
            "--no-cli", "--listening-ip=" + STUN, "--listening-port=3478",
            "--log-file=stdout", "--pidfile=" + lab.path("turnserver.pid")]
    if two:
        args += ["--listening-ip=" + OTHER, "--alt-listening-port=3479"]
    program = node.start("turnserver", args)
    wait_for(lambda: node.run("ss", "-Hlun", "sport", "=", ":3478"), 10,
             "coturn listens")
    return program
