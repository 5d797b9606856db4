"""What heals by itself, with peers that do what hurts: who vanishes."""
import signal
import time

import calls
import hairpin
from suite import scenario
from worlds import PLAIN_TRANSPORT, Two


@scenario("healing.vanished")
def vanished(lab):
    """A phone stops without a word: its caller is told within seconds, not after 32; it is back as soon as it speaks."""
    w = Two(lab, provider=False)
    w.hairpin_in(w.pbx, PLAIN_TRANSPORT + hairpin.phone_block("scenario2", "6002"))
    one, two = w.phone_a(), w.phone_b()
    calls.short_call(one, two, "6002", w.hairpin)
    two.program.signal(signal.SIGSTOP)
    began = time.monotonic()
    here = one.dial("6002")
    closed = one.wait("CALL_CLOSED", here, 10)
    print("told after %.1f s: %s" % (time.monotonic() - began, closed["param"]))
    assert closed["param"].startswith("480"), closed["param"]
    two.program.signal(signal.SIGCONT)
    time.sleep(1)
    calls.short_call(one, two, "6002", w.hairpin)
