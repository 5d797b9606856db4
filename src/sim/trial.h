/*
 * sim/trial.h: one call on one ground: the server with a configuration, a phone, the other side, and what became of
 * their audio.
 */
#pragma once
#include "sim/ground.h"

enum flow_kind {
	FLOW_REGISTER,
	FLOW_REFRESH,
	FLOW_IN,
	FLOW_OUT,
	FLOW_EARLY,
	FLOW_HOLD,
	FLOW_REINVITE,
	FLOW_HANGUP_NEAR,
	FLOW_HANGUP_FAR,
	FLOW_HOUR,
	FLOWS
};
struct flow_row {
	const char *name, *help;
};
extern const struct flow_row sim_flows[FLOWS];

struct trial_phone {
	const char *aor;             /* it registers there */
	const char *endpoint;        /* its From; NULL: aor */
	const char *user, *password; /* its credentials; user NULL: aor */
	const char *number;          /* what others dial to reach it */
	bool srtp;                   /* it encrypts, or does not call */
};
struct trial_trunk {                         /* the provider's side of a trunk; texts may be "" */
	const char *aor;                     /* whom the server registers as; "": it does not register */
	const char *registration;            /* the section that does it */
	const char *user, *password, *realm; /* the server's credentials; user "": none */
	const char *names;                   /* "gw1.example.com gw2.example.com": all are the provider's address */
	const char *did, *number;            /* what reaches the phone, and what the phone dials */
	bool srtp;                           /* it encrypts, or does not call */
};
struct trial {
	struct ground_ask at;
	enum flow_kind flow;
	const struct conf_source *source;        /* the server's configuration */
	void (*tune)(void *arg, struct conf *c); /* changes it; or NULL */
	void *tune_arg;
	struct trial_phone phones[2];
	struct trial_trunk trunk;
	const char *external_names; /* of the external address, as `names` above; or NULL */
	const char *stun_name;      /* of the STUN server; or NULL */
	const char *echo;           /* an extension that sends audio back; "": the peer is called instead */
	const char *codecs;         /* of the phones; "": ulaw and alaw */
	bool tls;                   /* BY_TCP is by TLS */
	int64_t wall;               /* Unix ms when it begins; 0: the simulator's own */
	void (*tap)(void *arg, ms_t at, const struct sim_wire *w); /* every SIP message; or NULL */
	void *tap_arg;
	bool diagnose; /* and let the server say what it thinks of its calls */
};
struct trial_result {
	bool audio;                       /* both ways, at each step */
	char what[160];                   /* else which step failed, and how */
	struct sim_phone_state near, far; /* at that moment */
	/* Of the first call that is not fine, as the server judges it, else of itself; FINDINGS: nothing is wrong. */
	enum finding_code code;
	char why[300];
};
/* Signalling thread; takes no real time. A configuration that is refused is a result without audio. */
void sim_try(const struct trial *t, struct trial_result *res);
