/* sim/lab_priv.h: what the files of the lab share. Not for others. */
#pragma once
#include "sim/lab.h"

#define LAB_PHONES  4 /* that are tried: each stands for those with the same options */
#define LAB_TRUNKS  4
#define LAB_TIMEOUT 62000 /* ms: routers of the patient kind, that the guide's qualify_frequency=60 is made for */

struct lab_phone {
	const struct conf_endpoint *ep;
	const struct conf_aor *aor;
	const struct conf_auth *auth; /* NULL: it is not asked */
	unsigned like;                /* further phones with the same options */
	char codecs[16];              /* of those that virtual phones speak; "": none */
};
struct lab_trunk {
	const struct conf_endpoint *ep;
	const struct conf_aor *aor;          /* NULL: nothing to dial */
	const struct conf_registration *reg; /* NULL: it does not register */
	const struct conf_auth *auth;
	char *names, *user; /* user: whom it registers as */
	struct addr provider;
};

/* A phone and whom it talks to, with the numbers that the dialplan has for it. */
struct lab_pair {
	const struct lab_phone *phone, *other; /* other: NULL: the trunk */
	const struct lab_trunk *trunk;
	char out[64], in[64], echo[64]; /* "": no number does that */
};

struct lab_fix;
#define LAB_FIXES 24
struct lab_case {
	struct spot spot;
	const struct lab_pair *pair;
	const char *impossible;
	struct lab_call {
		bool tried, audio;
		char what[160];
	} calls[FLOWS];
	unsigned tried, audio;
	const struct lab_fix *fixes[LAB_FIXES]; /* together they make every call work, and none is needless */
	unsigned n_fixes;
	bool hopeless; /* no fix that we know of helps */
};

struct lab {
	const struct lab_ask *ask;
	struct conf *conf;
	struct lab_phone phones[LAB_PHONES], spare; /* spare: a second of the first kind */
	struct lab_trunk trunks[LAB_TRUNKS];
	size_t n_phones, n_trunks;
	unsigned left_out; /* phones without a password that we can know */
	struct lab_pair pairs[LAB_PHONES * (1 + LAB_TRUNKS)];
	size_t n_pairs;
	struct addr bound;                                      /* a transport's own address; family 0: any */
	char external[ADDR_STRLEN], local_net[ADDR_STRLEN * 3]; /* lab_fix.c's, for the case it works on */
	struct net_rule rules[4];
	struct ground_ask ground; /* what the configuration says of its surroundings; spot is not set */
	bool external_written;    /* the external address is the configuration's own, not made up */
	char *external_names, *stun_name;
	enum carried by;
	bool tls; /* BY_TCP is by TLS */
	bool v6;
	int64_t wall;
	struct lab_case *cases;
	size_t n_cases;
};

/* lab_read.c: phones, trunks, surroundings. False, with the reason in `why`: there is nothing to try. */
bool lab_read(struct lab *l, struct diag *why);
/* lab_dial.c: finds the pairs' numbers by dialling. */
void lab_dial(struct lab *l);
/* lab.c */
bool lab_call(const struct lab *l, const struct lab_case *c, struct trial *t, enum flow_kind flow, char what[160]);
void lab_trial(const struct lab *l, const struct lab_pair *p, const struct spot *s, struct trial *t);
/* lab_fix.c: what would have to change so that every call of the case has audio. */
void lab_fix(struct lab *l, struct lab_case *c);
struct lab_change {
	const char *file, *section, *option;
	char value[80], was[80]; /* was: "": not written */
	unsigned line;           /* of the section */
	bool example;            /* the value is the simulator's: the real one is another */
};
void lab_fix_text(struct lab *l, const struct lab_case *c, const struct lab_fix *f, struct lab_change *say);
/* lab_say.c: the report. */
void lab_say(struct lab *l, struct out *o);
void lab_say_json(struct lab *l, struct out *o);
/* ladder.c: one call's messages. */
void lab_ladder(struct lab *l, const struct lab_case *c, struct out *o);
