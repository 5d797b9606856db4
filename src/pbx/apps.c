/* pbx/apps.c: the applications, one row each. */
#include "pbx/priv.h"

#define APPS(X)             \
	X(answer)           \
	X(background)       \
	X(busy)             \
	X(congestion)       \
	X(continuewhile)    \
	X(dbdel)            \
	X(dbdeltree)        \
	X(dial)             \
	X(echo)             \
	X(endwhile)         \
	X(exec)             \
	X(execif)           \
	X(execiftime)       \
	X(exitwhile)        \
	X(gosub)            \
	X(gosubif)          \
	X(goto)             \
	X(gotoif)           \
	X(gotoiftime)       \
	X(hangup)           \
	X(incomplete)       \
	X(log)              \
	X(milliwatt)        \
	X(mset)             \
	X(musiconhold)      \
	X(nocdr)            \
	X(noop)             \
	X(pickup)           \
	X(pickupchan)       \
	X(playback)         \
	X(playtones)        \
	X(progress)         \
	X(read)             \
	X(resetcdr)         \
	X(return )          \
	X(ringing)          \
	X(sayalpha)         \
	X(saydigits)        \
	X(saynumber)        \
	X(sayphonetic)      \
	X(senddtmf)         \
	X(set)              \
	X(stackpop)         \
	X(startmusiconhold) \
	X(stopmusiconhold)  \
	X(stopplaytones)    \
	X(transfer)         \
	X(verbose)          \
	X(wait)             \
	X(waitexten)        \
	X(while)

#define X(name) extern const struct app app_##name;
APPS(X)
#undef X

const struct app *const apps[] = {
#define X(name) &app_##name,
	APPS(X)
#undef X
		NULL,
};
