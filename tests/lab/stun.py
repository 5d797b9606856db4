"""coturn, as a STUN server alone."""
from net import wait_for

STUN = "203.0.113.70"


def stun_server(lab):
    node = lab.host("stun", STUN)
    program = node.start("turnserver", [
        "turnserver", "-n", "--stun-only", "--no-tls", "--no-dtls", "--no-cli",
        "--listening-ip=" + STUN, "--listening-port=3478",
        "--log-file=stdout", "--pidfile=" + lab.path("turnserver.pid")])
    wait_for(lambda: node.run("ss", "-Hlun", "sport", "=", ":3478"), 10,
             "coturn listens")
    return program
