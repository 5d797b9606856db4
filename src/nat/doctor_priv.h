/* nat/doctor_priv.h: what the doctor's rules share. */
#pragma once
#include "nat/doctor.h"
#include "nat/priv.h"

struct exam { /* one call */
	struct rules r;
	const struct doctor_ask *ask;
};

/* One leg, and its symptoms: what it has of them decides which rules make sense. */
struct leg {
	const struct leg_facts *f;
	const struct conf_endpoint *ep;
	const struct nat_door *door;    /* NULL: its transport is gone */
	const struct conf_transport *t; /* the door's */
	bool deaf;                      /* answered, and nothing came */
	bool stopped;                   /* something came, and then no more */
	bool unheard;                   /* it reports that it hears nothing, or we send where nobody is */
	bool garbled;                   /* most of what comes is in no format that was agreed */
	bool only_noise;                /* comfort noise, and nothing else */
	bool broken;                    /* the call ended as calls should not */
};
struct leg_rule {
	void (*look)(struct exam *x, const struct leg *l);
	bool always; /* its symptom is its own */
};
extern const struct leg_rule leg_rules[];             /* doctor_leg.c; ends without look */
void leg_puzzle(struct exam *x, const struct leg *l); /* sick, and no rule knows why */

bool is_asked_seldom(const struct conf_aor *a); /* too seldom to keep a router's door open */
bool is_outside(const struct addr *a);
bool is_private(const struct addr *a);
/* rewrite_contact replaced its port by another one of the same host, and nothing shows that it listens there. */
bool is_taken_for_nat(const struct addr *written, const struct addr *by, bool at_source);
bool hears_us(const struct leg_facts *f);     /* its receiver reports say so */
bool says_deaf(const struct leg_facts *f);    /* they say that nothing of ours arrives */
bool sends_astray(const struct leg_facts *f); /* to another host than the one it is at */
bool sends_beside(const struct leg_facts *f); /* to its host, and not to the port that its audio comes from */
const char *ip(const struct addr *a, char buf[ADDR_STRLEN]);
void sort_by_sureness(struct lint *l);             /* and counts errors and warnings */
char *sentence(const char *fmt, ...) PRINTF(1, 2); /* malloc'd */
