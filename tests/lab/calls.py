"""What a call must do, for any two phones: connect, be heard, end."""
import time

from net import LabError


def connect(caller, callee, number, within=10):
    """Dials; the callee answers by itself.  Returns a mark for each of them."""
    there = callee.mark()
    here = caller.dial(number)
    caller.wait("CALL_ESTABLISHED", here, within)
    callee.wait("CALL_ESTABLISHED", there, within)
    return here, there


def hear_each_other(one, two, seconds=1.5, within=8):
    """From now on, each must hear the other's tone."""
    marks = one.mark(), two.mark()
    one.wait_tone(two.frequency, marks[0], seconds, within)
    two.wait_tone(one.frequency, marks[1], seconds, within)


def recorded(one, two, seconds=1.0):
    """baresip's own recordings must agree with what was on the wire."""
    for phone, other in ((one, two), (two, one)):
        heard = phone.recorded().get(other.frequency, 0)
        assert heard >= seconds, "%s recorded only %g s of %d Hz" % (
            phone.name, heard, other.frequency)


def hold_and_resume(holder, other, pause=1.0):
    """The holder hears nothing of the other while it holds, then all again."""
    since = holder.mark()
    holder.hold()
    holder.wait("CALL_REMOTE_SDP", since)
    time.sleep(0.4)
    quiet = holder.mark()
    time.sleep(pause)
    heard = holder.tones_since(quiet).get(other.frequency, 0)
    assert heard < 0.3, "%s put the call on hold and still hears %g s of %s" % (
        holder.name, heard, other.name)
    since = holder.mark()
    holder.resume()
    holder.wait("CALL_REMOTE_SDP", since)
    hear_each_other(holder, other)


def end(who, other, marks, within=4):
    """One side hangs up; the other side's call ends promptly."""
    who.hangup()
    other.wait("CALL_CLOSED", marks[1], within)
    who.wait("CALL_CLOSED", marks[0], within)


def whole_call(caller, callee, number, hairpin=None, record=True):
    """Two calls: either side holds and resumes, either side hangs up."""
    here, there = connect(caller, callee, number)
    hear_each_other(caller, callee)
    if record:
        recorded(caller, callee)
    hold_and_resume(caller, callee)
    end(caller, callee, (here, there))
    if hairpin:
        hairpin.wait_idle()
    here, there = connect(caller, callee, number)
    hear_each_other(caller, callee, 1.0)
    hold_and_resume(callee, caller)
    end(callee, caller, (there, here))
    if hairpin:
        hairpin.wait_idle()


def short_call(caller, callee, number, hairpin=None, seconds=1.5):
    here, there = connect(caller, callee, number)
    hear_each_other(caller, callee, seconds)
    end(caller, callee, (here, there))
    if hairpin:
        hairpin.wait_idle()


def echo_call(phone, hairpin, number="600"):
    """The echo application sends the phone's own tone back."""
    since = phone.dial(number)
    phone.wait("CALL_ESTABLISHED", since, 10)
    phone.wait_tone(phone.frequency, since, 2.0)
    since = phone.mark()
    phone.hangup()
    phone.wait("CALL_CLOSED", since, 4)
    hairpin.wait_idle()


def silent(phone, frequency, since, seconds):
    """For so long the phone must not hear that tone."""
    time.sleep(seconds)
    heard = phone.tones_since(since).get(frequency, 0)
    assert heard < 0.2, "%s hears %g s of %d Hz and should not" % (
        phone.name, heard, frequency)


def must_not_connect(caller, callee, number, seconds=6):
    """The call does not get through to the callee."""
    there = callee.mark()
    here = caller.dial(number)
    try:
        caller.wait("CALL_ESTABLISHED", here, seconds)
    except LabError:
        kinds = [e["type"] for e in callee.events[there[0]:]]
        assert "CALL_INCOMING" not in kinds, "%s rings" % callee.name
        caller.hangup()
        return
    raise AssertionError("the call was answered, and it should not be")
