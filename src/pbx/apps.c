/* pbx/apps.c: the applications, one row each. */
#include "pbx/priv.h"

#define APPS(X)       \
	X(answer)     \
	X(background) \
	X(busy)       \
	X(congestion) \
	X(dial)       \
	X(echo)       \
	X(execif)     \
	X(gosub)      \
	X(goto)       \
	X(gotoif)     \
	X(gotoiftime) \
	X(hangup)     \
	X(milliwatt)  \
	X(mset)       \
	X(noop)       \
	X(playback)   \
	X(progress)   \
	X(return )    \
	X(ringing)    \
	X(set)        \
	X(stackpop)   \
	X(verbose)    \
	X(wait)       \
	X(waitexten)

#define X(name) extern const struct app app_##name;
APPS(X)
#undef X

const struct app *const apps[] = {
#define X(name) &app_##name,
	APPS(X)
#undef X
		NULL,
};
