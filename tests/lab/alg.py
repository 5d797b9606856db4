"""A router's SIP ALG of the bad kind: it writes its own address into SIP and SDP of a phone, and leaves the ports."""
import re
import select
import socket
import threading

REDIRECT = """
table ip alg {
    chain pre {
        type nat hook prerouting priority -101;
        iifname "lan" udp dport 5060 redirect to :5070
    }
}
"""


def replaced(message, old, new):
    """The message with another address all through it, and the right length of its body."""
    head, _, body = message.replace(old, new).partition(b"\r\n\r\n")
    head = re.sub(rb"(?mi)^(Content-Length:\s*)\d+", b"\\g<1>%d" % len(body), head)
    return head + b"\r\n\r\n" + body


class Alg:
    def __init__(self, router, phone, server):
        self.names = router.wan_address.encode(), phone.encode()
        self.server = (server, 5060)
        self.inside, self.outside = (router.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.inside.bind(("0.0.0.0", 5070))
        self.outside.bind(("0.0.0.0", 5080))
        self.over = False
        self.phone = None
        router.lab.closing.append(self.stop)
        router.run("nft", "-f", "-", stdin=REDIRECT)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        outer, inner = self.names
        while not self.over:
            for ready in select.select([self.inside, self.outside], [], [], 0.2)[0]:
                data, source = ready.recvfrom(65536)
                if ready is self.inside:
                    self.phone = source
                    self.outside.sendto(replaced(data, inner, outer), self.server)
                elif self.phone:
                    self.inside.sendto(replaced(data, outer, inner), self.phone)

    def stop(self):
        self.over = True
        self.thread.join(2)
        self.inside.close()
        self.outside.close()
